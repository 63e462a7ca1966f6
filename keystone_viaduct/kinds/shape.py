"""How a kind lies in Keystone's tables: columns, child tables, and what the database removes by itself."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .value import JSON, Type


@dataclass(frozen=True, slots=True)
class Field:
    """One replicated column.

    ``column`` is its name in the table when it differs from the field's. ``mirror`` is a second, older column
    that holds the same instant as a DATETIME (Keystone reads the integer one). ``null_token`` is what the
    column holds instead of NULL. ``companion`` is set together with the column (a credential's key hash).
    """

    name: str
    type: Type = Type.TEXT
    size: int | None = None
    required: bool = False
    default: JSON = None
    secret: bool = False
    column: str = ""
    mirror: str = ""
    null_token: str | None = None
    companion: str = ""

    @property
    def stored(self) -> str:
        """The column's name."""
        return self.column or self.name

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that this field fills."""
        return tuple(name for name in (self.stored, self.mirror, self.companion) if name)


class Shape(enum.Enum):
    """What a child table's rows become in a document."""

    ONE = "one"  # at most one row: fields `<prefix>.<column>`
    SET = "set"  # one field with the sorted list of one column's values
    ITEMS = "items"  # one field with a sorted list of objects
    OPTIONS = "options"  # a row (id, value) is the field `<prefix>.<id>`
    CONFIG = "config"  # a row (group, option, value) is the field `<prefix>.<group>/<option>`


@dataclass(frozen=True, slots=True)
class Lookup:
    """A column that holds another kind's surrogate: ``column`` of ``table`` is what travels instead."""

    table: str
    surrogate: str
    column: str


@dataclass(frozen=True, slots=True)
class Child:
    """A table whose rows belong to a record.

    ``join`` pairs (column here, column of the parent); the parent is the root unless ``parent`` names another
    child. ``identity`` tells list items apart, so that a change of the rest updates the row in place.
    ``order`` sorts the list. ``cascade`` says that the migrated schema removes these rows with their parent.
    """

    table: str
    shape: Shape
    field: str
    fields: tuple[Field, ...]
    join: tuple[tuple[str, str], ...]
    parent: str = ""
    surrogate: str = ""
    identity: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    cascade: bool = True
    secret: bool = False
    volatile: tuple[str, ...] = ()
    lookup: Lookup | None = None

    @property
    def document_fields(self) -> tuple[str, ...]:
        """The document fields that this table fills; patterns end in ``.*``."""
        if self.shape is Shape.ONE:
            return tuple(f"{self.field}.{item.name}" for item in self.fields)
        if self.shape in (Shape.OPTIONS, Shape.CONFIG):
            return (f"{self.field}.*",)
        return (self.field,)


@dataclass(frozen=True, slots=True)
class Cascade:
    """Rows of another kind that go when a row of ``source`` is deleted.

    ``join`` pairs (column of ``table``, column of ``source``). ``enforced`` tells an ``ON DELETE CASCADE``
    foreign key of the migrated schema from rows without a foreign key that ``documents`` removes because
    Keystone would stumble over them. InnoDB fires no row trigger for the former: the trigger on ``source``
    must mark the dependents.
    """

    kind: str
    table: str
    join: tuple[tuple[str, str], ...]
    source: str = ""
    enforced: bool = True


@dataclass(frozen=True, slots=True)
class Rename:
    """The field that the loser of a clash of names gets changed, and how long it may become."""

    field: str
    size: int

    def variants(self, value: JSON, site: str) -> Iterator[JSON]:
        """What it may be called instead: ``name~site``, ``name~site~2`` …"""
        for number in itertools.count(1):
            tail = f"~{site}" if number == 1 else f"~{site}~{number}"
            yield str(value)[: self.size - len(tail)] + tail


@dataclass(frozen=True, slots=True)
class Earlier:
    """A time that is part of what may not be equal: the loser of a clash ends seconds earlier.

    Whole seconds, for some databases keep no fractions of the older column.
    """

    field: str

    def variants(self, value: JSON, site: str) -> Iterator[JSON]:
        """One second earlier, two …; never later than what was agreed."""
        assert isinstance(value, int)
        for number in itertools.count(1):
            yield value - number * 1_000_000


@dataclass(frozen=True, slots=True)
class Source:
    """One table as capture sees it: which rows belong to the kind, and how to find the record's key.

    ``via`` are the tables to join, in order, each with pairs (column there, column of the table before it).
    ``key`` and ``where`` speak of the last of them, or of ``table`` itself when ``via`` is empty: the columns
    that make the key, and the values that the row must have (a domain is a project with is_domain).
    ``columns`` of ``table`` are those whose change is worth a mark, ``volatile`` those whose change is not.
    """

    table: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    via: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    where: Mapping[str, JSON] = field(default_factory=dict)
    volatile: tuple[str, ...] = ()
