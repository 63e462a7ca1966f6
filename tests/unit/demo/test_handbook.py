"""The files that the demo writes are ones that the product reads; the cheat sheet names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from keystone_viaduct.demo.handbook import cheat_sheet, write_clouds, write_topology
from keystone_viaduct.demo.keystones import Keystone, SiteSpec
from keystone_viaduct.sync.agent.topology import read_topology
from keystone_viaduct.sync.client import cloud_login


@pytest.fixture
def sites(tmp_path: Path) -> list[Keystone]:
    return [Keystone(SiteSpec(name), tmp_path / name) for name in ("east", "west")]


def test_the_agent_reads_the_topology(sites: list[Keystone], tmp_path: Path) -> None:
    clouds = write_clouds(tmp_path / "clouds.yaml", sites)
    write_topology(tmp_path / "viaduct.yaml", "east", ["east", "west"], clouds, 7777)
    topology = read_topology(tmp_path / "viaduct.yaml")
    assert (topology.hub, topology.spokes) == ("east", ["west"])
    assert topology.clouds == clouds
    assert topology.agent.listen == ("127.0.0.1", 7777)


def test_a_cloud_is_scoped_to_the_system_and_leads_where_it_is_told(
    sites: list[Keystone], tmp_path: Path
) -> None:
    away = {"west": "http://127.0.0.1:9/v3"}
    clouds = write_clouds(tmp_path / "clouds.yaml", sites, away)
    assert clouds.stat().st_mode & 0o777 == 0o600
    assert cloud_login("east", files=[str(clouds)]).url == sites[0].url
    assert cloud_login("west", files=[str(clouds)]).url == away["west"]


def test_the_cheat_sheet_names_what_is_there(tmp_path: Path) -> None:
    text = cheat_sheet(tmp_path, "east", ["west", "south"], "http://127.0.0.1:7788")
    for words in (str(tmp_path / "clouds.yaml"), "cut west", "heal west", "compare", "7788/status"):
        assert words in text


def test_the_cheat_sheet_tells_of_the_dashboard_where_there_is_one(tmp_path: Path) -> None:
    text = cheat_sheet(tmp_path, "east", ["west"], "http://127.0.0.1:7788", "http://127.0.0.1:7789/")
    assert "http://127.0.0.1:7789/" in text
    assert "viaduct-demo" in text
    assert "browser" not in cheat_sheet(tmp_path, "east", ["west"])
