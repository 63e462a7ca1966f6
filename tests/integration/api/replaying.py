"""What plays again what was once seen of a hostile site: its hands, its lies, and what is looked at."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from keystone_viaduct.sync.agent.topology import Topology, read_topology
from keystone_viaduct.sync.wire import body as wire
from keystone_viaduct.sync.wire.carried import CarriedPage
from tests.attack.door import Door, Trick
from tests.integration.api.conftest import Sites, running

#: Seconds for a Keystone to come up on a machine that has other things to do.
PATIENCE = 300
FAR = "2199-01-01 00:00:00.000000"


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    """A fleet of their own: the hub is killed, and accounts are made."""
    with running(tmp_path_factory.mktemp("replay")) as found:
        yield found


def by_hand(sites: Sites, statement: str, *, site: str = "west", **values: Any) -> None:
    """A site's administrator writes into its tables."""
    with closing(sqlite3.connect(sites.folder / site / "keystone.db", timeout=30)) as shell, shell:
        shell.execute(statement, values)


def look(sites: Sites, question: str, *, site: str = "west") -> Any:
    """One value of a site's tables."""
    with closing(sqlite3.connect(sites.folder / site / "keystone.db", timeout=30)) as shell:
        return shell.execute(question).fetchone()[0]


def log_in(sites: Sites, site: str, user: dict[str, Any], **scope: Any) -> httpx.Response:
    """What a site answers."""
    identity = {"methods": ["password"], "password": {"user": user}}
    body = {"auth": {"identity": identity, **({"scope": scope} if scope else {})}}
    return httpx.post(f"{sites.url(site)}/auth/tokens", json=body, timeout=60)


def refusals(east: httpx.Client) -> list[dict[str, Any]]:
    """What the hub lists as refused."""
    found = east.get("/OS-SYNC/conflicts", params={"limit": 1000}).json()["conflicts"]
    return [row for row in found if row["sort"] == "refused"]


def refused_kinds(east: httpx.Client) -> set[str]:
    """Of which kinds."""
    return {row["kind"] for row in refusals(east)}


def brought(sites: Sites) -> CarriedPage:
    """The page that the agent would bring from west now."""
    up = sites.agent().lanes[0].replicator
    up._prime()
    page = up._read()
    assert isinstance(page, CarriedPage)
    return page


def lie(sites: Sites, east: httpx.Client, change: Callable[[dict[str, Any]], None]) -> httpx.Response:
    """West answers the agent with a page of its own making, and the agent brings it."""
    page = brought(sites)
    value = json.loads(wire.decompress(page.data, page.encoding))
    change(value)
    return east.post("/OS-SYNC/changes", json=value)


def agents_files(sites: Sites, folder: Path, **agent: Any) -> Path:
    """A viaduct.yaml beside the clouds of the fleet, to be changed."""
    body = yaml.safe_load(sites.topology_file.read_text())
    body["clouds"] = str(sites.folder / "clouds.yaml")
    body["agent"] = {**body["agent"], "listen": False, **agent}
    file = folder / "viaduct.yaml"
    file.write_text(yaml.safe_dump(body))
    return file


def elsewhere(sites: Sites, folder: Path, url: str, **agent: Any) -> Topology:
    """The fleet, as an agent sees it whom west's address leads to ``url``."""
    file = agents_files(sites, folder, **agent)
    body = yaml.safe_load(file.read_text())
    body["sites"]["west"] = {"cloud": "west", "url": url}
    file.write_text(yaml.safe_dump(body))
    return read_topology(file)


@contextmanager
def behind(sites: Sites, trick: Trick) -> Iterator[str]:
    """West's door, where every request gets that trick; its URL."""
    door = Door(sites.url("west"), lambda asked: trick)
    door.start()
    try:
        yield door.url
    finally:
        door.stop()
