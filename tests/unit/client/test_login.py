"""Accounts from clouds.yaml: what is wrong is told."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from openstack.config import OpenStackConfig

from keystone_viaduct.errors import ConfigError, SiteUnavailable
from keystone_viaduct.sync.client import Clouds, cloud_login
from keystone_viaduct.sync.client.login import CloudLogin

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


def test_a_file_of_authorities_that_is_not_there_is_the_site_s_trouble_alone(files: list[str]) -> None:
    with pytest.raises(SiteUnavailable, match=r"west gives no token: .*/nowhere/ca\.pem"):
        cloud_login("west", files=files).token()


def test_a_site_that_takes_the_call_and_never_answers_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        path = tmp_path / "clouds.yaml"
        auth = (
            f"{{auth_url: '{url}/v3', username: u, password: p, user_domain_id: default, system_scope: all}}"
        )
        path.write_text(f"clouds:\n  far: {{auth_type: v3password, auth: {auth}}}\n")
        login = cloud_login("far", files=[str(path)], patience=0.2)
        with pytest.raises(SiteUnavailable, match=r"far gives no token.*timed out"):
            login.token()


def test_a_site_has_a_bounded_time_to_give_a_token_unless_its_cloud_says_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "clouds.yaml"
    auth = "{auth_url: 'http://x/v3', username: u, password: p, user_domain_id: default, system_scope: all}"
    kind = f"auth_type: v3password, auth: {auth}"
    path.write_text(f"clouds:\n  plain: {{{kind}}}\n  slow: {{{kind}, api_timeout: 99}}\n")
    assert [cloud_login(name, files=[str(path)])._session.timeout for name in ("plain", "slow")] == [
        15.0,
        99.0,
    ]


def test_a_site_that_gives_its_token_byte_by_byte_is_given_up_and_not_asked_a_second_time_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each byte comes in time, so keystoneauth's own timeout never ends it."""
    monkeypatch.setattr("keystone_viaduct.sync.client.login.LONGEST", 0.1)
    auth = Slow()
    login = CloudLogin("west", "http://west", auth, object())
    for _ in range(3):
        with pytest.raises(SiteUnavailable, match="gives no token within"):
            login.token()
    assert auth.asked == 1
    monkeypatch.setattr("keystone_viaduct.sync.client.login.LONGEST", 60.0)
    auth.given.set()
    assert login.token() == "t"


class Slow:
    """A plug-in whose token takes as long as it takes."""

    auth_ref = None

    def __init__(self) -> None:
        self.asked = 0
        self.given = threading.Event()

    def get_access(self, _session: object) -> Slow:
        self.asked += 1
        assert self.given.wait(60)
        return self

    auth_token = "t"

    def will_expire_soon(self, _spare: int) -> bool:
        return False


def test_the_clouds_of_a_whole_fleet_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reading takes as long as there are clouds."""
    auth = "{username: u, password: p, user_domain_id: default, system_scope: all"
    names = [f"s{number}" for number in range(20)]
    lines = [f"  {name}: {{auth: {auth}, auth_url: 'http://{name}/v3'}}}}" for name in names]
    path = tmp_path / "clouds.yaml"
    path.write_text("\n".join(["clouds:", *lines, ""]))
    reads = 0
    honest = OpenStackConfig._load_config_file

    def counting(config: OpenStackConfig) -> Any:
        nonlocal reads
        reads += 1
        return honest(config)

    monkeypatch.setattr(OpenStackConfig, "_load_config_file", counting)
    clouds = Clouds([str(path)])
    logins = [cloud_login(name, clouds=clouds) for name in names]
    assert [login.url for login in logins] == [f"http://{name}/v3" for name in names]
    assert len({id(login._session) for login in logins}) == len(names)
    assert reads == 1
