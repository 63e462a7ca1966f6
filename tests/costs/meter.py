"""Counts what a store asks of its database: statements, rows read and written, bytes either way."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

import psycopg2.extensions
import sqlalchemy as sa
from sqlalchemy import event

_CHANGES = ("INSERT", "UPDATE", "DELETE")
_PENDING = "viaduct_pending"


@dataclass
class Cost:
    """What was done. ``pending``: rows written of those of changes that wait."""

    statements: int = 0
    read: int = 0
    written: int = 0
    bytes: int = 0
    pending: int = 0

    def add(self, other: Cost) -> None:
        """Both together."""
        for name in (field.name for field in fields(self)):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def fetched(self, rows: Iterable[Any]) -> None:
        """These rows came."""
        for row in rows:
            self.read += 1
            self.bytes += sum(map(_size, row))

    def sent(self, statement: str, parameters: Any, *, many: bool, count: int) -> None:
        """A statement, with the rows that it has changed."""
        self.statements += 1
        # several rows in one VALUES come as one set of parameters
        sets = parameters if many and not isinstance(parameters, dict) else [parameters]
        for values in sets:
            self.bytes += sum(map(_size, values.values() if isinstance(values, dict) else values))
        if statement.lstrip().upper().startswith(_CHANGES):
            changed = len(sets) if len(sets) > 1 else max(count, 0)
            self.written += changed
            if f" {_PENDING}" in statement.split("(")[0].split("WHERE")[0]:
                self.pending += changed


def _size(value: object) -> int:
    if value is None or isinstance(value, bool):
        return 1
    if isinstance(value, (str, bytes, bytearray, memoryview)):
        return len(value)
    return 8


class Meter:
    """What was done since it was last read."""

    cost = Cost()

    def take(self) -> Cost:
        """Read it, and begin anew."""
        found, Meter.cost = Meter.cost, Cost()
        return found


class _Counting:
    """A cursor whose rows are counted as they are fetched."""

    def fetchone(self) -> Any:
        row = super().fetchone()  # type: ignore[misc]
        Meter.cost.fetched([] if row is None else [row])
        return row

    def fetchmany(self, *size: Any) -> Any:
        rows = super().fetchmany(*size)  # type: ignore[misc]
        Meter.cost.fetched(rows)
        return rows

    def fetchall(self) -> Any:
        rows = super().fetchall()  # type: ignore[misc]
        Meter.cost.fetched(rows)
        return rows


class _SqliteCursor(_Counting, sqlite3.Cursor):
    pass


class _SqliteConnection(sqlite3.Connection):
    def cursor(self, *_: Any) -> Any:
        return super().cursor(_SqliteCursor)


class _PostgresCursor(_Counting, psycopg2.extensions.cursor):  # type: ignore[misc]
    pass


def counting(engine_name: str) -> dict[str, Any]:
    """Options of an engine whose rows are counted."""
    if engine_name == "sqlite":
        return {"connect_args": {"factory": _SqliteConnection}}
    return {"connect_args": {"cursor_factory": _PostgresCursor}}


@contextmanager
def metered(engine: sa.engine.Engine) -> Iterator[Meter]:
    """Count the engine's statements; its options are those of :func:`counting`."""

    def executed(_: Any, cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        Meter.cost.sent(statement, parameters, many=many, count=cursor.rowcount)

    event.listen(engine, "after_cursor_execute", executed)
    try:
        yield Meter()
    finally:
        event.remove(engine, "after_cursor_execute", executed)
