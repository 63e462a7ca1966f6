"""Operations that bridge no columns, or make up what they put there; and what old and new code give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

import sqlalchemy as sa

from keystone_viaduct.upgrade.constraints import ForeignKey
from keystone_viaduct.upgrade.expression import AnyOf, Field, IsNull, Scalar, Within
from keystone_viaduct.upgrade.operations import (
    AddColumn,
    AddConstraint,
    ChangeKey,
    ChangeType,
    DropColumn,
    RenameTable,
)
from keystone_viaduct.upgrade.shape import Column
from keystone_viaduct.upgrade.types import Integer, Text
from tests.bridges.declared import TABLE
from tests.bridges.rules import KeyRules, PlainRules, Rows, Rules, alike

_Made = AddColumn | AddConstraint | ChangeKey | ChangeType | DropColumn | RenameTable


def _nothing(parent: sa.Table) -> tuple[Any, ...]:
    return ()


@dataclass(frozen=True)
class Shaped:
    """An operation, what old and new code know of its table, and what each of them gives to it.

    ``contracted``: it is played after contract, when only new code is left. ``constraints``: those of the new
    shape. ``parents``: see the model. ``modes``: the kinds of INSERT, where not all of them.
    """

    operation: str
    made: _Made
    old: tuple[Column, ...]
    new: tuple[Column, ...]
    given: Mapping[str, Mapping[str, Sequence[Scalar]]]
    rules: Rules
    contracted: bool = False
    constraints: Callable[[sa.Table], tuple[Any, ...]] = _nothing
    parents: tuple[str, ...] = ("parent_id",)
    modes: tuple[str, ...] = ()
    shown_as: str = ""

    @property
    def sides(self) -> tuple[str, ...]:
        """See :class:`tests.bridges.statements.Shapes`."""
        return ("new",) if self.contracted else ("old", "new")

    def columns(self, side: str) -> tuple[Column, ...]:
        """In the shape of the side; the new one counts where both know a column."""
        known = {column.name: column for column in self.old} | {column.name: column for column in self.new}
        return {"old": self.old, "new": self.new, "both": tuple(known.values())}[side]

    def choices(self, side: str, column: str) -> Sequence[Scalar]:
        """What the side gives."""
        return self.given[side][column]


@dataclass(frozen=True)
class Keys(Sequence[Scalar]):
    """Keys that new code makes up, and now and then none; never one twice, as far as chance goes."""

    number: int = field(default=2**62)

    def __len__(self) -> int:
        return self.number

    @overload
    def __getitem__(self, index: int) -> Scalar: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Scalar]: ...
    def __getitem__(self, index: int | slice) -> Scalar | Sequence[Scalar]:
        assert isinstance(index, int)
        return f"{index:032d}" if index % 16 else None


_SHORT: tuple[Scalar, ...] = (None, "", "a", "A", "a ", "é", "\U0001f511", "%s", "it's", "007")
_LONG: tuple[Scalar, ...] = (*_SHORT, "12345678", "\U0001f511" * 8, "éééééééé")
_PORT = Column("port", Integer(32))
_PORTS: tuple[Scalar, ...] = (None, 0, 1, 80, 65535, 65536, -1)
_IN_RANGE = AnyOf((IsNull(Field("port")), Within(Field("port"), 1, 65535)))
_OWNER = ForeignKey("thing_owner", ("owner",), "parent", ("id",), "CASCADE")


def _add_column() -> Shaped:
    column = Column("locale", Text(16), nullable=False, default="en")
    given = {"old": {}, "new": {"locale": ("en", "", "é", "it's", "%s")}}
    rules = PlainRules({"locale": "en"})
    return Shaped("add column", AddColumn(TABLE, column), (), (column,), given, rules)


def _drop_column() -> Shaped:
    column = Column("login", Text(16), nullable=False)
    given = {"old": {"login": tuple(item for item in _SHORT if item is not None)}, "new": {}}
    made = DropColumn(TABLE, column, meanwhile="it's gone")
    return Shaped("drop column", made, (column,), (), given, PlainRules({"login": "it's gone"}))


def _widen() -> Shaped:
    narrow, wide = Column("login", Text(4)), Column("login", Text(8))
    given = {"old": {"login": _SHORT}, "new": {"login": _LONG}}
    made = ChangeType(TABLE, narrow, Text(8))
    return Shaped("change type, in place", made, (narrow,), (wide,), given, PlainRules({"login": None}))


def _change_key() -> Shaped:
    column = Column("uuid", Text(32), nullable=False)

    def unique(parent: sa.Table) -> tuple[Any, ...]:
        return (sa.UniqueConstraint("uuid"),)

    given = {"old": {}, "new": {"uuid": Keys()}}
    made = ChangeKey(TABLE, column)
    return Shaped("change key", made, (), (column,), given, KeyRules("uuid"), constraints=unique)


def _rename_table() -> Shaped:
    columns = (Column("login", Text(8)), _PORT)
    given = {"login": _LONG, "port": _PORTS}
    rules = PlainRules({"login": None, "port": None})
    made = RenameTable(TABLE, "item")
    return Shaped(
        "rename table", made, columns, columns, {"old": given, "new": given}, rules, shown_as="item"
    )


def _checked() -> Shaped:
    def check(parent: sa.Table) -> tuple[Any, ...]:
        return (sa.CheckConstraint("port IS NULL OR port BETWEEN 1 AND 65535"),)

    def holds(rows: Rows) -> bool:
        return all(_IN_RANGE.holds(row) for row in rows.values())

    made = AddConstraint(TABLE, "port_range", check=_IN_RANGE, columns=(_PORT,))
    return _constrained("add constraint, check", made, _PORT, _PORTS, check, holds)


def _referring() -> Shaped:
    owner = Column("owner", Text(8))

    def refers(parent: sa.Table) -> tuple[Any, ...]:
        return (sa.ForeignKeyConstraint(["owner"], [parent.c.id], ondelete="CASCADE"),)

    def holds(rows: Rows) -> bool:
        return all(row["owner"] in (None, "p1", "p2") for row in rows.values())

    made = AddConstraint(TABLE, "thing_owner", refers=_OWNER)
    values = ("p1", "p2", "nobody", None, "")
    return _constrained("add constraint, refers", made, owner, values, refers, holds, "owner")


def _unique() -> Shaped:
    columns = ("parent_id", "port")

    def unique(parent: sa.Table) -> tuple[Any, ...]:
        return (sa.UniqueConstraint(*columns),)

    made = AddConstraint(TABLE, "one_each", unique=columns)
    holds: Callable[[Rows], bool] = lambda rows: not alike(rows, columns)  # noqa: E731
    found = _constrained("add constraint, unique", made, _PORT, (None, 1, 2, 3, 4), unique, holds)
    return Shaped(**{**found.__dict__, "modes": ("plain",)})


def _constrained(
    name: str,
    made: AddConstraint,
    column: Column,
    values: Sequence[Scalar],
    constraints: Callable[[sa.Table], tuple[Any, ...]],
    holds: Callable[[Rows], bool],
    *parents: str,
) -> Shaped:
    rules = PlainRules({column.name: None}, holds)
    given = {"new": {column.name: values}}
    return Shaped(
        *(name, made, (column,), (column,), given, rules),
        contracted=True,
        constraints=constraints,
        parents=("parent_id", *parents),
    )


SHAPED = (
    _add_column(),
    _drop_column(),
    _widen(),
    _change_key(),
    _rename_table(),
    _checked(),
    _referring(),
    _unique(),
)
