"""PostgreSQL: no change to what has changed since it was read.

Keystone reads a record, changes it in memory and writes all of it, ``extra`` as a whole. At READ COMMITTED
that replaces what another client, or another site's edit that is applied here, has written in between, and
nobody can tell: what was acknowledged is gone, and it looks as though this client had seen it and taken it
away. At REPEATABLE READ the write is refused (40001,
https://www.postgresql.org/docs/current/transaction-iso.html#XACT-REPEATABLE-READ) and the driver method is
run again. MariaDB has ``innodb_snapshot_isolation`` for the same, and SQLite's writers come one by one.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from keystone_viaduct.drivers import scope

_RAISED = "viaduct_repeatable_read"


def write_at_repeatable_read(engine: sa.engine.Engine) -> None:
    """Where the server's default is READ COMMITTED, begin the transactions of writer scopes above it.

    It costs no message: psycopg and psycopg2 say the level in the ``BEGIN`` that they send anyway.
    """

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.engine.Connection) -> None:
        dialect: Any = engine.dialect
        if dialect.default_isolation_level != "READ COMMITTED" or scope.current() is not scope.Scope.WRITER:
            return
        dialect.set_isolation_level(connection.connection.dbapi_connection, "REPEATABLE READ")
        connection.info[_RAISED] = True

    @event.listens_for(engine, "checkin")
    def _checkin(dbapi_connection: Any, record: Any) -> None:
        if record.info.pop(_RAISED, False) and dbapi_connection is not None:
            dialect: Any = engine.dialect
            dialect.set_isolation_level(dbapi_connection, "READ COMMITTED")
