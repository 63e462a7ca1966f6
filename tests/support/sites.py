"""Sites over SQL for tests: our tables, capture and keys on a database that Keystone has migrated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from keystone_viaduct.documents.codec import Codecs
from keystone_viaduct.documents.schema import reflect
from keystone_viaduct.sync.capture import TriggerCapture
from keystone_viaduct.sync.sealing import KeyRing
from keystone_viaduct.sync.store import SqlStore, make_engine, schema
from keystone_viaduct.sync.store.first import first_state


class HexCipher:
    """Credential blobs in hexadecimal digits: no key repository is needed."""

    def decrypt(self, blob: str) -> str:
        """The text."""
        return bytes.fromhex(blob).decode()

    def encrypt(self, text: str) -> tuple[str, str]:
        """The blob and a key hash."""
        return text.encode().hex(), "0" * 40


@contextmanager
def open_site(url: str, site: str = "east", hub: str = "east", *, capture: bool = True) -> Iterator[SqlStore]:
    """An initialised site whose existing rows are not marked; its connections are closed at the end."""
    engine = make_engine(url)
    schema.upgrade(engine)
    with engine.connect() as connection:
        tables = reflect(connection)
    if capture:
        with engine.connect() as connection:
            TriggerCapture(connection, tables).install()
    store = SqlStore(engine, KeyRing.generate(), Codecs(tables, HexCipher()))
    store.run(lambda tx: tx.create_state(first_state(site, hub)))
    yield store
    engine.dispose()
