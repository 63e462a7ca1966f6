"""Random statements on two linked tables, as old code, new code, or code of both shapes would send them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.upgrade.expression import Scalar
from keystone_viaduct.upgrade.move import NEW, OLD
from keystone_viaduct.upgrade.types import Text
from tests.bridges.across.declared import Moved
from tests.support.moves import Tables

PARENTS = ("p1", "p2", "p3")
CHILDREN = ("c1", "c2", "c3", "c4")
MYSQL = ("mysql", "mariadb")
NOTES = ("x", "y", "a", None)
Run = Callable[[sa.Connection], object]
Values = dict[str, Scalar]


@dataclass
class Act:
    """A transaction of one statement or two. ``silent``: rows of the child that are given nothing.

    ``replaced``: rows that go and come anew, with what they are given; the statement's next row may replace
    one of them again. ``upserted``: rows that are given to a row that stands in their way. ``rewrites``: the
    keys of the children that an UPDATE gives a value of their own, be it the one that they have.
    """

    side: str
    title: str
    made: Callable[[Tables, str], Sequence[Any]]
    silent: set[str] = field(default_factory=set)
    replaced: dict[str, Values] = field(default_factory=dict)
    upserted: dict[str, Values] = field(default_factory=dict)
    rewrites: Callable[[Tables], Any] | None = None

    def statements(self, tables: Tables, engine: str) -> list[Run]:
        """On these tables."""
        return [_runnable(item) for item in self.made(tables, engine)]


@dataclass(frozen=True)
class Replace:
    """REPLACE, for which SQLAlchemy has no word on MySQL."""

    insert: Any


def _runnable(item: Any) -> Run:
    def run(connection: sa.Connection) -> object:
        if not isinstance(item, Replace):
            return connection.execute(item)
        compiled = item.insert.compile(dialect=connection.dialect)
        values = compiled.construct_params()
        given: Any = tuple(values[name] for name in compiled.positiontup) if compiled.positional else values
        return connection.exec_driver_sql(str(compiled).replace("INSERT", "REPLACE", 1), given)

    return run


class Generator:
    """Random acts on one move."""

    def __init__(self, moved: Moved, chance: random.Random, engine: str) -> None:
        self.moved, self.random, self.engine = moved, chance, engine
        move = moved.move
        self.columns = {
            (move.parent_side, "parent"): [column.name for column in move.on_parent],
            (move.child_side, "child"): [column.name for column in move.on_child],
        }
        self.texts = [column.name for column in (*move.old, *move.new) if isinstance(column.type, Text)]
        self.link_is_key = move.makes_rows

    def next(self) -> Act:
        """One act."""
        side = self.random.choice((OLD, OLD, OLD, NEW, NEW, NEW, "both"))
        if side == "both":
            return self.both()
        table = self.random.choice(("parent", "child"))
        if self.link_is_key and side == OLD:
            table = "parent"  # old code does not know the other one
        if self.moved.move.keeps and side == NEW:
            table = self.moved.move.to  # what stays in the other one new code writes as old code does
        kind = self.random.choices((self.insert, self.update, self.reach, self.delete), (7, 9, 3, 2))[0]
        return kind(side, table)

    def names(self, side: str, table: str) -> list[str]:
        """The moved columns that this code knows in this table."""
        return self.columns.get((side, table), [])

    def pick(self, name: str) -> Scalar:
        """A value for a moved column."""
        return self.random.choice(self.moved.values[name])

    def insert(self, side: str, table: str) -> Act:
        """Rows, with the moved columns or without; plain, upsert, replace, ignore."""
        chosen = [name for name in self.names(side, table) if self.random.random() < 0.75]
        keys = PARENTS if table == "parent" or self.link_is_key else CHILDREN
        rows: list[Values] = []
        for key in self.random.sample(keys, self.random.choice((1, 1, 2, 3))):
            row: Values = {name: self.pick(name) for name in chosen}
            row["note"] = self.random.choice(NOTES)
            row |= self._keys(table, key)
            rows.append(row)
        modes = ["plain", "plain", "update", "ignore"] + ([] if self.engine == "postgresql" else ["replace"])
        mode = self.random.choice(modes)
        taken = [name for name in (*chosen, "note") if self.random.random() < 0.8] or ["note"]
        by_key = {str(row.get("id", row.get("place_id"))): row for row in rows}
        silent = {
            key
            for key, row in by_key.items()
            if table == "child" and all(row.get(name) is None for name in self.names(side, table))
        }
        replaced = by_key if mode == "replace" else {}

        def made(tables: Tables, engine: str) -> list[Any]:
            return [_insert(tables.of(table), rows, mode, taken, engine)]

        upserted = by_key if mode == "update" and table == "child" else {}
        return Act(
            side, f"{side}: {mode} into {table} {rows} taking {taken}", made, silent, replaced, upserted
        )

    def _keys(self, table: str, key: str) -> Values:
        if table == "parent":
            return {"id": key}
        if self.link_is_key:
            return {"place_id": key}
        return {"id": key, "place_id": self.random.choice((*PARENTS, *PARENTS, None))}

    def where(self, table: str) -> Callable[[Tables], Any]:
        """Which rows: by key mostly, by link, by the note, all."""
        keys = self.random.sample(PARENTS, self.random.choice((1, 1, 2)))
        children = self.random.sample(CHILDREN, self.random.choice((1, 1, 2)))
        kind, note = self.random.random(), self.random.choice(NOTES)

        def condition(tables: Tables) -> Any:
            place = tables.of(table)
            if kind < 0.55:
                if table == "child" and not self.link_is_key:
                    return place.c.id.in_(children)
                return (place.c.id if table == "parent" else place.c.place_id).in_(keys)
            if kind < 0.75:
                return (place.c.id if table == "parent" else place.c.place_id).in_(keys)
            if kind < 0.9:
                return place.c.note.is_(None) if note is None else place.c.note == note
            return sa.true()

        condition.__doc__ = f"{kind:.2f} {keys} {children} {note}"
        return condition

    def values(self, side: str, table: str) -> Values:
        """Of some columns, of the link, or of one that is not moved."""
        names = self.names(side, table)
        values: Values = {name: self.pick(name) for name in names if self.random.random() < 0.7}
        if table == "child" and not self.link_is_key and self.random.random() < 0.25:
            values["place_id"] = self.random.choice((*PARENTS, None))
        if not values or self.random.random() < 0.15:
            values["note"] = self.random.choice(NOTES)
        return values

    def update(self, side: str, table: str) -> Act:
        """Some values of some rows; a moved text may take the note's."""
        values, where = self.values(side, table), self.where(table)
        copied = next((name for name in values if name in self.texts and self.random.random() < 0.2), None)

        def made(tables: Tables, engine: str) -> list[Any]:
            given: dict[str, Any] = dict(values)
            if copied:
                note = tables.of(table).c.note
                may_be_none = None in self.moved.values[copied]
                given[copied] = note if may_be_none else sa.func.coalesce(note, "none")
            return [tables.of(table).update().values(given).where(where(tables))]

        def rewrites(tables: Tables) -> Any:
            (key,) = tables.child.primary_key
            return sa.select(key).where(where(tables))

        title = f"{side}: update {table} {values} copying {copied} where {where.__doc__}"
        return Act(side, title, made, rewrites=rewrites if copied and table == "child" else None)

    def reach(self, side: str, table: str) -> Act:
        """A statement that mentions the other table, too: its triggers may not change that one (1442)."""
        if self.link_is_key and side == OLD:
            return self.update(side, table)
        values, note = self.values(side, table), self.random.choice(NOTES[:3])
        kind = self.random.choice(("in", "in", "insert", "delete", "joined"))
        if (
            self.engine == "mariadb"
            and side == NEW
            and any(not item.nullable for item in self.moved.move.old)
        ):
            kind = "in"  # there an INSERT … SELECT asks for defaults before it fires a trigger (1364)

        def made(tables: Tables, engine: str) -> list[Any]:
            here, there = tables.of(table), tables.of("child" if table == "parent" else "parent")
            mine = here.c.id if table == "parent" else here.c.place_id
            other = there.c.id if table == "child" else there.c.place_id
            chosen = sa.select(other).where(there.c.note == note, other.isnot(None))
            if kind == "insert" and table == "child" and not self.link_is_key:
                return [_insert_from(tables, note, engine)]
            if kind == "delete":
                return [here.delete().where(mine.in_(chosen))]
            if kind == "joined" and engine in MYSQL:
                return [here.update().values(values).where(mine == other, there.c.note == note)]
            return [here.update().values(values).where(mine.in_(chosen))]

        silent = set(CHILDREN) if kind == "insert" and table == "child" else set()
        return Act(side, f"{side}: {kind} {table} {values} reaching {note}", made, silent)

    def delete(self, side: str, table: str) -> Act:
        """Some rows."""
        where = self.where(table)

        def made(tables: Tables, engine: str) -> list[Any]:
            return [tables.of(table).delete().where(where(tables))]

        return Act(side, f"{side}: delete {table} where {where.__doc__}", made)

    def both(self) -> Act:
        """Code of both shapes writes both sides, in one statement where the engine can."""
        move = self.moved.move
        above = {name: self.pick(name) for name in self.names(move.parent_side, "parent")}
        below = {name: self.pick(name) for name in self.names(move.child_side, "child")}
        key, single = self.random.choice(PARENTS), self.random.random() < 0.7

        def made(tables: Tables, engine: str) -> list[Any]:
            parent, child = tables.parent, tables.child
            if engine in MYSQL and single:
                given: dict[Any, Any] = {parent.c[name]: value for name, value in above.items()}
                given |= {child.c[name]: value for name, value in below.items()}
                linked = sa.and_(child.c.place_id == parent.c.id, parent.c.id == key)
                return [parent.update().values(given).where(linked)]
            first = parent.update().values(above).where(parent.c.id == key)
            then = child.update().values(below).where(child.c.place_id == key)
            if engine == "postgresql" and single:
                return [then.add_cte(first.returning(parent.c.id).cte("above"))]
            return [first, then]

        return Act("both", f"both: {above} and {below} of {key}, in one {single}", made)


