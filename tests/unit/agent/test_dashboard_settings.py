"""``agent.dashboard`` of viaduct.yaml: it is served where somebody says so, and who looks is bounded."""

from __future__ import annotations

from pathlib import Path

import pytest

from keystone_viaduct.errors import ConfigError
from keystone_viaduct.sync.agent.dashboard import (
    ACCOUNT,
    ADMINISTRATOR,
    ANYONE,
    DashboardSettings,
    is_this_machine,
)
from keystone_viaduct.sync.agent.topology import read_topology


def read(folder: Path, dashboard: str) -> DashboardSettings | None:
    """What a viaduct.yaml with these lines below ``agent:`` says."""
    file = folder / "viaduct.yaml"
    text = "hub: east\nsites: {east: , west: }\nagent:\n  poll: 5\n"
    file.write_text(text + "".join(f"  {line}\n" for line in dashboard.splitlines()), encoding="utf-8")
    return read_topology(file).agent.dashboard


@pytest.mark.parametrize("text", ["", "dashboard: false", "dashboard:", "dashboard: {listen: false}"])
def test_nothing_is_served_unless_somebody_says_so(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) is None


def test_an_address_is_enough_and_this_machine_may_look(tmp_path: Path) -> None:
    assert read(tmp_path, 'dashboard: "127.0.0.1:7000"') == DashboardSettings(("127.0.0.1", 7000), ANYONE)
    assert read(tmp_path, "dashboard: {look: account}") == DashboardSettings(("127.0.0.1", 7789), ACCOUNT)


def test_beyond_this_machine_administrators_look_unless_said_otherwise(tmp_path: Path) -> None:
    for address in ("0.0.0.0:7789", "[::]:7789", "fleet.example.org:7789"):
        found = read(tmp_path, f'dashboard: "{address}"')
        assert found is not None
        assert found.look == ADMINISTRATOR, address
    opened = read(tmp_path, 'dashboard: {listen: "0.0.0.0:7789", look: anyone}')
    assert opened is not None
    assert opened.look == ANYONE


def test_a_certificate_comes_with_its_key(tmp_path: Path) -> None:
    for name in ("fleet.pem", "fleet.key"):
        (tmp_path / name).touch()
    found = read(tmp_path, 'dashboard: {certificate: fleet.pem, key: fleet.key, url: "https://fleet/"}')
    assert found is not None
    assert (found.certificate, found.key) == (tmp_path / "fleet.pem", tmp_path / "fleet.key")
    assert found.url == "https://fleet"


@pytest.mark.parametrize(
    ("text", "problem", "hint"),
    [
        ("dashboard: 7789", "agent.dashboard is a number", ""),
        ('dashboard: "nowhere"', "agent.dashboard.listen is no address", "host:port in quotes"),
        ('dashboard: "127.0.0.1:99999"', "is no address", "host:port in quotes"),
        ("dashboard: {look: all}", "agent.dashboard.look is all", "anyone, account or administrator"),
        ("dashboard: {url: fleet}", "agent.dashboard.url is fleet", "https://"),
        ("dashboard: {certificate: no.pem}", "which is not there", "correct the name"),
        (
            "dashboard: {key: viaduct.yaml}",
            "or a key alone",
            "both, or neither",
        ),
        ("dashboard: {port: 7789}", "agent.dashboard.port is not known", ""),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(
    tmp_path: Path, text: str, problem: str, hint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert problem in caught.value.message
    assert hint in caught.value.hint


def test_only_loopback_addresses_are_this_machine() -> None:
    assert all(map(is_this_machine, ("127.0.0.1", "127.8.8.8", "::1", "localhost")))
    assert not any(map(is_this_machine, ("0.0.0.0", "::", "10.0.0.7", "localhost.evil", "")))
