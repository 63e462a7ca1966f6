"""A move: columns of one table become columns of another one, to which a foreign key links it.

The *child* has the foreign key (``link``), the *parent* the key that it refers to. Either may be the old
side. A pair of a parent and one of its children is what a row is to a bridge within one table: consistent or
not, by the same rules. :attr:`Move.pair` is that bridge, over names that say their side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal as OneOf

from keystone_viaduct.errors import BadDeclaration

from .expression import Expression, Field, Row, Scalar, same
from .shape import Bridge, Column, Conversion, Table
from .substitute import substitute
from .types import Text

OLD, NEW = "old", "new"
#: The old side, too, of a row that was made.
MADE = "ins"
#: Either side, where nothing seemed to be amiss: whatever else is marked counts more.
DOUBT = {OLD: "o?", NEW: "n?"}
_PAIR = Table("pair", (Column("pair.key", Text(64), nullable=False),))


@dataclass(frozen=True)
class Move:
    """``old`` columns of one table mean the same as ``new`` ones of the other.

    ``link``: the child's columns that refer to the parent's key, in its order. ``to``: where the columns
    move to. ``many``: a parent may have several children; then the child's side has one value n times.
    ``makes_rows``: the child is a table that old code does not know, with the parent's key for its own; a row
    that is not there is one without values, and is made when the old side gets one. ``keeps``: the old
    columns stay after contract.

    Without ``down`` it goes one way: a row without values takes those of the other side, once, and nothing of
    what new code writes comes back.
    """

    name: str
    parent: Table
    child: Table
    link: tuple[str, ...]
    to: OneOf["parent", "child"]
    old: tuple[Column, ...]
    new: tuple[Column, ...]
    up: tuple[Conversion, ...]
    down: tuple[Conversion, ...] = ()
    many: bool = True
    makes_rows: bool = False
    keeps: bool = False

    def __post_init__(self) -> None:
        if len(self.link) != len(self.parent.key) or not self.link:
            raise self._error("the link has one column of the child for each of the parent's key")
        if self.to not in ("parent", "child"):
            raise self._error(f"columns move to the parent or to the child, not to {self.to!r}")
        taken = {column.name for column in self.parent.key} & self._names(self.on_parent)
        if taken or set(self.link) & self._names(self.on_child):
            raise self._error("a column of the key or of the link can't move")
        _ = self.pair
        if self.to == "parent" and any(column.default is not None for column in self.old):
            raise self._error(
                "a row that leaves the old column out would look like one that gives its default",
                hint="drop the default in an earlier step",
            )
        if self.one_way:
            self._check_one_way()
        if self.makes_rows:
            self._check_making()

    @property
    def one_way(self) -> bool:
        """Whether the old columns stay as they are, whatever the new ones say."""
        return not self.down

    def _check_one_way(self) -> None:
        if self.to == "child" and any(column.nullable for column in self.old):
            raise self._error(
                "without down a child that is made while its parent gets the first value would miss it",
                hint="give down, or let the old columns take no NULL in an earlier step",
            )
        if not self.keeps and any(not column.nullable for column in self.old):
            raise self._error(
                "without down nothing fills the old columns for new code, and they take no NULL",
                hint="let them take NULL in an earlier step, or say keeps=True",
            )

    def _check_making(self) -> None:
        if self.to != "child" or self.many or {c.name for c in self.child.key} != set(self.link):
            raise self._error("rows are made in a child that shares the parent's key only (many=False)")
        if any(not column.nullable or column.default is not None for column in self.old):
            raise self._error(
                "where rows are made the old columns must take NULL and have no default: new code leaves them"
                " out, and would meet rows that it is about to make",
                hint="let them take NULL in an earlier step",
            )
        nothing: Row = {column.name: None for column in self.pair.old}
        if any(value is not None for value in self.made_of(nothing, NEW).values()):
            raise self._error("up makes something of NULL, so a missing row can't stand for it")

    def _error(self, problem: str, hint: str = "") -> BadDeclaration:
        return BadDeclaration(f"move {self.name}: {problem}", hint=hint, bridge=self.name)

    @staticmethod
    def _names(columns: tuple[Column, ...]) -> set[str]:
        return {column.name for column in columns}

    @cached_property
    def pair(self) -> Bridge:
        """The bridge between a parent and a child; its columns are called ``old.name`` and ``new.name``."""
        olds = {column.name: Field(f"{OLD}.{column.name}") for column in self.old}
        news = {column.name: Field(f"{NEW}.{column.name}") for column in self.new}
        for conversions, known in ((self.up, olds), (self.down, news)):
            for name in (name for item in conversions for name in item.value.fields()):
                if name not in known:
                    raise self._error(f"something is computed from {name}, which is not on the other side")
        return Bridge(
            self.name,
            _PAIR,
            old=tuple(replace(column, name=f"{OLD}.{column.name}") for column in self.old),
            new=tuple(replace(column, name=f"{NEW}.{column.name}") for column in self.new),
            up=tuple(_qualified(item, NEW, olds) for item in self.up),
            down=tuple(_qualified(item, OLD, news) for item in self.down),
        )

    def on(self, engine: str) -> Move:
        """The move with its columns as one engine has them."""
        old, new = (tuple(column.on(engine) for column in side) for side in (self.old, self.new))
        return replace(self, old=old, new=new)

    @property
    def tables(self) -> tuple[Table, Table]:
        """The old columns' table, and the new ones'."""
        return (self.child, self.parent) if self.to == "parent" else (self.parent, self.child)

    @property
    def child_side(self) -> str:
        """Which side the child's columns are."""
        return OLD if self.to == "parent" else NEW

    @property
    def parent_side(self) -> str:
        """Which side the parent's columns are."""
        return NEW if self.to == "parent" else OLD

    @property
    def on_child(self) -> tuple[Column, ...]:
        """The child's columns."""
        return self.old if self.to == "parent" else self.new

    @property
    def on_parent(self) -> tuple[Column, ...]:
        """The parent's columns."""
        return self.new if self.to == "parent" else self.old

    def places(self, side: str) -> list[tuple[str, str]]:
        """(table, column) of the side that is to come, or of the one that is to go."""
        table, columns = (self.tables[0], self.old) if side == OLD else (self.tables[1], self.new)
        if side == OLD and self.keeps:
            return []
        return [(table.name, column.name) for column in columns]

    def joined(self, parent: Row, child: Row | None) -> dict[str, Scalar]:
        """A pair as a row; a child that is not there has no values."""
        row = {f"{self.parent_side}.{item.name}": parent[item.name] for item in self.on_parent}
        for item in self.on_child:
            row[f"{self.child_side}.{item.name}"] = None if child is None else child[item.name]
        return row

    def made_of(self, row: Row, side: str) -> dict[str, Scalar]:
        """The columns of a side as the other side of a pair makes them, under their own names."""
        made = self.pair.made_of(row, new_side=side == OLD)
        return {name.partition(".")[2]: value for name, value in made.items()}

    def settle(
        self,
        parent: Row,
        children: Sequence[Row],
        *,
        new_wins: bool,
        inserted: bool = False,
        written: Row | None = None,
    ) -> Settled:
        """What makes every pair consistent, if the new (or else the old) side counts where they differ.

        ``inserted``: old code has made a row, so nothing in the new columns is nothing that was written.
        ``written``: the child that was written last, if one was: the parent and the others follow it.
        """
        if not children:
            return self._settle_alone(parent, new_wins=new_wins)
        if self.one_way:
            return self._settle_one_way(parent, children)
        test = self.pair.settled() if inserted and not new_wins else self.pair.consistent()
        wrong = [row for row in children if not test.holds(self.joined(parent, row))]
        changed: dict[str, Scalar] = {}
        if wrong and (self.parent_side == NEW) is not new_wins:
            source = wrong[0] if written is None else written
            if source in wrong:
                made = self.made_of(self.joined(parent, source), self.parent_side)
                changed = {name: value for name, value in made.items() if not same(parent[name], value)}
            elif written is None:
                return Settled({}, ())
        after, pair = {**parent, **changed}, self.pair.consistent()
        if changed:
            wrong = [row for row in children if not pair.holds(self.joined(after, row))]
        return Settled(
            changed, tuple((row, self.made_of(self.joined(after, row), self.child_side)) for row in wrong)
        )

    def _settle_one_way(self, parent: Row, children: Sequence[Row]) -> Settled:
        """A row without values takes those of the other side (a parent its first child's), whoever wrote."""
        rows = [(child, self.joined(parent, child)) for child in children]
        lacking = [(child, row) for child, row in rows if not self.pair.consistent().holds(row)]
        if self.to == "parent":
            return Settled(self.made_of(lacking[0][1], NEW) if lacking else {}, ())
        return Settled({}, tuple((child, self.made_of(row, NEW)) for child, row in lacking))

    def _settle_alone(self, parent: Row, *, new_wins: bool) -> Settled:
        """A parent without a child: its values are the child's that is to be made, or go with it."""
        row = self.joined(parent, None)
        test = self.pair.consistent() if new_wins else self.pair.settled()
        if not self.makes_rows or test.holds(row):
            return Settled({}, ())
        if new_wins:
            made = self.made_of(row, self.parent_side)
            return Settled({name: value for name, value in made.items() if not same(parent[name], value)}, ())
        return Settled({}, (), self.made_of(row, self.child_side))


@dataclass(frozen=True)
class Settled:
    """What is to be written: to the parent, to children, and into a child that is to be made."""

    parent: Mapping[str, Scalar]
    children: tuple[tuple[Row, Mapping[str, Scalar]], ...]
    made: Mapping[str, Scalar] | None = None


def _qualified(item: Conversion, side: str, fields: Mapping[str, Expression]) -> Conversion:
    return Conversion(f"{side}.{item.column}", substitute(item.value, fields), item.fallback)
