"""MariaDB, MySQL and Galera clusters of them.

Codes: https://mariadb.com/kb/en/mariadb-error-codes/. A Galera node answers 1213 to a transaction that lost
its certification, at any statement or at the commit, and 1047 when it is not in the cluster's majority.
"""

from __future__ import annotations

import math
from typing import Any

import sqlalchemy as sa
from oslo_db import exception as db_exception
from oslo_db.sqlalchemy import exc_filters
from sqlalchemy import event

from keystone_viaduct.config import SqlSettings
from keystone_viaduct.drivers.faults import Fault
from keystone_viaduct.sql import roundtrips
from keystone_viaduct.sql.sqlstate import errno

DIALECTS = ("mysql", "mariadb")

CONFLICTS = frozenset({1020, 1205, 1213, 1317, 3101, 4025})
"""Record changed since last read, lock wait time-out, deadlock or lost certification, statement interrupted
by a transaction of another node, rolled back on commit (MySQL group replication).
"""

_ERROR_DURING_COMMIT = 1180
_LOCK_DEADLOCK = "149"
_PROVIDER = "provider status"
"""Galera: the node lost the others while the transaction was under way to them, and cannot know its fate."""

REFUSED = frozenset({1047})
"""Node not ready (Galera): outside of the majority, or still joining."""

LOST = frozenset({1040, 1053, 1152, 1158, 1159, 1160, 1161, 1927, 2002, 2003, 2006, 2013, 2055, 4031})
"""Too many connections, shutdown in progress, aborted or broken connections."""

READ_ONLY = frozenset({1290, 1792, 1836})
"""The server has become read-only: another connection may reach the one that is not."""


def classify(error: BaseException) -> Fault | None:
    """What a DBAPI error of PyMySQL or mysqlclient means."""
    if not type(error).__module__.startswith(("pymysql", "MySQLdb", "mysql", "mariadb")):
        return None
    number = errno(error)
    if number == _ERROR_DURING_COMMIT and _PROVIDER in str(error):
        return Fault.AMBIGUOUS
    if number in CONFLICTS or (number == _ERROR_DURING_COMMIT and _LOCK_DEADLOCK in str(error)):
        return Fault.CONFLICT
    if number in REFUSED:
        return Fault.REFUSED
    if number in LOST or number in READ_ONLY:
        return Fault.LOST
    return None


def register_filters() -> None:
    """Let oslo.db raise ``DBDeadlock`` whatever class and wording the error comes in."""
    for dialect in DIALECTS:
        exc_filters.filters(dialect, sa.exc.DBAPIError, r".*")(raise_conflict)
        exc_filters.filters(dialect, sa.exc.OperationalError, r".*")(raise_conflict)
        exc_filters.filters(dialect, sa.exc.InternalError, r".*")(raise_conflict)


def raise_conflict(error: Any, _match: Any, _engine_name: str, _is_disconnect: bool) -> None:
    """Filter of oslo.db."""
    if classify(getattr(error, "orig", error)) is Fault.CONFLICT:
        raise db_exception.DBDeadlock(error)


def attach(engine: sa.engine.Engine, settings: SqlSettings) -> None:
    """Install the hooks on one engine of this dialect."""
    statements = session_statements(settings)

    # before SQLAlchemy asks a new connection for its settings, which galera_dirty_reads may have to allow
    @event.listens_for(engine, "connect", insert=True)
    def _connect(dbapi_connection: Any, _record: Any) -> None:
        cursor = dbapi_connection.cursor()
        try:
            for statement in statements:
                cursor.execute(statement)
            if settings.snapshot_isolation and _has_snapshot_isolation(cursor):
                cursor.execute("SET SESSION innodb_snapshot_isolation = ON")
        finally:
            cursor.close()

    if settings.ping_after:
        roundtrips.ask_idle_only(engine, settings.ping_after)


def session_statements(settings: SqlSettings) -> list[str]:
    """What is set on each new session."""
    statements = []
    if settings.isolation_level is not None:
        statements.append(f"SET SESSION TRANSACTION ISOLATION LEVEL {settings.isolation_level}")
    if settings.galera_sync_wait is not None:
        statements.append(f"SET SESSION wsrep_sync_wait = {settings.galera_sync_wait}")
    if settings.galera_dirty_reads:
        statements.append("SET SESSION wsrep_dirty_reads = ON")
    if settings.lock_wait_timeout is not None:
        statements.append(f"SET SESSION innodb_lock_wait_timeout = {math.ceil(settings.lock_wait_timeout)}")
    return statements


def _has_snapshot_isolation(cursor: Any) -> bool:
    """MySQL and older MariaDB have no such variable."""
    cursor.execute("SHOW VARIABLES LIKE 'innodb_snapshot_isolation'")
    return cursor.fetchone() is not None
