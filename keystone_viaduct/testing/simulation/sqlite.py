"""A site's database for the simulation as it really is: Keystone's tables, ours and the triggers, on SQLite.

Keystone's tables are made from its own models, once per process; each further database is a copy in memory.
"""

from __future__ import annotations

import importlib
import pkgutil
import sqlite3
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from keystone_viaduct.documents.codec import Codecs
from keystone_viaduct.documents.schema import reflect
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.capture import TriggerCapture
from keystone_viaduct.sync.external import ExternalDrivers
from keystone_viaduct.sync.model import Document, Record, Ref
from keystone_viaduct.sync.ports import Write
from keystone_viaduct.sync.sealing import KeyRing
from keystone_viaduct.sync.site.content import without_defaults
from keystone_viaduct.sync.store import SqlStore, SqlTransaction, make_engine, schema
from keystone_viaduct.sync.store.drivers import DriverSettings
from keystone_viaduct.sync.store.tables import dirty
from keystone_viaduct.testing.memory import Data, Fold, MemoryTransaction, empty
from keystone_viaduct.testing.simulation.memory import check_unique
from keystone_viaduct.testing.simulation.releases import RELEASES

T = TypeVar("T")
_ALL = 1_000_000
ROOT = "<<keystone.domain.root>>"


class PlainCipher:
    """Credential blobs in hexadecimal digits: no key repository is needed."""

    def decrypt(self, blob: str) -> str:
        """The text."""
        return bytes.fromhex(blob).decode()

    def encrypt(self, text: str) -> tuple[str, str]:
        """The blob and a key hash."""
        return text.encode().hex(), "0" * 40


class SqliteDatabase:
    """``simulation.fleet.Database`` over :class:`SqlStore`."""

    def __init__(self, site: str, hub: str, incarnation: str) -> None:
        self._connection = sqlite3.connect(":memory:", check_same_thread=False)
        self._connection.deserialize(_template())
        engine = make_engine("sqlite://", poolclass=StaticPool, creator=lambda: self._connection)
        self._engine = engine
        self._store = SqlStore(engine, _ring(), _codecs())
        self._release = 0
        first = empty(site, hub, incarnation=incarnation).state
        self._store.run(lambda tx: tx.create_state(first))
        self._seen: tuple[int, Data] | None = None
        self._restored = 0
        self._strays = False
        self._directory: frozenset[Ref] = frozenset()

    def run(self, work: Callable[[Any], T]) -> T:
        """``ports.Store``."""
        return self._store.run(work)

    def run_at_once(self, work: Callable[[Any], T]) -> T | None:
        """``ports.Store``: nobody else is at work here."""
        return self._store.run(work)

    def look(self, work: Callable[[Any], T]) -> T:
        """``ports.Store``."""
        return self._store.look(work)

    def sign_later(self) -> None:
        """It signs from the start."""

    def may_be_a_record(self, error: Exception) -> bool:
        """``ports.Store``."""
        return self._store.may_be_a_record(error)

    @property
    def data(self) -> Data:
        """What it holds, read again when something was written."""
        changes = self._connection.total_changes + self._restored
        if self._seen is None or self._seen[0] != changes:
            before = self._seen[1] if self._seen else None
            self._seen = (changes, self._store.read(lambda tx: _load(tx, before, self._strays)))
        return self._seen[1]

    def edit(self, writes: Sequence[Write], stamped_at: int) -> None:
        """What an application does in one transaction, at the time of the site's own clock.

        SQLite checks no foreign keys here, so that is done as the database in memory does it.
        """
        rows = dict(self.data.rows)
        trial = MemoryTransaction(Data(self.data.state, rows=rows), {}, directory=self._directory)
        trial.write_documents(writes)

        def work(tx: SqlTransaction) -> None:
            last = tx.connection.scalar(sa.select(sa.func.max(dirty.c.id))) or 0
            tx.write_documents(
                [Write(w.ref, _full(tx, w.ref, w.old), _full(tx, w.ref, w.new)) for w in writes]
            )
            tx.connection.execute(dirty.update().where(dirty.c.id > last).values(stamped_at=stamped_at))

        self._store.run(work)

    def tell_directory(self, drivers: ExternalDrivers, directory: frozenset[Ref]) -> None:
        """As options of ``keystone.conf`` and the file of a domain would say it."""
        by_name = {name: drivers.names[name] for name in drivers.mapped}
        if drivers:
            self._store.drivers = DriverSettings("ldap", drivers.unmapped, by_name=by_name)
        self._directory = directory

    def by_hand(self, writes: Sequence[Write]) -> None:
        """What an operator does in a shell, where no trigger fires."""
        self._strays = True

        def work(tx: SqlTransaction) -> None:
            check_unique(tx, self.data.rows, writes)
            last = tx.connection.scalar(sa.select(sa.func.max(dirty.c.id))) or 0
            tx.write_documents(
                [Write(w.ref, _full(tx, w.ref, w.old), _full(tx, w.ref, w.new)) for w in writes]
            )
            tx.connection.execute(dirty.delete().where(dirty.c.id > last))

        self._connection.execute("PRAGMA foreign_keys = OFF")  # as every shell has them
        try:
            self._store.run(work)
        finally:
            self._connection.execute("PRAGMA foreign_keys = ON")

    @property
    def release(self) -> int:
        """Its number."""
        return self._release

    def known_fields(self, kind: str) -> frozenset[str]:
        """As the codecs have found them."""
        return self._store.codecs.fields(kind)

    def narrow(self, text: str) -> None:
        """SQLite holds all texts."""

    def take_for_equal(self, fold: Fold) -> None:
        """SQLite compares texts byte by byte."""

    def upgrade(self) -> None:
        """Migrate to the next release."""
        self._migrate(self._release, self._release + 1)

    def backup(self) -> tuple[int, bytes]:
        """The whole database, with the release that it is of."""
        return self._release, self._connection.serialize()

    def restore(self, copy: tuple[int, bytes]) -> None:
        """Put it back, and migrate it to the release of today."""
        self._connection.deserialize(copy[1])
        self._restored += _ALL
        self._migrate(copy[0], self._release)

    def _migrate(self, old: int, new: int) -> None:
        """As an operator does: without our triggers, which name the columns."""
        if old == new:
            return
        with self._engine.begin() as connection:
            TriggerCapture(connection, self._store.codecs.schema).remove()
            for release in RELEASES[old + 1 : new + 1]:
                for statement in release.statements:
                    connection.exec_driver_sql(statement)
        found = reflect(self._engine, fresh=True)
        with self._engine.connect() as connection:
            TriggerCapture(connection, found).install()
        self._store.codecs = Codecs(found, PlainCipher(), RELEASES[new].options)
        self._release = new


