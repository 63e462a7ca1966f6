"""Declarations: columns, tables, and the bridge between an old and a new set of columns of one table.

Nothing here knows a database. All are frozen and equal by what they say, so that :func:`digest` can tell
whether a declaration is still the one that an upgrade was begun with.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice, product

from keystone_viaduct.errors import BadDeclaration

from .expression import (
    AnyOf,
    Every,
    Expression,
    Field,
    FirstOf,
    Guarded,
    IsNull,
    Literal,
    Not,
    Row,
    Same,
    Scalar,
    same,
)
from .types import DateTime, Type, always_fits

PREFIX = "viaduct_b_"
#: So many combinations of old values are tried.
_FEW = 64
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True)
class Column:
    """A column. ``default`` is a constant that the database gives where a writer leaves it out."""

    name: str
    type: Type
    nullable: bool = True
    default: Scalar = None

    def bridged(self) -> Column:
        """As it is while bridged: a default would look like a value that a new writer gave."""
        return replace(self, nullable=True, default=None)

    def on(self, engine: str) -> Column:
        """The column as one engine has it."""
        return replace(self, type=self.type.on(engine))


@dataclass(frozen=True)
class Table:
    """A table, as far as an upgrade has to know it: its name and its key, of as many columns as it has."""

    name: str
    key: tuple[Column, ...]

    def __post_init__(self) -> None:
        if not self.key:
            raise BadDeclaration(
                f"table {self.name}: without a key rows can't be taken one after the other",
                hint="name the columns of its primary key",
            )
        if any(isinstance(column.type, DateTime) for column in self.key):
            raise BadDeclaration(
                f"table {self.name}: rows can't be taken by a moment",
                hint="only tables whose key is made of texts and numbers can be bridged",
            )


@dataclass(frozen=True)
class Conversion:
    """How one column is computed from the other side.

    ``fallback`` stands where a value can't be converted, or is missing and the column takes no NULL.
    """

    column: str
    value: Expression
    fallback: Scalar = None


def check_name(name: str) -> None:
    """Raises BadDeclaration for a name that can't be part of a trigger's."""
    if not _NAME.match(name):
        problem = "a name is made of lower case letters, digits and underscores"
        raise BadDeclaration(f"bridge {name}: {problem}", bridge=name)


@dataclass(frozen=True)
class Bridge:
    """Old and new columns of one table that mean the same.

    A row is consistent if all new columns are what ``up`` makes of the old, or all old ones what ``down``
    makes of the new. Triggers act on inconsistent rows only; that ends loops, hides a backfill from them, and
    keeps what a lossy ``down`` can't express.

    Without ``down`` it goes one way: the new columns are computed for old code's rows, and the old ones stay.
    ``once``: where they have no value yet, and never again.
    """

    name: str
    table: Table
    old: tuple[Column, ...]
    new: tuple[Column, ...]
    up: tuple[Conversion, ...]
    down: tuple[Conversion, ...] = ()
    once: bool = False

    def __post_init__(self) -> None:
        check_name(self.name)
        names = [column.name for column in (*self.table.key, *self.old, *self.new)]
        if len(names) != len(set(names)):
            raise self._error("a column is named twice (a key is changed by an operation of its own)")
        self._check_side(self.new, self.up, self.old)
        if not self.one_way:
            self._check_side(self.old, self.down, self.new)

    def _check_side(
        self, side: tuple[Column, ...], conversions: tuple[Conversion, ...], source: tuple[Column, ...]
    ) -> None:
        if not side:
            raise self._error("each side needs a column")
        if [conversion.column for conversion in conversions] != [column.name for column in side]:
            raise self._error(
                "up has one conversion for each new column, down one for each old, in their order"
            )
        known = {column.name for column in source}
        for column, conversion in zip(side, conversions, strict=True):
            unknown = sorted(set(conversion.value.fields()) - known)
            if unknown:
                raise self._error(
                    f"{conversion.column} is computed from {unknown[0]}, which is not on the other side"
                )
            if not column.type.holds(conversion.fallback):
                raise self._error(f"the fallback {conversion.fallback!r} does not fit into {column.name}")
        for column, conversion in zip(side, conversions, strict=True):
            if side is self.old and not column.nullable and conversion.fallback is None:
                if any(item.nullable for item in self.new):
                    raise self._error(
                        f"{column.name} takes no NULL, and nothing is said for what can't be converted",
                        hint=f"give {column.name} a fallback, or declare the new columns not nullable",
                    )

    def _error(self, problem: str, hint: str = "") -> BadDeclaration:
        return BadDeclaration(f"bridge {self.name}: {problem}", hint=hint, bridge=self.name)

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns of the bridge, the old ones first."""
        return (*self.old, *self.new)

    @property
    def one_way(self) -> bool:
        """Whether the old columns stay as they are, whatever the new ones say."""
        return not self.down

    @property
    def exact(self) -> bool:
        """Whether each side is the other under other names: then both directions say the same of a row."""
        if self.one_way:
            return False
        there = {item.column: item.value for item in (*self.up, *self.down)}
        return all(
            isinstance(value, Field) and there.get(value.name) == Field(name) for name, value in there.items()
        ) and (self.total_up(), self.total_down()) == tuple(
            tuple(item.value for item in side) for side in (self.up, self.down)
        )

    @property
    def reversible(self) -> bool:
        """Whether each old value comes back from the new side: exact, or so few that all can be tried."""
        if self.exact or self.one_way or not all(column.type.few for column in self.old):
            return self.exact
        names = [column.name for column in self.old]
        values = [(*column.type.few, *((None,) if column.nullable else ())) for column in self.old]
        rows = [dict(zip(names, row, strict=True)) for row in islice(product(*values), _FEW + 1)]
        return len(rows) <= _FEW and all(map(self._comes_back, rows))

    def _comes_back(self, row: dict[str, Scalar]) -> bool:
        back = self.made_of(self.made_of(row, new_side=False), new_side=True)
        return all(same(back[name], value) for name, value in row.items())

    def made_of(self, row: Row, *, new_side: bool) -> dict[str, Scalar]:
        """The columns of the one side, as the other one, the new or the old, makes them."""
        targets, values = (self.old, self.total_down()) if new_side else (self.new, self.total_up())
        return {column.name: value.value(row) for column, value in zip(targets, values, strict=True)}

    def on(self, engine: str) -> Bridge:
        """The bridge with its columns as one engine has them."""
        old, new = (tuple(column.on(engine) for column in side) for side in (self.old, self.new))
        return replace(self, old=old, new=new)

    def places(self, side: str) -> list[tuple[str, str]]:
        """(table, column) of the ``old`` or the ``new`` side; what is copied one way stays."""
        columns = self.new if side == "new" else () if self.one_way else self.old
        return [(self.table.name, column.name) for column in columns]

    def total_up(self) -> tuple[Expression, ...]:
        """For each new column what is really stored."""
        return _totals(self.new, self.up, self.old)

    def total_down(self) -> tuple[Expression, ...]:
        """For each old column what is really stored."""
        if self.one_way:
            return ()
        return _totals(self.old, self.down, self.new)

    def filled(self) -> Every:
        """Whether the new columns are what ``up`` makes of the old."""
        if self.once:
            return self._all_given()
        return _equal(self.new, self.total_up())

    def derived(self) -> Every:
        """Whether the old columns are what ``down`` makes of the new; one way: whether those are there."""
        if self.one_way:
            return self._all_given()
        return _equal(self.old, self.total_down())

    def _all_given(self) -> Every:
        return Every(tuple(Not(IsNull(Field(column.name))) for column in self.new))

    def at_rest(self) -> Every:
        """Whether the triggers leave an updated row alone, as far as its values go."""
        return self.filled() if self.one_way else self.consistent()

    def consistent(self) -> Every:
        """Whether a row is as it should be."""
        if self.exact:
            return self.filled()
        return self._present(AnyOf((self.filled(), self.derived())))

    def settled(self) -> Every:
        """The same for a row that no new writer has touched: inserted just now, or before the triggers.

        ``down`` may make the old value of nothing, too (``false`` of NULL); then a row whose new columns were
        never filled looks as if it were derived from them.
        """
        if self.exact or self.one_way:
            return self.filled()
        return self._present(AnyOf((self.filled(), Every((self.written(), self.derived())))))

    def written(self) -> AnyOf:
        """Whether one of the new columns has a value."""
        return AnyOf(tuple(Not(IsNull(Field(column.name))) for column in self.new))

    def _present(self, equal: AnyOf) -> Every:
        missing = self.missing()
        return Every((Not(missing), equal) if missing.of else (equal,))

    def given(self) -> AnyOf:
        """Whether an inserted row comes from the new side: one of the new columns has a value.

        Nothing tells a NULL that was left out from one that was given: both sides NULL is an old writer's,
        unless something is :meth:`missing`.
        """
        return AnyOf((*self.written().of, *self.missing().of))

    def missing(self) -> AnyOf:
        """Whether an old column is NULL that takes none, and that a fallback is declared for.

        No old writer could have meant it: such a row comes from the new side, also when it is updated.
        """
        if self.one_way:
            return AnyOf(())
        pairs = zip(self.old, self.down, strict=True)
        return AnyOf(
            tuple(
                IsNull(Field(column.name))
                for column, conversion in pairs
                if not column.nullable and conversion.fallback is not None
            )
        )

    def settle(self, row: Row, *, new_side: bool, inserted: bool = False) -> dict[str, Scalar]:
        """The row as the triggers leave it, when the new (or else the old) side has been written."""
        settled = dict(row)
        if new_side and self.one_way:
            return settled
        if not (self.settled() if inserted else self.at_rest()).holds(row):
            settled |= self.made_of(row, new_side=new_side)
        return settled


def _totals(
    targets: tuple[Column, ...], conversions: tuple[Conversion, ...], source: tuple[Column, ...]
) -> tuple[Expression, ...]:
    """The conversions, with all that keeps them from an error."""
    known = {column.name: column.type for column in source}
    totals = []
    for column, conversion in zip(targets, conversions, strict=True):
        value = conversion.value
        if not always_fits(value, column.type, known):
            value = column.type.fitted(value)
        if conversion.fallback is not None:
            value = Guarded(value, conversion.fallback)
            if not column.nullable:
                value = FirstOf((value, Literal(conversion.fallback)))
        totals.append(value)
    return tuple(totals)


def _equal(columns: Iterable[Column], values: Iterable[Expression]) -> Every:
    return Every(
        tuple(Same(Field(column.name), value) for column, value in zip(columns, values, strict=True))
    )


def digest(declaration: object) -> str:
    """A short text that is another one for another declaration."""
    return hashlib.sha256(repr(declaration).encode()).hexdigest()[:16]
