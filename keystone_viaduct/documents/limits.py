"""How long a text and how large a number the columns of this very database can be.

A release may make a column narrower than the declared field, and numbers are declared without a bound. SQLite
holds texts of any length.
"""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from keystone_viaduct.errors import BadDocument
from keystone_viaduct.kinds.shape import Shape
from keystone_viaduct.kinds.value import Document, Type

from .layout import Layout, Part
from .schema import Schema

NUMBERS = (Type.INTEGER, Type.MICROS)


class Limit(NamedTuple):
    """A document field: a text of at most ``most`` characters, or a number from ``-most - 1`` to ``most``."""

    field: str
    most: int
    is_text: bool


def limits_of(schema: Schema, layout: Layout) -> tuple[Limit, ...]:
    """What the declarations do not say already."""
    found = [] if layout.root is None else _limits(schema, layout.root, "")
    for child in layout.children:
        if child.child.shape is Shape.ONE:
            found += _limits(schema, child.part, child.prefix)
    declared = layout.kind.declared
    return tuple(
        limit
        for limit in found
        if not limit.is_text
        or limit.field not in declared
        or limit.most < (declared[limit.field].size or limit.most + 1)
    )


def _limits(schema: Schema, part: Part, prefix: str) -> list[Limit]:
    found: list[Limit] = []
    sqlite = schema.dialect == "sqlite"
    for bound in part.bounds:
        column = schema.columns[part.table.name][bound.column.name].type
        if bound.spec.type in NUMBERS and isinstance(column, sa.Integer):
            large = sqlite or isinstance(column, sa.BigInteger)
            bits = 63 if large else 15 if isinstance(column, sa.SmallInteger) else 31
            found.append(Limit(prefix + bound.name, 2**bits - 1, False))
        elif bound.spec.type is Type.TEXT and isinstance(column, sa.String) and not sqlite:
            if column.length and not isinstance(column, sa.Text):
                found.append(Limit(prefix + bound.name, column.length, True))
    return found


def check_limits(limits: tuple[Limit, ...], kind: str, document: Document) -> None:
    """Raises BadDocument for a value that no column of this database can hold."""
    for field, most, is_text in limits:
        value = document.get(field)
        if is_text and isinstance(value, str) and len(value) > most:
            raise _bad(kind, field, f"is longer than the {most} characters that this release can store")
        if not is_text and isinstance(value, int) and not -most - 1 <= value <= most:
            raise _bad(kind, field, f"is larger than the {most} that this release can store")


def _bad(kind: str, field: str, problem: str) -> BadDocument:
    return BadDocument(
        f"field {field} of a {kind} {problem}",
        hint="change it at the site that it comes from, or upgrade this one",
        kind=kind,
        field=field,
    )
