"""What a backfill does to moved and to computed columns: rows are taken, computed in Python, and written.

The same in every batch: rows are locked with SKIP LOCKED, so that neither a writer nor we wait, and those
that were busy come in a later round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.errors import UpgradeError

from .across import tables_of
from .computed import Computed
from .expression import AnyOf, Field, IsNull, Not, Scalar
from .move import NEW, Move
from .rendering import readable, to_sql
from .settling import computed_table

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


class MoveWork:
    """Fills the new side of pairs that no new code has written to yet."""

    def __init__(self, move: Move) -> None:
        self._move = move
        self._parent, self._child = tables_of(move)
        self.left = 0
        self._linked = sa.and_(
            *(
                self._child.c[link] == self._parent.c[key.name]
                for link, key in zip(move.link, move.parent.key, strict=True)
            )
        )
        self._unsettled = to_sql(Not(move.pair.settled()), self._resolve)
        self._unwritten = to_sql(
            Not(AnyOf(tuple(Not(IsNull(Field(column.name))) for column in move.pair.new))), self._resolve
        )
        pairs = sa.and_(self._linked, self._unsettled)
        one = sa.select(sa.literal(1))
        if move.to == "parent":
            self.table, keys = self._parent, move.parent.key
            self._wanted = sa.and_(self._unwritten, sa.exists(one.select_from(self._child).where(pairs)))
        elif move.makes_rows:
            self.table, keys = self._parent, move.parent.key
            there = sa.exists(one.select_from(self._child).where(self._linked))
            lacking = to_sql(Not(move.pair.settled()), self._resolve_nothing)
            filled = sa.exists(one.select_from(self._child).where(sa.and_(pairs, self._unwritten)))
            self._wanted = sa.or_(sa.and_(lacking, sa.not_(there)), filled)
        else:
            self.table, keys = self._child, move.child.key
            self._wanted = sa.and_(self._unwritten, sa.exists(one.select_from(self._parent).where(pairs)))
        self._keys = [self.table.c[column.name] for column in keys]

    def _resolve(self, name: str) -> Any:
        side, _, column = name.partition(".")
        return readable((self._parent if side == self._move.parent_side else self._child).c[column])

    def _resolve_nothing(self, name: str) -> Any:
        return sa.null() if name.startswith(f"{NEW}.") else self._resolve(name)

    def count(self, connection: Any) -> int:
        """How many rows are to be filled."""
        query = sa.select(sa.func.count()).select_from(self.table).where(self._wanted)
        return int(connection.execute(query).scalar_one())

    def take(
        self, connection: Any, after: Key | None, number: int, *, patient: bool = False
    ) -> Sequence[Key]:
        """Fill the next rows; their keys."""
        query = sa.select(*self._keys).where(self._wanted).order_by(*self._keys).limit(number)
        if after is not None:
            query = query.where(beyond(self._keys, after))
        query = query.with_for_update(skip_locked=not patient, key_share=True)
        keys: Sequence[Key] = connection.execute(query).all()
        if keys:
            self._fill(connection, keys)
        return keys

    def _fill(self, connection: Any, keys: Sequence[Key]) -> None:
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
        where = self._keys if target is self.table else [target.c[name] for name in move.link]
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
        query = sa.select(*columns).select_from(origin).where(among(self._keys, keys))
        found = []
        side = "p" if self.table is parent else "c"
        for row in connection.execute(query.order_by(*child.primary_key)).mappings():
            above = {column.name: row[f"p_{column.name}"] for column in parent.c}
            below: Mapping[str, Any] | None = {column.name: row[f"c_{column.name}"] for column in child.c}
            if all(row[f"c_{name}"] is None for name in move.link):
                below = None
            found.append((tuple(row[f"{side}_{column.name}"] for column in self._keys), above, below))
        return found


class ComputedWork:
    """Fills the new columns of rows that have only old values."""

    def __init__(self, bridge: Computed) -> None:
        self._bridge = bridge
        self.table = computed_table(bridge)
        self.left = 0
        self.failed: dict[Key, str] = {}
        self._keys = [self.table.c[column.name] for column in bridge.table.key]
        nothing = sa.and_(*(self.table.c[column.name].is_(None) for column in bridge.new))
        something = sa.or_(*(self.table.c[column.name].isnot(None) for column in bridge.old))
        self._wanted = sa.and_(nothing, something)

    def count(self, connection: Any) -> int:
        """How many rows are to be filled, without those that Python could not compute."""
        query = sa.select(sa.func.count()).select_from(self.table).where(self._wanted)
        return max(0, int(connection.execute(query).scalar_one()) - len(self.failed))

    def take(
        self, connection: Any, after: Key | None, number: int, *, patient: bool = False
    ) -> Sequence[Key]:
        """Fill the next rows; their keys."""
        query = sa.select(self.table).where(self._wanted).order_by(*self._keys).limit(number)
        if after is not None:
            query = query.where(beyond(self._keys, after))
        query = query.with_for_update(skip_locked=not patient, key_share=True)
        rows = connection.execute(query).mappings().all()
        keys = []
        for row in rows:
            key = tuple(row[column.name] for column in self._keys)
            keys.append(key)
            try:
                values = self._bridge.made_of(row, NEW)
            except UpgradeError as error:
                self._fail(key, error)
                continue
            connection.execute(sa.update(self.table).where(among(self._keys, [key])).values(values))
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
