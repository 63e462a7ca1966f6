"""Statements as data: generated at random, played by the model, and said in SQL."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from keystone_viaduct.upgrade.expression import Scalar
from keystone_viaduct.upgrade.shape import Column
from keystone_viaduct.upgrade.types import Text

KEYS = ("k1", "k2", "k3", "k4", "k5")
PARENTS = ("p1", "p2")
NOTES = ("x", "007", "a:1", "public", None)
Values = dict[str, Scalar]


@dataclass(frozen=True)
class Where:
    """Which rows: with one of the keys, or where a column is NULL (``null``) or is not; without both all."""

    keys: tuple[str, ...] = ()
    column: str = ""
    null: bool = True

    def takes(self, row: Values) -> bool:
        """Whether a row is one of them."""
        if self.column:
            return (row[self.column] is None) is self.null
        return not self.keys or row["id"] in self.keys


@dataclass(frozen=True)
class Insert:
    """Rows with the same columns. ``mode``: plain, replace, update (upsert), nothing (on conflict)."""

    rows: tuple[Values, ...]
    mode: str = "plain"
    taken: tuple[str, ...] = ()
    """With ``update``: the columns that a row which is there already takes from the new one."""


@dataclass(frozen=True)
class Update:
    """Some columns of some rows."""

    values: Values
    where: Where


@dataclass(frozen=True)
class Copy:
    """A column takes the value of another one of the same row and side."""

    target: str
    source: str
    where: Where


@dataclass(frozen=True)
class Delete:
    """Some rows."""

    where: Where


@dataclass(frozen=True)
class DeleteParent:
    """A row of the table that this one refers to: its rows go with it."""

    parent: str


Statement = Insert | Update | Copy | Delete | DeleteParent


class Shapes(Protocol):
    """Who writes, what he knows of the table, and what he gives."""

    @property
    def sides(self) -> tuple[str, ...]:
        """Old code, new code, and code that knows both, as often as they write."""

    def columns(self, side: str) -> tuple[Column, ...]:
        """Those that he knows besides the key and ``note``."""

    def choices(self, side: str, column: str) -> Sequence[Scalar]:
        """What he gives to one of them."""


class Generator:
    """Random statements; ``side`` of each is old, new or both."""

    def __init__(self, shapes: Shapes, random: random.Random, *, modes: tuple[str, ...]) -> None:
        self.shapes = shapes
        self.random = random
        self.modes = modes
        self.side = ""

    def next(self) -> tuple[str, Statement]:
        """A side and a statement in its shape."""
        self.side = self.random.choice(self.shapes.sides)
        kind = self.random.choices(
            (self.insert, self.update, self.copy, self.delete, self.delete_parent), (8, 10, 2, 1, 1)
        )[0]
        return self.side, kind(tuple(column.name for column in self.shapes.columns(self.side)))

    def value(self, column: str) -> Scalar:
        """One that the side gives."""
        return self.random.choice(self.shapes.choices(self.side, column))

    def values(self, columns: tuple[str, ...], *, some: bool) -> Values:
        """Values for all of the columns or for some."""
        chosen = [name for name in columns if not some or self.random.random() < 0.7]
        return {name: self.value(name) for name in chosen}

    def insert(self, columns: tuple[str, ...]) -> Statement:
        """One row or several, with all columns of the side or some of them."""
        mode = self.random.choice(self.modes)
        first = self.values(columns, some=self.random.random() < 0.3)
        keys = self.random.sample(KEYS, self.random.choice((1, 1, 2, 3)))
        rows = []
        for key in keys:
            given = {name: self.value(name) for name in first}
            parent = self.random.choice((*PARENTS, None))
            rows.append({"id": key, "parent_id": parent, "note": self.random.choice(NOTES), **given})
        names = [name for name in (*first, "note") if self.random.random() < 0.8] or ["note"]
        return Insert(tuple(rows), mode, tuple(names))

    def where(self, columns: tuple[str, ...]) -> Where:
        """By key mostly."""
        choice = self.random.random()
        if choice < 0.6:
            return Where(tuple(self.random.sample(KEYS, self.random.choice((1, 1, 2)))))
        if choice < 0.8:
            return Where(column=self.random.choice(columns or ("note",)), null=self.random.random() < 0.5)
        return Where()

    def update(self, columns: tuple[str, ...]) -> Statement:
        """Of some columns of the side, or of one that is not bridged."""
        values = self.values(columns, some=True)
        if not values or self.random.random() < 0.1:
            values["note"] = self.random.choice(NOTES)
        return Update(values, self.where(columns))

    def copy(self, columns: tuple[str, ...]) -> Statement:
        """From the unbridged column to a text of the side."""
        known = self.shapes.columns(self.side)
        texts = [item.name for item in known if isinstance(item.type, Text)]
        return Copy(self.random.choice(texts), "note", self.where(columns)) if texts else self.update(columns)

    def delete(self, columns: tuple[str, ...]) -> Statement:
        """Some rows."""
        return Delete(self.where(columns))

    def delete_parent(self, columns: tuple[str, ...]) -> Statement:
        """With all that belong to it."""
        return DeleteParent(self.random.choice(PARENTS))