def _insert(table: sa.Table, rows: list[Values], mode: str, taken: list[str], engine: str) -> Any:
    (key,) = table.primary_key
    if engine in MYSQL:
        from sqlalchemy.dialects.mysql import insert as mysql_insert

        inserted = mysql_insert(table).values(rows)
        if mode == "update":
            return inserted.on_duplicate_key_update({name: inserted.inserted[name] for name in taken})
        if mode == "replace":
            return Replace(inserted)
        return inserted
    from sqlalchemy.dialects.postgresql import insert as postgresql_insert
    from sqlalchemy.dialects.sqlite import insert as sqlite_insert

    made: Any = (sqlite_insert if engine == "sqlite" else postgresql_insert)(table).values(rows)
    if mode == "update":
        return made.on_conflict_do_update(
            index_elements=[key.name], set_={name: made.excluded[name] for name in taken}
        )
    if mode == "ignore":
        return made.on_conflict_do_nothing()
    return made.prefix_with("OR REPLACE") if mode == "replace" else made


def _insert_from(tables: Tables, note: str | None, engine: str) -> Any:
    """A child for each parent with that note, unless there is one of that key."""
    parent, child = tables.parent, tables.child
    key = sa.literal("c") + sa.func.substr(parent.c.id, 2)
    there = sa.exists().where(child.c.id == key)
    if engine in MYSQL:
        there = sa.exists(sa.select(sa.literal(1)).select_from(child.alias()).where(sa.text("FALSE")))
    rows = sa.select(key, parent.c.id, parent.c.note).where(parent.c.note == note, sa.not_(there))
    return child.insert().from_select(["id", "place_id", "note"], rows)
