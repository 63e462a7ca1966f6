"""Body steps that reach into another table and never wait: :func:`take`, :func:`fill`, :func:`attempt` …

A row of the other table is locked with SKIP LOCKED; one that is busy is left alone, and a statement is run
instead that says so (``otherwise``, an INSERT). MariaDB forbids to change a table that the statement which
fired the trigger mentions too (error 1442): a handler catches that, and the same is said. MySQL forgets SKIP
LOCKED inside of a trigger, and would wait: there it is said each time, and nothing is locked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Take:
    """Made by :func:`take`."""

    table: Any
    rows: Any
    change: Any
    values: tuple[tuple[Any, Any], ...]
    otherwise: Any
    single: bool = True
    calm: Any = None
    doubt: Any = None
    absent: Any = None
    alone: tuple[Any, ...] = ()
    still: Any = None


@dataclass(frozen=True)
class Fill:
    """Made by :func:`fill`."""

    table: Any
    row: Any
    values: tuple[tuple[Any, Any], ...]
    lacking: tuple[Any, ...]


@dataclass(frozen=True)
class Attempt:
    """Made by :func:`attempt`."""

    statement: Any
    otherwise: Any


@dataclass(frozen=True)
class PutOff:
    """Made by :func:`put_off`."""

    table: Any
    rows: Any
    into: Any
    values: dict[str, Any]


def take(
    table: Any,
    rows: Any,
    change: Any,
    *values: tuple[Any, Any],
    otherwise: Any,
    single: bool = True,
    calm: Any = None,
    doubt: Any = None,
    absent: Any = None,
    alone: tuple[Any, ...] = (),
    still: Any = None,
) -> Take:
    """Of ``table`` lock the ``rows``; those that ``change`` holds of get ``values`` (column, expression).

    ``change`` must no longer hold once the values are given. ``otherwise`` is run where a row could not be
    locked. ``single``: at most one row is meant, found by a unique key. ``calm``: run instead of
    ``otherwise`` where nothing seems to be amiss. ``doubt``: run where a snapshot may be too old to show it.
    ``absent``: a condition under which ``otherwise`` is run when there is no row, too. ``alone``: statements
    for a database with one writer, which needs neither locks nor ``otherwise``; they are run after the
    values are given. ``still``: a query for the row that was written, as it was written; where triggers run
    when the statement has ended (PostgreSQL) it may have been changed again, and nothing is done.
    """
    return Take(table, rows, change, values, otherwise, single, calm, doubt, absent, alone, still)


def fill(table: Any, row: Any, *values: tuple[Any, Any, Any]) -> Fill:
    """Give columns of the row that is being written what a row of ``table`` says, locked if it is free.

    Each of ``values`` is a column, what it gets of that row, and what it gets where there is no such row.
    """
    return Fill(table, row, tuple(item[:2] for item in values), tuple(item[2] for item in values))


def attempt(statement: Any, *, otherwise: Any) -> Attempt:
    """Run a statement; on MariaDB and MySQL ``otherwise``, for there it might wait or be forbidden."""
    return Attempt(statement, otherwise)


def put_off(table: Any, rows: Any, into: Any, values: dict[str, Any]) -> PutOff:
    """A row for another table, if ``table`` has such rows; they are read without a lock."""
    return PutOff(table, rows, into, values)


STEPS = (Take, Fill, Attempt, PutOff)
