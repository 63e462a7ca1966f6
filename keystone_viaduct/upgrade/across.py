"""A move as triggers: on the child and on the parent, after the row is written, and none of them waits.

The counterpart is locked if it is free and changed if the pair is inconsistent; where it is busy, or where
MariaDB and MySQL forbid it, a mark is left (``marks.py``). Only what a new child takes from its parent is
filled in before its row is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from keystone_viaduct.triggers import (
    Event,
    Timing,
    TriggerSpec,
    assign,
    attempt,
    branch,
    fill,
    has_changed,
    key_text,
    new,
    old,
    put_off,
    take,
)

from .expression import Condition, Every, Expression, Field, Literal, Not
from .marks import MARKS
from .move import DOUBT, MADE, NEW, OLD, Move
from .pieces import by_others, null_safe_same
from .rendering import Resolve, column_type, readable, stored, table_with, to_sql
from .shape import PREFIX, Column
from .substitute import substitute
from .types import Text

#: (column of the child's key, collation): MariaDB and MySQL want it said of a variable.
Collations = tuple[tuple[str, str], ...]


def tables_of(move: Move, collations: Collations = ()) -> tuple[sa.Table, sa.Table]:
    """The parent and the child as SQLAlchemy knows them: keys, link and moved columns."""
    parent = table_with(move.parent, move.on_parent)
    keys = zip(move.link, move.parent.key, strict=True)
    links = tuple(Column(name, key.type) for name, key in keys)
    types = _collated(move.child.key, dict(collations))
    return parent, table_with(move.child, (*links, *move.on_child), types)


def _collated(key: tuple[Column, ...], collations: dict[str, str]) -> dict[str, Any]:
    """The types of those columns of a key whose collation has to be said on MariaDB and MySQL."""
    found: dict[str, Any] = {}
    for column in key:
        name = collations.get(column.name, "")
        if name and isinstance(column.type, Text) and column.type.length:
            length, charset = column.type.length, name.partition("_")[0]
            theirs = mysql.VARCHAR(length, charset=charset, collation=name)
            found[column.name] = column_type(column.type).with_variant(theirs, "mysql")
    return found


def _same(column: Any) -> Any:
    return column


def linked(
    move: Move, parent: sa.Table, child: sa.Table, of_parent: Callable[[Any], Any] = _same
) -> sa.ColumnElement[bool]:
    """Whether a child's row refers to a parent's."""
    pairs = zip(move.link, move.parent.key, strict=True)
    return sa.and_(*(child.c[link] == of_parent(parent.c[key.name]) for link, key in pairs))


def pair_columns(
    move: Move,
    parent: sa.Table,
    child: sa.Table,
    of_parent: Callable[[Any], Any] = _same,
    of_child: Callable[[Any], Any] = _same,
) -> Resolve:
    """Names of the pair to the columns of the two tables; ``of_…`` make those of a trigger's row of them."""
    rows = {move.parent_side: (parent, of_parent), move.child_side: (child, of_child)}

    def resolve(name: str) -> Any:
        side, _, column = name.partition(".")
        table, row = rows[side]
        return readable(row(table.c[column]))

    return resolve


@lru_cache(maxsize=256)
def move_specs(move: Move, collations: Collations = ()) -> tuple[TriggerSpec, ...]:
    """The triggers, in the order in which they are to be created: those for updates first."""
    return _Specs(move, *tables_of(move, collations)).all()


