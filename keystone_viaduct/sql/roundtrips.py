"""Fewer messages to a database that is far away.

oslo.db asks each pooled connection whether it is alive before each transaction, and a transaction that only
reads is begun and rolled back like any other: three messages around one ``SELECT``. With whole-method retry a
connection need not be asked that was in use a moment ago, and at READ COMMITTED, where each statement sees
the database as it is then, statements that only read need no transaction around them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from keystone_viaduct.drivers import scope

_ALONE = "viaduct_statements_alone"
#: libpq's PQTRANS_IDLE.
_IDLE = 0


def ask_idle_only(
    engine: sa.engine.Engine, seconds: float, monotonic: Callable[[], float] = time.monotonic
) -> None:
    """Let the pool ask only connections that were idle for that long whether they are alive."""
    dialect: Any = engine.dialect
    ask = dialect.do_ping
    returned: dict[int, float] = {}

    def do_ping(dbapi_connection: Any) -> bool:
        since = returned.pop(id(dbapi_connection), None)
        if since is not None and monotonic() - since < seconds:
            return True
        return bool(ask(dbapi_connection))

    @event.listens_for(engine, "checkin")
    def _checkin(dbapi_connection: Any, _record: Any) -> None:
        if dbapi_connection is not None:
            returned[id(dbapi_connection)] = monotonic()

    @event.listens_for(engine, "close")
    def _close(dbapi_connection: Any, _record: Any) -> None:
        returned.pop(id(dbapi_connection), None)

    dialect.do_ping = do_ping


def read_without_transaction(engine: sa.engine.Engine, isolation_level: str | None) -> None:
    """At READ COMMITTED, run the statements of reader scopes each alone (drivers that have ``autocommit``).

    ``isolation_level``: what is set on the sessions; None: the server's default, as SQLAlchemy found it.
    """

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.engine.Connection) -> None:
        level = isolation_level or engine.dialect.default_isolation_level
        if level != "READ COMMITTED" or scope.current() is not scope.Scope.READER:
            return
        dbapi_connection: Any = connection.connection.dbapi_connection
        # before SQLAlchemy 2.0.5 oslo.db has asked already, and that has begun a transaction in the driver
        if not dbapi_connection.autocommit and dbapi_connection.info.transaction_status == _IDLE:
            dbapi_connection.autocommit = True
            connection.info[_ALONE] = True

    event.listen(engine, "before_cursor_execute", _guard)
    event.listen(engine, "checkin", _restore)


def _guard(connection: sa.engine.Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
    """A write in a reader scope is rolled back at its end, as ever: it begins a transaction after all."""
    if _ALONE in connection.info and not statement.lstrip().upper().startswith("SELECT"):
        _restore(connection.connection.dbapi_connection, connection)


def _restore(dbapi_connection: Any, holder: Any) -> None:
    if holder.info.pop(_ALONE, False) and dbapi_connection is not None:
        dbapi_connection.autocommit = False
