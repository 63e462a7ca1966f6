"""Connections that are lost at COMMIT: before the server has it, or before it can answer."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa


@contextmanager
def lost_answer(engine: sa.engine.Engine, number: int = 1) -> Iterator[None]:
    """The COMMIT of this number on the engine is done; what called it hears of a lost connection."""
    with _at_commit(engine, number, done=True):
        yield


@contextmanager
def lost_commit(engine: sa.engine.Engine, number: int = 1) -> Iterator[None]:
    """The connection is lost before the COMMIT of this number."""
    with _at_commit(engine, number, done=False):
        yield


@contextmanager
def _at_commit(engine: sa.engine.Engine, number: int, *, done: bool) -> Iterator[None]:
    """Nothing must be left of it that did not happen: a test of a fault that never came shows nothing."""
    dialect: Any = engine.dialect
    commit, left = dialect.do_commit, number

    def interrupted(dbapi_connection: Any) -> None:
        nonlocal left
        left -= 1
        if left:
            commit(dbapi_connection)
            return
        if done:
            commit(dbapi_connection)
        else:
            dialect.do_rollback(dbapi_connection)
        raise _lost(dialect)

    dialect.do_commit = interrupted
    try:
        yield
    finally:
        dialect.do_commit = commit
    assert left <= 0, "there was no such COMMIT"


def _lost(dialect: Any) -> Exception:
    """As the driver says it. SQLite has no connection to lose: there a library says so that it was."""
    dbapi = dialect.dbapi
    found: Exception
    if dialect.name == "postgresql":
        found = dbapi.OperationalError("server closed the connection unexpectedly")
    elif dialect.name in ("mysql", "mariadb"):
        found = dbapi.OperationalError(2013, "Lost connection to server during query")
    else:
        original = sqlite3.OperationalError("disk I/O error")
        found = sa.exc.OperationalError("COMMIT", {}, original, connection_invalidated=True)
    return found
