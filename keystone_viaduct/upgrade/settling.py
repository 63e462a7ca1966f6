"""Settles one mark: reads the rows that it is about, decides by the declaration, writes what is missing.

Never waits: rows that somebody holds are left for the next time. The rows are ours before the marks are read,
so none can be added meanwhile that we don't see.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from .across import tables_of
from .changes import AnyBridge
from .computed import Computed
from .expression import Scalar
from .marks import MARKS, key_of
from .move import DOUBT, MADE, NEW, OLD, Move
from .rendering import table_of

_MYSQL = ("SET @viaduct_settling = 1", "SET @viaduct_settling = NULL")
_QUIET = {
    "postgresql": ("SET LOCAL viaduct.settling = 'on'", "SET LOCAL viaduct.settling = 'off'"),
    "mysql": _MYSQL,
    "mariadb": _MYSQL,
}


class Settler(Protocol):
    """Knows one bridge."""

    def settle(self, connection: Any, record: str) -> bool:
        """Make what a record says consistent; False if somebody holds it."""


def settler_of(bridge: AnyBridge) -> Settler | None:
    """None for a bridge within a row, which leaves no marks."""
    if isinstance(bridge, Move):
        return MoveSettler(bridge)
    return ComputedSettler(bridge) if isinstance(bridge, Computed) else None


class MoveSettler:
    """A parent and its children."""

    def __init__(self, move: Move) -> None:
        self._move = move
        self._parent, self._child = tables_of(move)

    def settle(self, connection: Any, record: str) -> bool:
        """See :class:`Settler`."""
        move = self._move
        key = key_of(record, move.parent.key)
        here = _equal(self._parent, [column.name for column in move.parent.key], key)
        below = _equal(self._child, move.link, key)
        parent = _locked(connection, self._parent, here, strong=move.makes_rows)
        if parent is None:
            return False
        children = _locked(connection, self._child, below)
        if children is None:
            return False
        if not parent:
            return True
        marks = _marks(connection, move.name, record)
        sides = {mark.side for mark in marks}
        settled = move.settle(
            parent[0],
            children,
            new_wins=_new_wins(sides),
            inserted=MADE in sides,
            written=self._written(marks, children),
        )
        if settled.parent:
            connection.execute(sa.update(self._parent).where(here).values(dict(settled.parent)))
        for child, values in settled.children:
            names = [column.name for column in move.child.key]
            this = _equal(self._child, names, [child[name] for name in names])
            connection.execute(sa.update(self._child).where(this).values(dict(values)))
        if settled.made is not None:
            values = {**dict(zip(move.link, key, strict=True)), **settled.made}
            connection.execute(sa.insert(self._child).values(values))
        return True

    def _written(self, marks: Sequence[Any], children: Sequence[Mapping[str, Scalar]]) -> Any:
        """The child that was written last."""
        names = [column.name for column in self._move.child.key]
        by_key = {tuple(child[name] for name in names): child for child in children}
        keys = [key_of(mark.child, self._move.child.key) for mark in marks if mark.child is not None]
        return next((by_key[key] for key in reversed(keys) if key in by_key), None)


class ComputedSettler:
    """A row whose other side only Python can compute."""

    def __init__(self, bridge: Computed) -> None:
        self._bridge = bridge
        self._table = table_of(bridge)

    def settle(self, connection: Any, record: str) -> bool:
        """See :class:`Settler`."""
        bridge = self._bridge
        names = [column.name for column in bridge.table.key]
        here = _equal(self._table, names, key_of(record, bridge.table.key))
        rows = _locked(connection, self._table, here)
        if rows is None:
            return False
        for row in rows:
            sides = {mark.side for mark in _marks(connection, bridge.name, record)}
            values = bridge.settle(row, new_wins=_new_wins(sides))
            if values:
                connection.execute(sa.update(self._table).where(here).values(values))
        return True


@contextmanager
def quietly(connection: Any) -> Iterator[None]:
    """Our triggers do nothing: whoever writes both sides himself must not look like a writer of one of them.

    SQLite has no way to say so; there nobody else writes meanwhile.
    """
    on, off = _QUIET.get(connection.dialect.name, ("", ""))
    if not on:
        yield
        return
    connection.exec_driver_sql(on)
    try:
        yield
    except BaseException:
        if off.startswith("SET @"):  # elsewhere it ends with the transaction, which is lost
            with suppress(DBAPIError):
                connection.exec_driver_sql(off)
        raise
    connection.exec_driver_sql(off)


def _new_wins(sides: set[str]) -> bool:
    """If the new side has been written it counts, whatever else has."""
    return NEW in sides or (DOUBT[NEW] in sides and not sides & {OLD, MADE})


def _marks(connection: Any, bridge: str, record: str) -> Sequence[Any]:
    """Which sides have been written, and which children, in their order."""
    this = sa.and_(MARKS.c.bridge == bridge, MARKS.c.record == record)
    query = sa.select(MARKS.c.side, MARKS.c.child).where(this).order_by(MARKS.c.number)
    found: Sequence[Any] = connection.execute(query).all()
    return found


def _equal(table: sa.Table, names: Sequence[str], values: Sequence[Scalar]) -> Any:
    return sa.and_(*(table.c[name] == value for name, value in zip(names, values, strict=True)))


def _locked(
    connection: Any, table: sa.Table, where: Any, *, strong: bool = False
) -> Sequence[Mapping[str, Scalar]] | None:
    """The rows, which are ours then; None if somebody holds one of them.

    ``strong``: also against whoever inserts a row that refers to them (PostgreSQL).
    """
    query = sa.select(table).where(where).order_by(*table.primary_key)
    rows = connection.execute(query.with_for_update(skip_locked=True, key_share=not strong)).mappings().all()
    there = connection.execute(sa.select(sa.func.count()).select_from(table).where(where)).scalar_one()
    return [dict(row) for row in rows] if len(rows) >= there else None
