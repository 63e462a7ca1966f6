"""One change, followed from Keystone's table at one site to the same table at another one.

It is played on three databases, and docs/explanation/architecture.md shows what comes of it, word by word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.clock import SystemClock
from keystone_viaduct.sync.link.replicator import Progress, Replicator
from keystone_viaduct.sync.model import Peer
from keystone_viaduct.sync.site import Site
from keystone_viaduct.sync.store import SqlStore, SqlTransaction
from tests.support.databases import DatabaseScope
from tests.support.sites import open_site

PAGE = Path(__file__).resolve().parents[3] / "docs/explanation/architecture.md"
NAMES = HUB, WEST, SOUTH = ("east", "west", "south")
LOOKS = {
    "region": "SELECT id, description FROM region WHERE id = 'paris'",
    "viaduct_dirty": "SELECT kind, key FROM viaduct_dirty",
    "viaduct_record": "SELECT kind, key, seq, version, learned_from FROM viaduct_record WHERE key = 'paris'",
    "viaduct_checkpoint": "SELECT source, seq FROM viaduct_checkpoint ORDER BY source",
}


class Walk:
    """Three sites, and what was seen at each."""

    def __init__(self, stores: Mapping[str, SqlStore]) -> None:
        self.stores = stores
        self.sites = {name: Site(store, SystemClock()) for name, store in stores.items()}
        self.lines: list[str] = []

    def keystone_does(self, name: str, statement: str) -> None:
        """What a request comes to in the database."""
        with self.stores[name].engine.begin() as connection:
            connection.exec_driver_sql(statement)
        self.lines.append(f"{name}: {statement}")

    def look(self, name: str, *tables: str) -> None:
        """Note what stands in these tables of a site."""
        with self.stores[name].engine.connect() as connection:
            for table in tables:
                rows = [dict(row) for row in connection.execute(sa.text(LOOKS[table])).mappings()]
                for row in rows or [{}]:
                    self.lines.append(f"  {name} {table}: {_told(row)}")

    def carry(self, source: str, target: str) -> list[str]:
        """What the agent does in one direction; the records that it carried."""
        replicator, carried = Replicator(self.sites[source], self.sites[target], 100), []
        while True:
            after = self.sites[target].standing(source).checkpoint
            carried += [str(change.ref) for change in self.sites[source].read(target, after).changes]
            if replicator.step() is not Progress.MORE:
                break
        self.lines.append(f"agent: {source} -> {target}: {', '.join(dict.fromkeys(carried)) or 'nothing'}")
        return carried


def _told(row: Mapping[str, Any]) -> str:
    """A row in a line; an incarnation, which is random, is left out of the names of edits."""
    said = " ".join(f"{name}={value}" for name, value in row.items() if value is not None)
    return re.sub(r"#[0-9a-f]{8}", "", said).replace('"', "") or "(nothing)"


@pytest.fixture
def walk(database_scope: DatabaseScope) -> Iterator[Walk]:
    """A hub and two spokes that have a region."""
    with ExitStack() as stack:
        stores = {
            name: stack.enter_context(open_site(database_scope.keystone("sqlite"), name, HUB))
            for name in NAMES
        }
        secret = stores[HUB].run(lambda tx: tx.state().fleet_secret)
        for name, store in stores.items():
            store.run(lambda tx, name=name: _join(tx, name, secret))  # type: ignore[misc]
        found = Walk(stores)
        found.keystone_does(HUB, "INSERT INTO region (id, description, extra) VALUES ('paris', 'old', '{}')")
        for name in (WEST, SOUTH, WEST, SOUTH):
            found.carry(HUB, name)
            found.carry(name, HUB)
        found.lines.clear()
        yield found


def _join(tx: SqlTransaction, name: str, secret: bytes) -> None:
    tx.save_state(replace(tx.state(), fleet_secret=secret))
    for other in NAMES:
        if other != name:
            tx.save_peer(Peer(other, b"k" * 32, "1"))


def test_the_page_shows_what_comes_of_a_change(walk: Walk) -> None:
    everything = tuple(LOOKS)
    walk.look(WEST, "region", "viaduct_record")
    walk.keystone_does(WEST, "UPDATE region SET description = 'new' WHERE id = 'paris'")
    walk.look(WEST, "region", "viaduct_dirty", "viaduct_record")
    walk.carry(WEST, HUB)
    walk.look(WEST, "viaduct_dirty", "viaduct_record")
    walk.look(HUB, *everything)
    walk.carry(HUB, SOUTH)
    walk.look(SOUTH, *everything)
    walk.carry(HUB, WEST)
    walk.look(WEST, "viaduct_record", "viaduct_checkpoint")
    assert "\n".join(walk.lines) in PAGE.read_text(), "\n".join(walk.lines)
