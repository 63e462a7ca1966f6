"""Sites over SQL for tests: our tables, capture and keys on a database that Keystone has migrated."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import sqlalchemy as sa

from keystone_viaduct.documents.codec import Codecs, Options
from keystone_viaduct.documents.schema import reflect, tables_of_kinds
from keystone_viaduct.sync.capture import TriggerCapture
from keystone_viaduct.sync.sealing import KeyRing
from keystone_viaduct.sync.store import SqlStore, SqlTransaction, make_engine, schema
from keystone_viaduct.sync.store.first import first_state
from keystone_viaduct.sync.store.tables import metadata
from tests.support.databases import DatabaseScope


class HexCipher:
    """Credential blobs in hexadecimal digits: no key repository is needed."""

    def decrypt(self, blob: str) -> str:
        """The text."""
        return bytes.fromhex(blob).decode()

    def encrypt(self, text: str) -> tuple[str, str]:
        """The blob and a key hash."""
        return text.encode().hex(), "0" * 40


def share(folder: Path, source: str, target: str, parts: Iterable[str]) -> None:
    """Copy files and folders of one site's folder, such as its database and keys, over another site's."""
    for part in parts:
        found, copy = folder / source / part, folder / target / part
        if found.is_dir():
            shutil.rmtree(copy)
            shutil.copytree(found, copy)
        else:
            shutil.copy(found, copy)


@contextmanager
def open_site(
    url: str,
    site: str = "east",
    hub: str = "east",
    *,
    capture: bool = True,
    options: Options | None = None,
    ring: KeyRing | None = None,
) -> Iterator[SqlStore]:
    """An initialised site whose existing rows are not marked; its connections are closed at the end.

    ``options``: the resource options that its Keystone has registered; ``ring``: a known site's keys.
    """
    engine = make_engine(url)
    schema.upgrade(engine)
    with engine.connect() as connection:
        tables = reflect(connection)
    if capture:
        with engine.connect() as connection:
            TriggerCapture(connection, tables).install()
    store = SqlStore(engine, ring or KeyRing.generate(), Codecs(tables, HexCipher(), options))
    if not store.read(lambda tx: tx.has_state()):
        store.run(lambda tx: tx.create_state(first_state(site, hub)))
    yield store
    engine.dispose()


class Sites:
    """One site per engine for a whole module, emptied for each test: installing triggers takes its time."""

    def __init__(self, databases: DatabaseScope) -> None:
        self._databases = databases
        self._open: dict[str, SqlStore] = {}
        self._exits = ExitStack()

    def fresh(self, engine_name: str) -> SqlStore:
        """The engine's site, without records."""
        if engine_name in self._open:
            _empty(self._open[engine_name])
        else:
            url = self._databases.keystone(engine_name)
            self._open[engine_name] = self._exits.enter_context(open_site(url))
        return self._open[engine_name]

    def close(self) -> None:
        """Close all connections."""
        self._exits.close()


def _empty(store: SqlStore) -> None:
    def work(tx: SqlTransaction) -> None:
        for kind in reversed(store.codecs.kinds):
            store.codecs.delete(tx.connection, kind, store.codecs.keys(tx.connection, kind, None, 10_000))
        for name in reversed(tables_of_kinds()):  # SQLite keeps orphans
            if name != "project":
                tx.connection.execute(sa.delete(sa.table(name)))
        for table in metadata.tables.values():
            tx.connection.execute(table.delete())
        tx.create_state(first_state("east", "east"))

    store.run(work)
