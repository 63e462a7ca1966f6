"""Plain HTTP is taken on this machine, or where somebody has said so; what is dangerous is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from keystone_viaduct.errors import ConfigError
from keystone_viaduct.sync.agent.agent import doubts_of, open_site
from keystone_viaduct.sync.agent.topology import AgentSettings, SiteEntry, Topology

CLOUDS = """\
clouds:
  east:
    auth: {{auth_url: "{east}", username: sync, password: one, user_domain_id: default, system_scope: all}}
    verify: {verify}
  west:
    auth: {{auth_url: "https://west.example/v3", username: sync, password: {other}, user_domain_id: default,
           system_scope: all}}
"""


def topology(
    folder: Path,
    east: str = "https://east.example/v3",
    url: str = "",
    other: str = "two",
    verify: str = "true",
    plain: bool = False,
) -> Topology:
    file = folder / "clouds.yaml"
    file.write_text(CLOUDS.format(east=east, other=other, verify=verify))
    sites = {"east": SiteEntry("east", "east", url), "west": SiteEntry("west", "west")}
    return Topology("east", sites, AgentSettings(plain_http=plain), file)


@pytest.mark.parametrize("east", ["http://127.0.0.1:5000", "http://[::1]:5000/v3", "http://localhost/v3"])
def test_plain_http_on_this_machine_is_taken(tmp_path: Path, east: str) -> None:
    open_site(topology(tmp_path, east), "east").close()
    assert doubts_of(topology(tmp_path, east)) == []


@pytest.mark.parametrize(
    ("east", "url"),
    [
        ("http://east.example:5000", ""),
        ("http://10.0.0.7/v3", ""),
        ("https://east.example/v3", "http://other.example/v3"),
        ("http://east.example/v3", "https://other.example/v3"),
    ],
)
def test_plain_http_beyond_it_is_refused_unless_it_is_meant(tmp_path: Path, east: str, url: str) -> None:
    with pytest.raises(ConfigError, match="plain HTTP") as caught:
        open_site(topology(tmp_path, east, url), "east")
    assert "plain_http: true" in caught.value.hint
    meant = topology(tmp_path, east, url, plain=True)
    open_site(meant, "east").close()
    assert any("plain HTTP" in doubt for doubt in doubts_of(meant))


def test_one_password_at_two_sites_and_a_certificate_that_is_not_checked_are_warned_of(
    tmp_path: Path,
) -> None:
    assert doubts_of(topology(tmp_path)) == []
    shared = doubts_of(topology(tmp_path, other="one"))
    assert len(shared) == 1 and "one password logs in at east, west" in shared[0]
    assert any("verify: false" in doubt for doubt in doubts_of(topology(tmp_path, verify="false")))