@dataclass(frozen=True)
class _Specs:
    move: Move
    parent: sa.Table
    child: sa.Table

    def all(self) -> tuple[TriggerSpec, ...]:
        """Updates first: an insert may cause them."""
        if self.move.one_way and self.move.to == "parent":
            return (self._child_updated(), self._child_inserted(), self._parent_came_back())
        if self.move.one_way:
            return (self._parent_updated(), *self._filled(), self._parent_came_back())
        found = [self._child_updated(), self._parent_updated(), *self._filled(), self._child_inserted()]
        found += [self._parent_came_back(), *self._given_fallback()]
        return (*found, *(self._making() if self.move.makes_rows else ()))

    def _spec(self, name: str, table: sa.Table, event: Event, *body: Any, **options: Any) -> TriggerSpec:
        timing = options.pop("timing", Timing.AFTER)
        if timing is Timing.AFTER:
            options["when"] = sa.and_(options["when"], by_others()) if "when" in options else by_others()
        return TriggerSpec(f"{PREFIX}{self.move.name}_{name}", table, event, timing, body, **options)

    def _resolve(self, parent: Any, child: Any) -> Resolve:
        """Names of the pair to its columns; ``parent`` and ``child`` say of which row."""
        return pair_columns(self.move, self.parent, self.child, parent, child)

    def _values(self, side: str, resolve: Resolve, of: Any = None) -> list[tuple[Any, Any]]:
        """(column, what the other side makes of it) of one side."""
        pair, table = self.move.pair, self._table_of(side)
        values = pair.total_up() if side == NEW else pair.total_down()
        columns = self.move.new if side == NEW else self.move.old
        made = [(of or (lambda value: value))(value) for value in values]
        return [
            (table.c[column.name], to_sql(value, resolve))
            for column, value in zip(columns, made, strict=True)
        ]

    def _table_of(self, side: str) -> sa.Table:
        return self.parent if side == self.move.parent_side else self.child

    def _linked(self, of: Any) -> Any:
        """The parent's row that a child's row refers to."""
        pairs = zip(self.move.parent.key, self.move.link, strict=True)
        return sa.and_(*(self.parent.c[key.name] == of(self.child.c[link]) for key, link in pairs))

    def _children(self, of: Any) -> Any:
        """The child's rows that refer to a parent's row."""
        return linked(self.move, self.parent, self.child, of)

    def _is_linked(self) -> Any:
        return sa.and_(*(new(self.child.c[name]).isnot(None) for name in self.move.link))

    def _mark(self, side: Any, *key: Any) -> Any:
        return sa.insert(MARKS).values(self._marked(side, *key))

    def _mark_child(self, side: Any, of: Any) -> Any:
        """With the child's own key: its parent may have others."""
        child = key_text(*(of(self.child.c[column.name]) for column in self.move.child.key))
        return sa.insert(MARKS).values({**self._marked(side, *self._child_key(of)), "child": child})

    def _marked(self, side: Any, *key: Any) -> dict[str, Any]:
        return {"bridge": sa.literal(self.move.name), "side": side, "record": key_text(*key)}

    def _still(self, table: sa.Table) -> Any:
        """The row that was written, if nobody has changed it since: not even a trigger of ours."""
        columns = [table.c[column.name] for column in self._columns_of(table)]
        as_written = [null_safe_same(column, new(column)) for column in columns]
        keys = [column == new(column) for column in table.primary_key]
        return sa.select(sa.literal_column("1")).select_from(table).where(*keys, *as_written)

    def _columns_of(self, table: sa.Table) -> tuple[Column, ...]:
        return self.move.on_parent if table is self.parent else self.move.on_child

    def _made_sides(self) -> list[Any]:
        """The child's side and the parent's, of a row that was made."""
        sides = (self.move.child_side, self.move.parent_side)
        return [sa.literal(MADE if side == OLD else side) for side in sides]

    def _child_key(self, of: Any) -> list[Any]:
        return [of(self.child.c[name]) for name in self.move.link]

    def _parent_key(self) -> list[Any]:
        return [new(self.parent.c[column.name]) for column in self.move.parent.key]

    def _child_updated(self) -> TriggerSpec:
        """The child has another value, or another parent: the parent follows."""
        resolve = self._resolve(_same, self._after_fill)
        differs = to_sql(Not(self.move.pair.consistent()), resolve)
        body = take(
            self.parent,
            self._linked(new),
            sa.and_(differs, sa.not_(sa.and_(self._is_moved(), self._says()))),
            *self._values(self.move.parent_side, resolve),
            otherwise=self._mark_child(self.move.child_side, new),
            doubt=self._mark_child(DOUBT[self.move.child_side], new),
            still=self._still(self.child),
        )
        names = (*(column.name for column in self.move.on_child), *self.move.link)
        return self._spec("c_upd", self.child, Event.UPDATE, body, changed=names, when=self._is_linked())

    def _parent_updated(self) -> TriggerSpec:
        """The parent has another value: its children follow."""
        resolve = self._resolve(new, _same)
        body = take(
            self.child,
            self._children(new),
            to_sql(Not(self.move.pair.consistent()), resolve),
            *self._values(self.move.child_side, resolve),
            otherwise=self._mark(self.move.parent_side, *self._parent_key()),
            doubt=self._mark(DOUBT[self.move.parent_side], *self._parent_key()),
            still=self._still(self.parent),
            single=not self.move.many,
            absent=self._lacking() if self.move.makes_rows else None,
            alone=(self._made(self._lacking()),) if self.move.makes_rows else (),
        )
        names = tuple(column.name for column in self.move.on_parent)
        return self._spec("p_upd", self.parent, Event.UPDATE, body, changed=names)

    def _parent_came_back(self) -> TriggerSpec:
        """A new parent whose children are there: MySQL's REPLACE leaves them, and nothing checks some keys.

        The worker decides; nothing here waits for those children.
        """
        pair = self.move.pair
        differs = to_sql(Not(pair.settled()), self._resolve(new, _same))
        silent = sa.and_(*(new(self.parent.c[column.name]).is_(None) for column in self.move.on_parent))
        sides = self._made_sides()
        mark = self._marked(sa.case((silent, sides[0]), else_=sides[1]), *self._parent_key())
        body = put_off(self.child, sa.and_(self._children(new), differs), MARKS, mark)
        return self._spec("p_back", self.parent, Event.INSERT, body)

    def _child_inserted(self) -> TriggerSpec:
        """A new child that has a value of its own gives it to the parent.

        Always with the parent's row locked, or else a mark: whoever writes the parent now can't see it yet.
        """
        resolve, pair = self._resolve(_same, self._after_fill), self.move.pair
        fresh = self.move.child_side == OLD and not self.move.one_way
        done = pair.settled() if fresh else pair.consistent()
        differs = sa.and_(to_sql(Not(done), resolve), sa.not_(sa.and_(self._is_silent(), self._says())))
        sides = self._made_sides()
        # A row that says nothing does not speak against another one that the same statement makes.
        calm = DOUBT[NEW] if self.move.parent_side == NEW else sides[1]
        body = take(
            self.parent,
            self._linked(new),
            differs,
            *self._values(self.move.parent_side, resolve),
            otherwise=self._mark_child(sides[0], new),
            calm=self._mark(calm, *self._child_key(new)),
        )
        return self._spec("c_ins", self.child, Event.INSERT, body, when=self._is_linked())

    def _filled(self) -> list[TriggerSpec]:
        """A child that says nothing takes what its parent says; so does one that changes its parent only."""
        resolve, says, row = self._resolve(_same, new), self._says(), self._linked(new)
        values = [
            (column, sa.case((says, value), else_=self._after_fill(column)), self._after_fill(column))
            for column, value in self._values(self.move.child_side, resolve)
        ]
        found = []
        for event, fits in ((Event.UPDATE, self._is_moved()), (Event.INSERT, self._is_silent())):
            when = sa.or_(sa.and_(self._is_linked(), fits), *self._absent())
            options = {"timing": Timing.BEFORE, "when": when}
            name = f"c_{event.value[:3]}_fill"
            found.append(self._spec(name, self.child, event, fill(self.parent, row, *values), **options))
        return found

    def _after_fill(self, column: Any) -> Any:
        """The child's value, its fallback considered; SQLite fills it in after our other triggers only."""
        fallbacks = self._fallbacks() if self.move.child_side == OLD else {}
        if column.name not in fallbacks:
            return new(column)
        return sa.func.coalesce(new(column), fallbacks[column.name])

    def _absent(self) -> list[Any]:
        """For each column of the child that takes no NULL: whether it is NULL."""
        names = self._fallbacks() if self.move.child_side == OLD else ()
        return [new(self.child.c[name]).is_(None) for name in names]

    def _is_silent(self) -> Any:
        """Whether a new child says nothing of its own."""
        nothing = sa.and_(*(new(self.child.c[column.name]).is_(None) for column in self.move.on_child))
        return sa.or_(nothing, *self._absent())

    def _is_moved(self) -> Any:
        """Whether a child has only another parent."""
        columns = [self.child.c[column.name] for column in self.move.on_child]
        moved = sa.or_(*(has_changed(self.child.c[name]) for name in self.move.link))
        return sa.or_(sa.and_(moved, *(sa.not_(has_changed(column)) for column in columns)), *self._absent())

    def _says(self) -> Any:
        """Whether the parent's row has something to give: a new side without values has not."""
        if self.move.child_side == NEW:
            return sa.true()
        return to_sql(self.move.pair.written(), self._resolve(_same, new))

    def _fallbacks(self) -> dict[str, Any]:
        """What stands in old columns that take no NULL."""
        if self.move.one_way:
            return {}
        pairs = zip(self.move.old, self.move.down, strict=True)
        return {
            column.name: stored(self._table_of(OLD).c[column.name], Literal(item.fallback), _nothing)
            for column, item in pairs
            if not column.nullable and item.fallback is not None
        }

    def _given_fallback(self) -> list[TriggerSpec]:
        """An old column of the parent that takes no NULL: new code leaves it out."""
        fallbacks = self._fallbacks() if self.move.parent_side == OLD else {}
        if not fallbacks:
            return []
        columns = [(self.parent.c[name], value) for name, value in fallbacks.items()]
        values = [assign(column, sa.func.coalesce(new(column), value)) for column, value in columns]
        missing = sa.or_(*(new(column).is_(None) for column, _ in columns))
        return [
            self._spec(
                f"p_{event.value[:3]}_fill",
                self.parent,
                event,
                branch(None, *values),
                timing=Timing.BEFORE,
                when=missing,
                invoker=True,
            )
            for event in (Event.UPDATE, Event.INSERT)
        ]

    def _lacking(self) -> Any:
        """Whether a parent has a value that a child without values does not stand for."""
        nothing = {column.name: Literal(None) for column in self.move.pair.new}
        return to_sql(Not(_without(self.move.pair.settled(), nothing)), self._resolve(new, _same))

    def _made(self, when: Any) -> Any:
        """The child's row, unless it is there."""
        resolve = self._resolve(new, _same)
        values = self._values(NEW, resolve)
        columns = [*self.move.link, *(column.name for column, _ in values)]
        keys = [new(self.parent.c[column.name]) for column in self.move.parent.key]
        there = sa.exists(sa.select(sa.literal(1)).select_from(self.child).where(self._children(new)))
        row = sa.select(*keys, *(value for _, value in values)).where(sa.and_(when, sa.not_(there)))
        return sa.insert(self.child).from_select(columns, row)

    def _making(self) -> list[TriggerSpec]:
        """Rows come with the old side's values, and go with them."""
        nothing = {column.name: Literal(None) for column in self.move.pair.new}
        gone = _without(self.move.pair.derived(), nothing)
        resolve = self._resolve(_same, _same)
        deleted = take(
            self.parent,
            self._linked(old),
            to_sql(Not(gone), resolve),
            *self._values(OLD, resolve, lambda value: substitute(value, nothing)),
            otherwise=self._mark(NEW, *self._child_key(old)),
            doubt=self._mark(DOUBT[NEW], *self._child_key(old)),
        )
        lacking = self._lacking()
        mark = self._mark(MADE, *self._parent_key())
        made = attempt(self._made(lacking), otherwise=mark)
        return [
            self._spec("c_del", self.child, Event.DELETE, deleted),
            self._spec("p_ins", self.parent, Event.INSERT, made, when=lacking),
        ]


def _nothing(name: str) -> Any:
    raise KeyError(name)


def _without(condition: Every, nothing: Mapping[str, Expression]) -> Condition:
    """The condition where the named columns are what is given."""
    names = dict.fromkeys(condition.fields())
    values = {name: nothing.get(name, Field(name)) for name in names}
    found = substitute(condition, values)
    assert isinstance(found, Condition)
    return found
