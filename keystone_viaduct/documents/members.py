"""Members of one record that the database can't tell apart: tags, roles, options, federated identities.

Each lies in a row of its own, and what makes a row unique is compared by the columns' collations.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from keystone_viaduct.errors import BadDocument
from keystone_viaduct.kinds.shape import Shape
from keystone_viaduct.kinds.value import Document

from .equality import Folding, fold
from .layout import ChildPart, Layout
from .schema import Schema
from .storable import values_of


class _Unique(NamedTuple):
    """A child table's rows of one record are told apart by these fields; with each field's collation."""

    part: ChildPart
    fields: tuple[tuple[str, str], ...]


Member = tuple[tuple[str, Any], ...]
"""(collation, value) of each field that tells the members apart; no collation where values are compared."""


class Members:
    """Looks for them in documents of one kind."""

    def __init__(self, schema: Schema, layout: Layout, folding: Folding) -> None:
        self._schema = schema
        self._layout = layout
        self._folding = folding
        self._unique = [found for part in layout.children for found in _unique(schema, part)]

    def check(
        self, connection: sa.engine.Connection, documents: Sequence[Document]
    ) -> dict[int, BadDocument]:
        """Position of each that has two such members -> what is wrong with it. One statement for many."""
        found = [
            (number, unique, members)
            for number, document in enumerate(documents)
            for unique in self._unique
            if len(members := self._told_apart(unique, document)) > 1
        ]
        asked = {
            (collation, value)
            for _, _, members in found
            for _, member in members
            for collation, value in member
            if collation
        }
        keys = fold(self._folding, connection, asked) if asked else {}
        wrong: dict[int, BadDocument] = {}
        for number, unique, members in found:
            twins = _twins(members, keys)
            if twins is not None:
                wrong.setdefault(number, self._bad(unique.part, *twins))
        return wrong

    def _told_apart(self, unique: _Unique, document: Document) -> list[tuple[str, Member]]:
        """Plain values that are listed twice are written once."""
        members = list(self._members(unique, document))
        return list(dict.fromkeys(members)) if unique.part.child.shape is Shape.SET else members

    def _members(self, unique: _Unique, document: Document) -> Iterator[tuple[str, Member]]:
        """How each is shown, and what the database compares of it."""
        columns = self._schema.columns[unique.part.table.name]
        held_by = {bound.name: columns[bound.column.name] for bound in unique.part.part.bounds}
        for shown, values in values_of(unique.part, document):
            member = []
            for name, collation in unique.fields:
                value = values.get(name)
                asked = isinstance(value, str) and held_by[name].holds(value, self._schema.dialect)
                member.append((collation if asked else "", value))
            if all(value is not None for _, value in member):
                named = unique.part.child.shape in (Shape.OPTIONS, Shape.CONFIG)
                yield shown if named else str(member[-1][1]), tuple(member)

    def _bad(self, part: ChildPart, one: str, other: str) -> BadDocument:
        kind, field = self._layout.kind.name, part.child.field
        return BadDocument(
            f"field {field} of a {kind} has {one!r} and {other!r}, which this database takes for the same",
            hint="drop one of them at the site that it comes from",
            kind=kind,
            field=field,
        )


def _unique(schema: Schema, part: ChildPart) -> Iterator[_Unique]:
    shape = part.child.shape
    if shape is Shape.ONE or part.child.lookup is not None:
        return
    columns = schema.columns[part.table.name]
    owner = {here for here, _ in part.child.join}
    by_column = {bound.column.name: bound.name for bound in part.part.bounds}
    found = set(schema.unique.get(part.table.name, ()))
    for names in sorted(found, key=sorted):
        told = [name for name in by_column if name in names]
        if told and names <= owner | by_column.keys():
            yield _Unique(part, tuple((by_column[name], columns[name].collation) for name in told))


def _twins(
    members: Sequence[tuple[str, Member]], keys: Mapping[tuple[str, str], Hashable]
) -> tuple[str, str] | None:
    seen: dict[tuple[Hashable, ...], str] = {}
    for shown, member in members:
        folded = tuple(keys[part] if part[0] else part[1] for part in member)
        if folded in seen:
            return seen[folded], shown
        seen[folded] = shown
    return None
