"""Changes of a schema, said without SQL: what an operation asks for, and an engine's dialect renders.

Each change knows what it needs to be rendered and to be observed; none of them does anything. What an engine
can't do without stopping writers its dialect refuses (:class:`keystone_viaduct.upgrade.steps.Refusal`).
"""

from __future__ import annotations

from dataclasses import dataclass

from .computed import Computed
from .constraints import ForeignKey, Index
from .expression import Condition, Scalar
from .move import Move
from .shape import Bridge, Column, Table
from .types import Type

AnyBridge = Bridge | Move | Computed
"""Within one table, across two, or by functions."""


@dataclass(frozen=True)
class Change:
    """One of the classes below."""

    table: Table


@dataclass(frozen=True)
class AddColumn(Change):
    """A new column, without a constraint; a default is given to rows that are there already.

    ``like``: an old column whose character set and collation a text takes (MariaDB, MySQL).
    """

    column: Column
    like: str = ""


@dataclass(frozen=True)
class DropColumn(Change):
    """The column goes, with what it holds; and its type, if that is one by name made for the column."""

    column: str
    type: Type | None = None


@dataclass(frozen=True)
class Relax(Change):
    """The column takes NULL."""

    column: Column


@dataclass(frozen=True)
class Require(Change):
    """The column takes no NULL any more; there must be none in it."""

    column: Column


@dataclass(frozen=True)
class SetDefault(Change):
    """What the database gives where a writer leaves the column out; None: NULL."""

    column: Column
    default: Scalar


@dataclass(frozen=True)
class Arm(Change):
    """The triggers of a bridge: for updates first, then for inserts."""

    bridge: AnyBridge


@dataclass(frozen=True)
class Disarm(Change):
    """The triggers of a bridge go; first they are made to do nothing where dropping them would wait."""

    bridge: AnyBridge


@dataclass(frozen=True)
class Widen(Change):
    """The column gets a type that holds all that it holds, where that needs no look at any row."""

    column: Column
    to: Type


@dataclass(frozen=True)
class AddIndex(Change):
    """An index, built while all go on."""

    index: Index


@dataclass(frozen=True)
class DropIndex(Change):
    """The index goes."""

    index: Index


@dataclass(frozen=True)
class AddForeignKey(Change):
    """A reference that is checked from now on; rows that are there are looked at while all go on."""

    key: ForeignKey


@dataclass(frozen=True)
class DropForeignKey(Change):
    """Nothing is checked any more."""

    key: ForeignKey


@dataclass(frozen=True)
class AddCheck(Change):
    """A condition that each row must meet from now on; ``columns`` are those that it reads."""

    name: str
    holds: Condition
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class ReplaceKey(Change):
    """``index``, which is unique and has no NULL, becomes the primary key."""

    index: Index


@dataclass(frozen=True)
class ShowAs(Change):
    """A view of the table under another name, through which it is read and written.

    ``columns``: those that it shows, all without any.
    """

    name: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class DropView(Change):
    """The view ``name`` goes."""

    name: str


@dataclass(frozen=True)
class TakeName(Change):
    """The table takes the name of its view in one moment; nobody finds neither."""

    name: str


@dataclass(frozen=True)
class DropTable(Change):
    """The table goes, with what it holds."""


@dataclass(frozen=True)
class MakeMarks(Change):
    """The table of marks is there; it stays when bridges go."""
