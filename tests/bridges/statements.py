"""Statements as data: generated at random, played by the model, and said in SQL."""

from __future__ import annotations

import random
from dataclasses import dataclass

from keystone_viaduct.upgrade.expression import Scalar
from keystone_viaduct.upgrade.types import Text
from tests.bridges.declared import Declared

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


class Generator:
    """Random statements for one bridge; ``side`` of each is old, new or both."""

    def __init__(self, declared: Declared, random: random.Random, *, modes: tuple[str, ...]) -> None:
        self.declared = declared
        self.random = random
        self.modes = modes
        bridge = declared.bridge
        self.sides = {
            "old": tuple(column.name for column in bridge.old),
            "new": tuple(column.name for column in bridge.new),
            "both": tuple(column.name for column in bridge.columns),
        }

    def next(self, sides: tuple[str, ...] = ("old", "old", "new", "new", "both")) -> tuple[str, Statement]:
        """A side and a statement in its shape."""
        side = self.random.choice(sides)
        kind = self.random.choices(
            (self.insert, self.update, self.copy, self.delete, self.delete_parent), (8, 10, 2, 1, 1)
        )[0]
        return side, kind(self.sides[side])

    def values(self, columns: tuple[str, ...], *, some: bool) -> Values:
        """Values for all of the columns or for some."""
        chosen = [name for name in columns if not some or self.random.random() < 0.7]
        return {name: self.random.choice(self.declared.values[name]) for name in chosen}

    def insert(self, columns: tuple[str, ...]) -> Statement:
        """One row or several, with all columns of the side or some of them."""
        mode = self.random.choice(self.modes)
        first = self.values(columns, some=self.random.random() < 0.3)
        keys = self.random.sample(KEYS, self.random.choice((1, 1, 2, 3)))
        rows = []
        for key in keys:
            given = {name: self.random.choice(self.declared.values[name]) for name in first}
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
            return Where(column=self.random.choice(columns), null=self.random.random() < 0.5)
        return Where()

    def update(self, columns: tuple[str, ...]) -> Statement:
        """Of some columns of the side, or of one that is not bridged."""
        values = self.values(columns, some=True)
        if not values or self.random.random() < 0.1:
            values["note"] = self.random.choice(NOTES)
        return Update(values, self.where(columns))

    def copy(self, columns: tuple[str, ...]) -> Statement:
        """From the unbridged column to a text of the side."""
        bridge = self.declared.bridge
        texts = [item.name for item in bridge.columns if isinstance(item.type, Text) and item.name in columns]
        return Copy(self.random.choice(texts), "note", self.where(columns)) if texts else self.update(columns)

    def delete(self, columns: tuple[str, ...]) -> Statement:
        """Some rows."""
        return Delete(self.where(columns))

    def delete_parent(self, columns: tuple[str, ...]) -> Statement:
        """With all that belong to it."""
        return DeleteParent(self.random.choice(PARENTS))
