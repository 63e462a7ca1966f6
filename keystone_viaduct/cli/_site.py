"""Opens the site that a command works on: its database, keys and codecs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import sqlalchemy as sa

from keystone_viaduct import sql
from keystone_viaduct.cli._keystone import KeystoneSettings
from keystone_viaduct.documents.cipher import KeyRepositoryCipher
from keystone_viaduct.documents.codec import Codecs
from keystone_viaduct.documents.schema import Schema, reflect
from keystone_viaduct.errors import ConfigError, StoreUnavailable
from keystone_viaduct.sync.sealing import KeyRing
from keystone_viaduct.sync.store import SqlStore, make_engine, schema
from keystone_viaduct.sync.store.retry import translate


@dataclass(frozen=True)
class Database:
    """Keystone's database and the shape of its tables; ``credential_keys``: where the keys of secrets are."""

    engine: sa.engine.Engine
    schema: Schema
    credential_keys: Path

    @cached_property
    def codecs(self) -> Codecs:
        """Rows and documents; made once for all checks of a command."""
        return Codecs(self.schema, KeyRepositoryCipher(self.credential_keys))


def open_database(settings: KeystoneSettings) -> Database:
    """Connect. Raises ConfigError, StoreUnavailable, SchemaMissing (no tables of Keystone)."""
    engine = make_engine(settings.connection, foreign_keys=settings.sqlite_foreign_keys)
    sql.prepare(engine)
    _check_file(engine)
    try:
        with engine.connect() as connection:
            return Database(engine, reflect(connection), settings.credential_keys)
    except sa.exc.DBAPIError as error:
        raise translate(error) from error


def explained(error: sa.exc.DBAPIError, what: str, needed: str) -> Exception:
    """Why a change of the database's own tables did not come about: what is known to us, or else rights."""
    known = translate(error)
    if known is not error:
        return known
    return ConfigError(f"{what}: {error.orig}", hint=f"the user of [database] connection needs {needed}")


def _check_file(engine: sa.engine.Engine) -> None:
    """SQLite would make an empty database where the file is missing."""
    path = engine.url.database
    if engine.dialect.name == "sqlite" and path and path != ":memory:" and not Path(path).exists():
        raise StoreUnavailable(f"there is no database {path}", hint="look at [database] connection")


def open_store(settings: KeystoneSettings) -> SqlStore:
    """The store of an initialised site. Raises also NotInitialised, StoreError and SealingError."""
    database = open_database(settings)
    with database.engine.connect() as connection:
        schema.check_current(connection)
    ring, codecs = KeyRing.load(settings.viaduct_keys), database.codecs
    return SqlStore(database.engine, ring, codecs, drivers=settings.drivers)
