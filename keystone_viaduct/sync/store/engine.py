"""The engine of our own transactions: READ COMMITTED on every server, one writer at a time on SQLite.

Keystone's own engine keeps whatever isolation the operator has given it; ours must see what others commit
while it waits for a lock, so that a mark that was written meanwhile is found.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from keystone_viaduct.documents.undecodable import readable
from keystone_viaduct.errors import ConfigError
from keystone_viaduct.sync.store.base import Held

#: Execution option: this transaction only reads, so on SQLite it need not wait for the writer.
READ_ONLY = "viaduct_read_only"
#: Where a transaction has to be told that all that it reads is of one moment: elsewhere it always is.
SNAPSHOT = dict.fromkeys(("postgresql", "mysql", "mariadb"), "REPEATABLE READ")
BUSY_SECONDS = 30
#: Backend -> the extra of our package that brings its driver.
EXTRAS = {
    "postgresql": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
    "cockroachdb": "cockroachdb",
}


def make_engine(url: str, *, foreign_keys: bool = True, **options: Any) -> sa.engine.Engine:
    """An engine for the database at an SQLAlchemy URL. Raises ConfigError for a URL without a driver here.

    ``foreign_keys``: whether SQLite is to keep references; other engines always do.
    """
    try:
        parsed = sa.engine.make_url(url)
        if parsed.get_backend_name() == "sqlite":
            engine = sa.create_engine(parsed, **options)
            _prepare_sqlite(engine, foreign_keys)
            return engine
        options = {"pool_pre_ping": True, "pool_recycle": 3600, **options}
        if (parsed.get_backend_name(), parsed.get_driver_name()) == ("postgresql", "psycopg2"):
            # changes of many rows go in one message, where each would be a round trip of its own
            options.setdefault("executemany_mode", "values_plus_batch")
        return sa.create_engine(parsed, isolation_level="READ COMMITTED", **options)
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ImportError) as error:
        raise ConfigError(
            f"the database URL can't be used: {error}",
            hint=_driver_hint(url),
        ) from error


def _driver_hint(url: str) -> str:
    extra = EXTRAS.get(url.partition(":")[0].partition("+")[0])
    install = f"`pip install 'keystone-viaduct[{extra}]'` here" if extra else "install its driver here"
    return f"look at [database] connection, and {install}"


@contextmanager
def migrating(engine: sa.engine.Engine) -> Iterator[sa.engine.Connection]:
    """A transaction that changes tables: on SQLite without foreign keys, or a table that is made anew would
    take along all rows that refer to it. What it leaves behind is for ``foreign_key_check``.
    """
    with engine.connect() as connection:
        checked = engine.dialect.name == "sqlite" and _pragma(connection, "foreign_keys") == 1
        if checked:
            _pragma(connection, "foreign_keys = OFF")  # before it begins: SQLite ignores it later
        try:
            with connection.begin():
                yield connection
        finally:
            if checked:
                _pragma(connection, "foreign_keys = ON")


@contextmanager
def begun(connection: sa.engine.Connection, *, at_once: bool) -> Iterator[None]:
    """A transaction. ``at_once``: on SQLite, where one writes at a time, raises Held if another does."""
    if not at_once or connection.dialect.name != "sqlite":
        with connection.begin():
            yield
        return
    _pragma(connection, "busy_timeout = 0")
    try:
        try:
            transaction = connection.begin()
        except sa.exc.OperationalError as error:
            if "is locked" in str(error.orig):
                raise Held from None
            raise
        finally:
            _pragma(connection, f"busy_timeout = {BUSY_SECONDS * 1000}")
        with transaction:
            yield
    except BaseException:
        connection.rollback()
        raise


def _pragma(connection: sa.engine.Connection, text: str) -> Any:
    """By the driver itself: SQLAlchemy would begin a transaction for it."""
    cursor = connection.connection.cursor()
    try:
        row = cursor.execute(f"PRAGMA {text}").fetchone()
        return None if row is None else row[0]
    finally:
        cursor.close()


def _prepare_sqlite(engine: sa.engine.Engine, foreign_keys: bool) -> None:
    @event.listens_for(engine, "connect")
    def connect(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.isolation_level = None  # the driver would begin by itself, and deferred
        dbapi_connection.text_factory = readable
        cursor = dbapi_connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        if foreign_keys:
            cursor.execute("PRAGMA foreign_keys = ON")
        if cursor.execute("PRAGMA journal_mode").fetchone()[0] == "delete":
            cursor.execute("PRAGMA journal_mode = WAL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        reads_only = connection.get_execution_options().get(READ_ONLY) is True
        connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")
