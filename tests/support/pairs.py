"""A hub and a spoke over SQL, each on an engine of its own, joined in this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from keystone_viaduct.clock import SystemClock
from keystone_viaduct.demo.comparer import Comparison, Source, compare
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.value import Document
from keystone_viaduct.sync.link.link import Link
from keystone_viaduct.sync.link.replicator import Progress
from keystone_viaduct.sync.model import Conflict, Peer, Ref
from keystone_viaduct.sync.site import Site
from keystone_viaduct.sync.store import SqlStore, SqlTransaction
from tests.support.databases import DatabaseScope
from tests.support.sites import open_site

STEPS = 40


@dataclass
class SqlPair:
    """``east``, the hub, and ``west``."""

    east: SqlStore
    west: SqlStore
    limit: int = 500

    def introduce(self) -> None:
        """Each knows the other; they have one fleet secret."""
        secret = self.east.read(lambda tx: tx.known_state()).fleet_secret
        self.west.run(lambda tx: tx.save_state(replace(tx.state(), fleet_secret=secret)))
        for store, other in ((self.east, self.west), (self.west, self.east)):
            state = other.read(lambda tx: tx.known_state())
            peer = Peer(state.site, other.ring.public_key, state.incarnation)
            store.run(lambda tx, peer=peer: tx.save_peer(peer))  # type: ignore[misc]

    def write(self, store: SqlStore, changes: Sequence[tuple[str, Document | None, Document | None]]) -> None:
        """What a Keystone does in one transaction: (kind, old, new), None for nothing."""

        def work(tx: SqlTransaction) -> None:
            for kind, old, new in changes:
                document = new or old or {}
                key = REGISTRY[kind].key_of(document)
                if new is None:
                    store.codecs.delete(tx.connection, kind, [key])
                else:
                    full = {**tx.defaults(kind), **new}
                    before = None if old is None else {**tx.defaults(kind), **old}
                    store.codecs.write(tx.connection, kind, key, before, full)

        store.run(work)

    def fill(self, store: SqlStore, items: Sequence[tuple[str, Document]]) -> None:
        """New records."""
        self.write(store, [(kind, None, document) for kind, document in items])

    def sync(self) -> None:
        """Both ways, until nothing moves."""
        link = Link(Site(self.east, SystemClock()), Site(self.west, SystemClock()), self.limit)
        ways = (link.up, link.down)
        for _ in range(STEPS):
            before = [way.totals.changes for way in ways]
            progress = [link.step(way) for _ in range(3) for way in ways]
            if before == [way.totals.changes for way in ways] and Progress.MORE not in progress:
                return
        raise AssertionError("the link does not come to rest")

    def document(self, store: SqlStore, ref: Ref) -> Document | None:
        """What its tables hold."""
        return store.read(lambda tx: tx.documents([ref])).get(ref)

    def carried(self, store: SqlStore) -> dict[Ref, str]:
        """The records that its tables can't hold, and why."""
        found = store.read(lambda tx: tx.carried(0, 10_000))
        return {record.ref: record.carried.reason for record in found if record.carried is not None}

    def pending(self) -> list[Any]:
        """What waits at either end."""
        return [
            *self.east.read(lambda tx: tx.pending("west")),
            *self.west.read(lambda tx: tx.pending("east")),
        ]

    def differences(self) -> set[Ref]:
        """Records of which the two have not the same version and contents."""
        found = []
        for store in (self.east, self.west):
            records = store.read(lambda tx: tx.feed(0, 1_000_000, None))
            found.append({(record.ref, record.fingerprint) for record in records})
        return {ref for ref, _ in found[0] ^ found[1]}

    def judged(self) -> Comparison:
        """What the demo's judge finds, who reads the databases by SQL of its own."""
        stores = {"east": self.east, "west": self.west}
        urls = {site: store.engine.url.render_as_string(False) for site, store in stores.items()}
        return compare([Source(site, url, Path("none")) for site, url in urls.items()])

    def conflicts(self) -> list[Conflict]:
        """What the hub has listed."""
        return list(self.east.read(lambda tx: tx.conflicts(10_000, open_only=False)))


@contextmanager
def sql_pair(databases: DatabaseScope, hub: str, spoke: str) -> Iterator[SqlPair]:
    """A hub and a spoke on these engines, without records."""
    with (
        open_site(databases.keystone(hub), "east", "east") as east,
        open_site(databases.keystone(spoke), "west", "east") as west,
    ):
        pair = SqlPair(east, west)
        pair.introduce()
        yield pair
