"""Which dialect and which live database belong to an engine."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from keystone_viaduct.errors import ConfigError, UpgradeRefused
from keystone_viaduct.upgrade.ports import Dialect
from keystone_viaduct.upgrade.steps import Server

from .database import DEFAULT_BUDGET, Budget, LiveDatabase
from .mysql import MySQLDialect
from .mysql_live import MySQLDatabase
from .postgresql import PostgreSQLDialect
from .postgresql_live import PostgreSQLDatabase
from .sqlite import SQLiteDialect
from .sqlite_live import BUSY_SECONDS, SQLiteDatabase

_DIALECTS: dict[str, type[Any]] = {
    "sqlite": SQLiteDialect,
    "postgresql": PostgreSQLDialect,
    "mariadb": MySQLDialect,
    "mysql": MySQLDialect,
}
_DATABASES: dict[str, type[LiveDatabase]] = {
    "sqlite": SQLiteDatabase,
    "postgresql": PostgreSQLDatabase,
    "mysql": MySQLDatabase,
    "mariadb": MySQLDatabase,
}


def dialect_for(server: Server) -> Dialect:
    """Raises UpgradeRefused for an engine that has none."""
    try:
        made: Dialect = _DIALECTS[server.engine]()
    except KeyError:
        raise UpgradeRefused(
            f"there are no rolling upgrades on {server.engine}", hint=f"there are on {', '.join(_DIALECTS)}"
        ) from None
    return made


def open_database(
    url: str, budget: Budget = DEFAULT_BUDGET, *, stopping_allowed: bool = False
) -> LiveDatabase:
    """The database at a URL, by connections of its own. Raises ConfigError, UpgradeRefused."""
    try:
        engine = _engine(url)
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ImportError) as error:
        raise ConfigError(
            f"the database URL can't be used: {error}", hint="look at it, and install its driver"
        ) from error
    made = _DATABASES.get(engine.dialect.name)
    if made is None:
        raise UpgradeRefused(
            f"there are no rolling upgrades on {engine.dialect.name}",
            hint=f"there are on {', '.join(_DIALECTS)}",
        )
    return made(engine, budget, stopping_allowed=stopping_allowed)


def database_on(engine: sa.engine.Engine) -> LiveDatabase:
    """The database of somebody else's engine. Raises UpgradeRefused."""
    made = _DATABASES.get(engine.dialect.name)
    if made is None:
        raise UpgradeRefused(f"there are no rolling upgrades on {engine.dialect.name}")
    return made(engine)


def _engine(url: str) -> sa.engine.Engine:
    """READ COMMITTED: under MariaDB's default a statement that waits would not see what it waited for."""
    if sa.engine.make_url(url).get_backend_name() != "sqlite":
        return sa.create_engine(url, isolation_level="READ COMMITTED", pool_pre_ping=True)
    engine = sa.create_engine(url)

    @sa.event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver would begin by itself, and deferred
        connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
