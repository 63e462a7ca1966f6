"""PostgreSQL, at READ COMMITTED or SERIALIZABLE.

Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html; what to repeat:
https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from oslo_db import exception as db_exception
from oslo_db.sqlalchemy import exc_filters
from sqlalchemy import event

from keystone_viaduct.config import SqlSettings
from keystone_viaduct.drivers.faults import Fault
from keystone_viaduct.sql import roundtrips, snapshots
from keystone_viaduct.sql.sqlstate import sqlstate

DIALECT = "postgresql"

CONFLICTS = frozenset({"40001", "40P01", "55P03"})
"""Serialization failure, deadlock detected, lock not available."""

LOST = frozenset({"57P01", "57P02", "57P03", "25006"})
"""Terminated by the administrator, crash of another session, not yet accepting connections, and a write that
reached a server which has become a standby: another connection may reach the new primary."""


def classify(error: BaseException) -> Fault | None:
    """What a DBAPI error of psycopg or psycopg2 means."""
    state = sqlstate(error)
    if state in CONFLICTS:
        return Fault.CONFLICT
    if state in LOST or (state is not None and state.startswith("08")):
        return Fault.LOST
    return None


def register_filters() -> None:
    """Let oslo.db raise ``DBDeadlock`` for what it only knows by the wording of a deadlock in English."""
    exc_filters.filters(DIALECT, sa.exc.OperationalError, r".*")(raise_conflict)
    exc_filters.filters(DIALECT, sa.exc.DBAPIError, r".*")(raise_conflict)


def raise_conflict(error: Any, _match: Any, _engine_name: str, _is_disconnect: bool) -> None:
    """Filter of oslo.db."""
    if sqlstate(getattr(error, "orig", error)) in CONFLICTS:
        raise db_exception.DBDeadlock(error)


def attach(engine: sa.engine.Engine, settings: SqlSettings) -> None:
    """Install the hooks on one engine of this dialect."""
    statements = session_statements(settings)

    @event.listens_for(engine, "connect")
    def _connect(dbapi_connection: Any, _record: Any) -> None:
        for statement in statements:
            execute_alone(dbapi_connection, statement)

    if settings.ping_after:
        roundtrips.ask_idle_only(engine, settings.ping_after)
    if settings.read_without_transaction:
        roundtrips.read_without_transaction(engine, settings.isolation_level)
    if settings.snapshot_isolation and settings.isolation_level is None:
        snapshots.write_at_repeatable_read(engine)


def session_statements(settings: SqlSettings) -> list[str]:
    """What is set on each new session."""
    statements = []
    if settings.isolation_level is not None:
        level = settings.isolation_level
        statements.append(f"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL {level}")
    if settings.lock_wait_timeout is not None:
        statements.append(f"SET SESSION lock_timeout = {int(settings.lock_wait_timeout * 1000)}")
    return statements


def execute_alone(dbapi_connection: Any, statement: str) -> None:
    """Run a session setting on a new connection, in a transaction of its own."""
    cursor = dbapi_connection.cursor()
    try:
        cursor.execute(statement)
    finally:
        cursor.close()
    dbapi_connection.commit()
