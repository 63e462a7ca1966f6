"""Settles one mark: reads the rows that it is about, decides by the declaration, writes what is missing.

Never waits: rows that somebody holds are left for the next time. The rows are ours before the marks are read,
so none can be added meanwhile that we don't see. What is held each time is waited for (``contended``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import sqlalchemy as sa

from .across import tables_of
from .changes import AnyBridge
from .computed import Computed
from .contended import Place, Transactions, marks_of, setting, settle_holding, settle_row_by_row, wait_for
from .expression import Scalar
from .marks import key_of
from .move import DOUBT, MADE, NEW, OLD, Move, Settled
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

    def settle_contended(self, transactions: Transactions, record: str) -> bool:
        """The same of a record that somebody always holds, with transactions of its own, and take its marks
        away; False if there is more to do. Raises DBAPIError when a row is not to be had within a second.
        """


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
        key, here, below = self._places(record)
        parent = _locked(connection, self._parent, here, strong=move.makes_rows)
        if parent is None:
            return False
        children = _locked(connection, self._child, below)
        if children is None:
            return False
        if not parent:
            return True
        settled = self._decided(parent[0], children, marks_of(connection, move.name, record))
        for place in self._writes(key, settled):
            place.write(connection)
        if settled.made is not None:
            values = {**dict(zip(move.link, key, strict=True)), **settled.made}
            connection.execute(sa.insert(self._child).values(values))
        return True

    def settle_contended(self, transactions: Transactions, record: str) -> bool:
        """See :class:`Settler`. Often only the parent is contended; and whoever has it can make a child."""
        name, (_, here, _) = self._move.name, self._places(record)

        def hold(connection: Any) -> None:
            wait_for(connection, self._parent, here, strong=self._move.makes_rows)

        return settle_holding(transactions, name, record, hold, self.settle) or settle_row_by_row(
            transactions, name, record, self._wanted
        )

    def _wanted(self, connection: Any, record: str, marks: Sequence[Any]) -> Sequence[Place] | None:
        key, here, below = self._places(record)
        parent = _read(connection, self._parent, here)
        children = _read(connection, self._child, below)
        if not parent:
            return []
        settled = self._decided(parent[0], children, marks)
        return None if settled.made is not None else self._writes(key, settled)

    def _places(self, record: str) -> tuple[tuple[Scalar, ...], Any, Any]:
        """A parent's key, and the conditions that it and its children meet."""
        key = key_of(record, self._move.parent.key)
        here = _equal(self._parent, [column.name for column in self._move.parent.key], key)
        return key, here, _equal(self._child, self._move.link, key)

    def _decided(
        self, parent: Mapping[str, Scalar], children: Sequence[Mapping[str, Scalar]], marks: Sequence[Any]
    ) -> Settled:
        sides = {mark.side for mark in marks}
        return self._move.settle(
            parent,
            children,
            new_wins=_new_wins(sides),
            inserted=MADE in sides,
            written=self._written(marks, children),
        )

    def _writes(self, key: tuple[Scalar, ...], settled: Settled) -> list[Place]:
        """To rows that are there: the parent first, which the others may follow."""
        names = [column.name for column in self._move.child.key]
        places = [Place(self._parent, key, settled.parent)] if settled.parent else []
        return places + [
            Place(self._child, tuple(child[name] for name in names), values)
            for child, values in settled.children
        ]

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
        here = self._place(record)
        rows = _locked(connection, self._table, here)
        if rows is None:
            return False
        for row in rows:
            sides = {mark.side for mark in marks_of(connection, bridge.name, record)}
            values = bridge.settle(row, new_wins=_new_wins(sides))
            if values:
                connection.execute(sa.update(self._table).where(here).values(values))
        return True

    def settle_contended(self, transactions: Transactions, record: str) -> bool:
        """See :class:`Settler`. It is but one row."""

        def hold(connection: Any) -> None:
            wait_for(connection, self._table, self._place(record))

        return settle_holding(transactions, self._bridge.name, record, hold, self.settle)

    def _place(self, record: str) -> Any:
        names = [column.name for column in self._bridge.table.key]
        return _equal(self._table, names, key_of(record, self._bridge.table.key))


@contextmanager
def quietly(connection: Any) -> Iterator[None]:
    """Our triggers do nothing: whoever writes both sides himself must not look like a writer of one of them.

    SQLite has no way to say so; there nobody else writes meanwhile.
    """
    with setting(connection, *_QUIET.get(connection.dialect.name, ("", ""))):
        yield


def _new_wins(sides: set[str]) -> bool:
    """If the new side has been written it counts, whatever else has."""
    return NEW in sides or (DOUBT[NEW] in sides and not sides & {OLD, MADE})


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


def _read(connection: Any, table: sa.Table, where: Any) -> Sequence[Mapping[str, Scalar]]:
    """The rows as they are committed."""
    query = sa.select(table).where(where).order_by(*table.primary_key)
    return [dict(row) for row in connection.execute(query).mappings()]