def _full(tx: SqlTransaction, ref: Ref, document: Document | None) -> Document | None:
    return None if document is None else {**tx.defaults(ref.kind), **document}


def _load(tx: SqlTransaction, before: Data | None, strays: bool) -> Data:
    """``strays``: there may be rows that have neither a record nor a mark."""
    known = before.records if before is not None else {}
    data = Data(tx.known_state())
    data.records = {record.ref: _same(known, record) for record in tx.feed(-_ALL, _ALL, None)}
    data.marks = {mark.id: mark for mark in tx.take_marks(_ALL)}
    data.checkpoints = tx.checkpoints()
    data.peers = dict(tx.peers())
    data.pending = {(site, w.change.ref): w for site in data.peers for w in tx.pending(site)}
    data.conflicts = list(reversed(tx.conflicts(_ALL)))
    data.held = {item.ref: item for item in tx.held(_ALL)}
    rows = [Ref(kind, key) for kind in REGISTRY for key in tx.row_keys(kind, "", _ALL)] if strays else []
    refs = list(dict.fromkeys([*data.records, *(mark.ref for mark in data.marks.values()), *rows]))
    for ref, document in tx.documents(refs).items():
        data.rows[ref] = without_defaults(document, tx.defaults(ref.kind))
    return data


def _same(known: dict[Ref, Record], record: Record) -> Record:
    """The object of the last sight where nothing has changed: who looks for changes compares objects."""
    before = known.get(record.ref)
    return before if before == record and before is not None else record


@cache
def _ring() -> KeyRing:
    return KeyRing.generate()


def _template() -> bytes:
    return _made()[0]


def _codecs() -> Codecs:
    return _made()[1]


@cache
def _made() -> tuple[bytes, Codecs]:
    """A database with all tables and triggers, and without records; and how its tables are read."""
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    engine = make_engine("sqlite://", poolclass=StaticPool, creator=lambda: connection)
    _keystone_tables(engine)
    schema.upgrade(engine)
    found = reflect(engine)
    with engine.connect() as opened:
        TriggerCapture(opened, found).install()
    return connection.serialize(), Codecs(found, PlainCipher(), RELEASES[0].options)


def _keystone_tables(engine: sa.engine.Engine) -> None:
    """Create the tables of every model that the installed Keystone has."""
    import keystone
    from keystone.common import sql

    for top in pkgutil.iter_modules(keystone.__path__, "keystone."):
        if not top.ispkg or top.name == "keystone.tests":  # its tests want options that nobody has parsed yet
            continue
        for found in pkgutil.walk_packages(importlib.import_module(top.name).__path__, f"{top.name}."):
            parts = found.name.split(".")
            if parts[-1] in ("sql", "sql_model") and any("backends" in part for part in parts):
                importlib.import_module(found.name)
    sql.ModelBase.metadata.create_all(engine)
    with engine.begin() as connection:  # as Keystone's migrations do: every domain refers to it
        connection.exec_driver_sql(
            "INSERT INTO project (id, name, domain_id, enabled, extra, is_domain) "
            "VALUES (?, ?, ?, 0, '{}', 1)",
            (ROOT, ROOT, ROOT),
        )
