"""Accounts from clouds.yaml: what is wrong is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from keystone_viaduct.errors import ConfigError
from keystone_viaduct.sync.client import cloud_login

CLOUDS = """\
clouds:
  west:
    auth: {auth_url: "https://west.example:5000", username: sync, password: x, user_domain_id: default,
           system_scope: all}
    cacert: /nowhere/ca.pem
  project:
    auth: {auth_url: "https://west.example:5000/v3", username: sync, password: x, user_domain_id: default,
           project_name: admin, project_domain_id: default}
  nowhere:
    auth: {username: sync, password: x, user_domain_id: default, system_scope: all}
"""


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    file = tmp_path / "clouds.yaml"
    file.write_text(CLOUDS)
    return [str(file)]


def test_a_cloud_gives_url_and_authorities(files: list[str]) -> None:
    login = cloud_login("west", files=files)
    assert login.url == "https://west.example:5000/v3"
    assert login.verify == "/nowhere/ca.pem"


def test_another_way_to_the_site_may_be_given(files: list[str]) -> None:
    assert cloud_login("west", url="http://tunnel:1/", files=files).url == "http://tunnel:1/v3"


@pytest.mark.parametrize(
    ("cloud", "told", "hint"),
    [
        ("project", "not scoped to the system", "system_scope: all"),
        ("south", "not found", "--os-cloud"),
        ("nowhere", "auth", "auth"),
    ],
)
def test_a_cloud_that_can_not_be_used_is_told_with_a_hint(
    files: list[str], cloud: str, told: str, hint: str
) -> None:
    with pytest.raises(ConfigError, match=cloud) as caught:
        cloud_login(cloud, files=files)
    assert told in caught.value.message
    assert hint in caught.value.hint
