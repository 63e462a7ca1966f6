"""What a backfill does to moved and to computed columns: rows are taken, computed in Python, and written.

The same in every batch: rows are locked with SKIP LOCKED, so that neither a writer nor we wait, and those
that were busy come in a later round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.errors import UpgradeError

from .across import linked, pair_columns, tables_of
from .computed import Computed
from .expression import Not, Scalar
from .move import NEW, Move
from .rendering import table_of, to_sql
from .shape import Column

#: Records that Python could not compute, before it is given up.
MOST_FAILURES = 1000
Key = Sequence[Any]


def beyond(columns: Sequence[Any], after: Sequence[Any]) -> Any:
    """``(a, b) > (x, y)``, written so that every server uses its index for it."""
    cases = []
    for index, column in enumerate(columns):
        equal = [columns[before] == after[before] for before in range(index)]
        cases.append(sa.and_(*equal, column > after[index]))
    return sa.or_(*cases)


class Work:
    """The rows of one table that are to be filled, in the order of their keys.

    ``left``: how many there were when they were counted last. ``key_share``: others may refer to rows that
    are ours (PostgreSQL).
    """

    key_share = True

    def __init__(self, table: sa.Table, key: Sequence[Column], wanted: Any) -> None:
        self.table = table
        self.left = 0
        self.keys = [table.c[column.name] for column in key]
        self.wanted = wanted

    def count(self, connection: Any) -> int:
        """How many rows are to be filled."""
        query = sa.select(sa.func.count()).select_from(self.table).where(self.wanted)
        return int(connection.execute(query).scalar_one())

    def take(
        self, connection: Any, after: Key | None, number: int, *, patient: bool = False
    ) -> Sequence[Key]:
        """Fill the next rows; their keys."""
        query = self.following(self.keys, after, number, patient=patient)
        keys: Sequence[Key] = connection.execute(query).all()
        if keys:
            self.fill(connection, keys)
        return keys

    def fill(self, connection: Any, keys: Sequence[Key]) -> None:
        """Write the new columns of the rows with these keys."""
        raise NotImplementedError

    def following(self, columns: Sequence[Any], after: Key | None, number: int, *, patient: bool) -> Any:
        """The next rows that are to be filled; they are ours then.

        Rows that somebody holds are left out, or with ``patient`` waited for.
        """
        query = sa.select(*columns).where(self.wanted).order_by(*self.keys).limit(number)
        if after is not None:
            query = query.where(beyond(self.keys, after))
        return query.with_for_update(skip_locked=not patient, key_share=self.key_share)


class MoveWork(Work):
    """Fills the new side of pairs that no new code has written to yet."""

    def __init__(self, move: Move) -> None:
        self._move = move
        self._parent, self._child = tables_of(move)
        self._linked = linked(move, self._parent, self._child)
        columns = pair_columns(move, self._parent, self._child)
        unwritten = to_sql(Not(move.pair.written()), columns)
        pairs = sa.and_(self._linked, to_sql(Not(move.pair.settled()), columns))
        one = sa.select(sa.literal(1))
        if move.to == "parent":
            filled = sa.and_(unwritten, sa.exists(one.select_from(self._child).where(pairs)))
            super().__init__(self._parent, move.parent.key, filled)
        elif move.makes_rows:
            there = sa.exists(one.select_from(self._child).where(self._linked))
            lacking = to_sql(
                Not(move.pair.settled()),
                lambda name: sa.null() if name.startswith(f"{NEW}.") else columns(name),
            )
            filled = sa.exists(one.select_from(self._child).where(sa.and_(pairs, unwritten)))
            super().__init__(self._parent, move.parent.key, sa.or_(sa.and_(lacking, sa.not_(there)), filled))
        else:
            filled = sa.and_(unwritten, sa.exists(one.select_from(self._parent).where(pairs)))
            super().__init__(self._child, move.child.key, filled)

    def fill(self, connection: Any, keys: Sequence[Key]) -> None:
        """By values: rows that get the same are written by one statement."""
        move, groups = self._move, dict[tuple[Scalar, ...], list[Key]]()
        made: list[dict[str, Scalar]] = []
        seen = set[Key]()
        for key, parent, child in self._pairs(connection, keys):
            if key in seen:
                continue
            row = move.joined(parent, child)
            if move.pair.settled().holds(row):
                continue
            seen.add(key)
            values = move.made_of(row, NEW)
            if child is None:
                links = zip(move.link, (parent[column.name] for column in move.parent.key), strict=True)
                made.append({**dict(links), **values})
            else:
                groups.setdefault(tuple(values.values()), []).append(key)
        target = self._parent if move.to == "parent" else self._child
        names = [column.name for column in move.new]
        where = self.keys if target is self.table else [target.c[name] for name in move.link]
        for values_, chosen in groups.items():
            given = dict(zip(names, values_, strict=True))
            connection.execute(sa.update(target).where(among(where, chosen)).values(given))
        if made:
            connection.execute(sa.insert(self._child), made)

    def _pairs(self, connection: Any, keys: Sequence[Key]) -> Sequence[tuple[Key, Any, Any]]:
        """(key, parent, child) of the rows that were taken; the child is None where there is none."""
        move, parent, child = self._move, self._parent, self._child
        columns = [*(column.label(f"p_{column.name}") for column in parent.c)]
        columns += [column.label(f"c_{column.name}") for column in child.c]
        origin = parent.join(child, self._linked, isouter=move.makes_rows)
        query = sa.select(*columns).select_from(origin).where(among(self.keys, keys))
        found = []
        side = "p" if self.table is parent else "c"
        for row in connection.execute(query.order_by(*child.primary_key)).mappings():
            above = {column.name: row[f"p_{column.name}"] for column in parent.c}
            below: Mapping[str, Any] | None = {column.name: row[f"c_{column.name}"] for column in child.c}
            if all(row[f"c_{name}"] is None for name in move.link):
                below = None
            found.append((tuple(row[f"{side}_{column.name}"] for column in self.keys), above, below))
        return found


class ComputedWork(Work):
    """Fills the new columns of rows that have only old values."""

    def __init__(self, bridge: Computed) -> None:
        self._bridge = bridge
        self.failed: dict[Key, str] = {}
        table = table_of(bridge)
        nothing = sa.and_(*(table.c[column.name].is_(None) for column in bridge.new))
        something = sa.or_(*(table.c[column.name].isnot(None) for column in bridge.old))
        super().__init__(table, bridge.table.key, sa.and_(nothing, something))

    def count(self, connection: Any) -> int:
        """How many rows are to be filled, without those that Python could not compute."""
        return max(0, super().count(connection) - len(self.failed))

    def take(
        self, connection: Any, after: Key | None, number: int, *, patient: bool = False
    ) -> Sequence[Key]:
        """Fill the next rows; their keys."""
        query = self.following([self.table], after, number, patient=patient)
        rows = connection.execute(query).mappings().all()
        keys = []
        for row in rows:
            key = tuple(row[column.name] for column in self.keys)
            keys.append(key)
            try:
                values = self._bridge.made_of(row, NEW)
            except UpgradeError as error:
                self._fail(key, error)
                continue
            connection.execute(sa.update(self.table).where(among(self.keys, [key])).values(values))
        return keys

    def _fail(self, key: Key, error: UpgradeError) -> None:
        """Left to be named by ``verify``."""
        self.failed[key] = str(error)
        if len(self.failed) > MOST_FAILURES:
            raise error


def among(columns: Sequence[Any], keys: Sequence[Key]) -> Any:
    """Whether a row has one of the keys."""
    if len(columns) == 1:
        return columns[0].in_([key[0] for key in keys])
    return sa.tuple_(*columns).in_([tuple(key) for key in keys])
