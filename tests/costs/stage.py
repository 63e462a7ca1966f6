"""A hub over SQL whose statements are counted, and a spoke in memory that sends it pages of one kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from keystone_viaduct.clock import ManualClock
from keystone_viaduct.documents.codec import Codecs
from keystone_viaduct.documents.schema import reflect
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.value import Document
from keystone_viaduct.sync.capture import TriggerCapture
from keystone_viaduct.sync.charter import Charter, Delegation
from keystone_viaduct.sync.model import ApplyResult, Checkpoint, Page, Peer, Ref
from keystone_viaduct.sync.ports import Write
from keystone_viaduct.sync.sealing import KeyRing
from keystone_viaduct.sync.site import Site
from keystone_viaduct.sync.site.content import without_defaults
from keystone_viaduct.sync.store import SqlStore, make_engine, schema
from keystone_viaduct.sync.store.first import first_state
from keystone_viaduct.testing.memory import MemoryStore, empty
from tests.costs.meter import Cost, Meter, counting, metered
from tests.support.databases import DatabaseScope
from tests.support.sites import HexCipher

SECRET = b"the secret of a fleet for tests!"


class Stage:
    """``east``, whose costs are taken, and ``west``."""

    def __init__(self, store: SqlStore, meter: Meter) -> None:
        self.store = store
        self.meter = meter
        self.clock = ManualClock()
        self.east = Site(store, self.clock)
        self.west_store = MemoryStore(empty("west", "east", incarnation="00000002", secret=SECRET))
        self.west = Site(self.west_store, self.clock)
        self.after: Checkpoint | None = None
        store.run(lambda tx: tx.save_state(replace(tx.state(), fleet_secret=SECRET)))
        store.run(lambda tx: tx.save_peer(Peer("west", b"w" * 32, "00000002")))
        incarnation = store.read(lambda tx: tx.known_state()).incarnation
        self.west_store.run(lambda tx: tx.save_peer(Peer("east", b"e" * 32, incarnation)))

    def limit(self, delegation: Delegation) -> None:
        """West may change no more than this."""
        edition = self.east.charter().edition
        self.east.write_charter(Charter(delegations={"west": delegation}), edition)
        while self.east.judge():  # all that west has made already
            pass

    def edit(self, kind: str, pairs: Sequence[tuple[Document | None, Document | None]]) -> None:
        """At west, in one transaction: (old, new) of each record."""
        self.clock.advance(1_000_000)
        defaults = self.store.codecs.defaults(kind)
        key_of = REGISTRY[kind].key_of

        def said(document: Document | None) -> Document | None:
            return None if document is None else without_defaults(document, defaults)

        writes = [
            Write(Ref(kind, key_of({**defaults, **(new or old or {})})), said(old), said(new))
            for old, new in pairs
        ]
        self.west_store.edit(writes, self.clock.now())

    def pages(self, limit: int = 5000) -> Iterator[Page]:
        """What west has not shown yet, one page after the other; go on once it is applied."""
        while True:
            page = self.west.read("east", self.after, limit)
            self.after = page.upto
            yield page
            if page.at_head:
                return

    def applied(self, page: Page) -> tuple[ApplyResult, Cost]:
        """Apply it, and what that cost."""
        self.meter.take()
        result = self.east.apply(page)
        return result, self.meter.take()

    def cost(self, work: Callable[[], Any]) -> Cost:
        """What something costs."""
        self.meter.take()
        work()
        return self.meter.take()

    def send(self) -> Cost:
        """Carry all that west has to show: what it costs."""
        total = Cost()
        for page in self.pages():
            total.add(self.applied(page)[1])
        return total


@contextmanager
def stage(databases: DatabaseScope, engine_name: str) -> Iterator[Stage]:
    """A fresh one."""
    engine = make_engine(databases.keystone(engine_name), **counting(engine_name))
    try:
        schema.upgrade(engine)
        with engine.connect() as connection:
            tables = reflect(connection)
        with engine.connect() as connection:
            TriggerCapture(connection, tables).install()
        store = SqlStore(engine, KeyRing.generate(), Codecs(tables, HexCipher()))
        store.run(lambda tx: tx.create_state(first_state("east", "east")))
        with metered(engine) as meter:
            yield Stage(store, meter)
    finally:
        engine.dispose()
