"""CockroachDB through its SQLAlchemy dialect (``sqlalchemy-cockroachdb``).

It is always serializable and asks clients to run transactions again by SQLSTATE 40001
(https://www.cockroachlabs.com/docs/stable/transaction-retry-error-reference); 40003 says that the result of a
commit is unknown (https://www.cockroachlabs.com/docs/stable/common-errors#result-is-ambiguous).
"""

from __future__ import annotations

import importlib
from typing import Any

import sqlalchemy as sa
from oslo_db import exception as db_exception
from oslo_db.sqlalchemy import exc_filters

from keystone_viaduct.config import SqlSettings
from keystone_viaduct.drivers.faults import Fault
from keystone_viaduct.sql import postgresql
from keystone_viaduct.sql.sqlstate import sqlstate

DIALECT = "cockroachdb"

RESTART = "40001"
AMBIGUOUS = "40003"

LOST = frozenset({"57P01", "57P02", "57P03", "58C00", "58C01", "53300"})
"""The node drains or starts, a range or node is unavailable, too many connections."""

# In this wording before and after 20.1; the older one is still that of some pages of the documentation.
_DUPLICATE = (
    r"^.*duplicate key value (?:\((?P<old_key>[^)]*)\)=\((?P<old_value>.*)\) )?"
    r'violates unique constraint "(?P<columns>[^"]+)"(?:\s*\n.*'
    r"Key\s+\((?P<key>[^)]*)\)=\((?P<value>.*)\)\s+already\s+exists)?.*$"
)
_FOREIGN_KEY = (
    r'.*(?:insert|update|upsert|delete) on table "(?P<table>[^"]+)" violates foreign key constraint '
    r'"(?P<constraint>[^"]+)"'
    r"(?:.*Key \((?P<key>[^)]+)\)=\(.*\) is (?:not present in|still referenced from) "
    r'table "(?P<key_table>[^"]+)")?'
)


def classify(error: BaseException) -> Fault | None:
    """What a DBAPI error of psycopg or psycopg2 means when the server is CockroachDB."""
    state = sqlstate(error)
    if state == RESTART:
        return Fault.CONFLICT
    if state == AMBIGUOUS:
        return Fault.AMBIGUOUS
    return Fault.LOST if state in LOST else None


def register_filters() -> None:
    """oslo.db knows no dialect of this name: give it those for PostgreSQL, in this wording."""
    exc_filters.filters(DIALECT, sa.exc.OperationalError, r".*")(raise_conflict)
    exc_filters.filters(DIALECT, sa.exc.DBAPIError, r".*")(raise_conflict)
    exc_filters.filters(DIALECT, sa.exc.IntegrityError, _DUPLICATE)(raise_duplicate)
    exc_filters.filters(DIALECT, sa.exc.IntegrityError, _FOREIGN_KEY)(raise_reference)
    exc_filters.filters(DIALECT, sa.exc.ProgrammingError, r'.* relation "(?P<table>[^"]+)" does not exist')(
        raise_missing_table
    )


def raise_conflict(error: Any, _match: Any, _engine_name: str, _is_disconnect: bool) -> None:
    """Filter of oslo.db."""
    if sqlstate(getattr(error, "orig", error)) == RESTART:
        raise db_exception.DBDeadlock(error)


def raise_duplicate(error: Any, match: Any, _engine_name: str, _is_disconnect: bool) -> None:
    """Filter of oslo.db; the columns are known only where the server names them in the detail."""
    key = match.group("key") or match.group("old_key")
    columns = [part.strip() for part in key.split(",")] if key else [match.group("columns")]
    raise db_exception.DBDuplicateEntry(columns, error, match.group("value") or match.group("old_value"))


def raise_reference(error: Any, match: Any, _engine_name: str, _is_disconnect: bool) -> None:
    """Filter of oslo.db."""
    raise db_exception.DBReferenceError(*match.group("table", "constraint", "key", "key_table"), error)


def raise_missing_table(error: Any, match: Any, _engine_name: str, _is_disconnect: bool) -> None:
    """Filter of oslo.db."""
    raise db_exception.DBNonExistentTable(match.group("table"), error)


def attach(engine: sa.engine.Engine, settings: SqlSettings) -> None:
    """Install the hooks on one engine of this dialect.

    Session settings and the ways to save messages are PostgreSQL's; without ``isolation_level`` transactions
    stay SERIALIZABLE, CockroachDB's default.
    """
    _ddl()  # migrations come after this
    postgresql.attach(engine, settings)


def prepare(engine: sa.engine.Engine) -> None:
    """Let each schema change on ``engine`` be alone in its transaction, Alembic's and any other."""
    _ddl().commit_around_ddl(engine)


def _ddl() -> Any:
    """Alembic's operations; after those that the dialect's package has under the same name."""
    importlib.import_module("sqlalchemy_cockroachdb.base")
    return importlib.import_module("keystone_viaduct.sql.cockroachdb_ddl")
