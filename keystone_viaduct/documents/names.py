"""The unique values of every kind, names and chosen keys, as one database enforces and compares them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, TypeAlias

import sqlalchemy as sa

from keystone_viaduct.kinds.natural import NaturalKey
from keystone_viaduct.kinds.value import JSON

from . import lookup
from .equality import Folding, fold
from .layout import Layout
from .schema import Column, Schema

Values: TypeAlias = "tuple[JSON, ...]"
Claim: TypeAlias = "tuple[str, str, Values]"
"""Kind, natural key, and the values that a record holds or wants."""

KEY = "key"
"""The name of a record's own key, where the database may take two of them for equal."""


class Names:
    """Natural keys over the tables of one database. ``folding`` asks its server about collations."""

    def __init__(self, schema: Schema, layouts: Mapping[str, Layout], folding: Folding) -> None:
        self._schema = schema
        self._layouts = layouts
        self._folding = folding
        self._enforced = {kind: self._find_enforced(layout) for kind, layout in layouts.items()}

    def enforced(self, kind: str) -> tuple[NaturalKey, ...]:
        """What a unique constraint guards: the declared ones, and keys that the database folds."""
        return self._enforced[kind]

    def _find_enforced(self, layout: Layout) -> tuple[NaturalKey, ...]:
        kind, root = layout.kind, layout.root
        found = tuple(natural for natural in kind.natural if natural.enforced)
        if root is None or len(kind.key) != 1 or kind.key in [natural.fields for natural in found]:
            return found
        column = root.keys[0].column
        folds = bool(self._column(column).collation)
        if folds and frozenset({column.name}) in self._schema.unique.get(root.table.name, ()):
            return (*found, NaturalKey(KEY, kind.key))
        return found

    def folded(self, connection: sa.engine.Connection, claims: Sequence[Claim]) -> dict[Claim, Claim]:
        """Each with its texts exchanged for what the database compares: equal here if equal to it."""
        parts = {claim: self._parts(claim) for claim in dict.fromkeys(claims)}
        asked = [
            (collation, value)
            for found in parts.values()
            for collation, value in found
            if collation and isinstance(value, str)
        ]
        keys = fold(self._folding, connection, asked) if asked else {}
        return {
            claim: (claim[0], claim[1], tuple(_key(keys, part) for part in found))
            for claim, found in parts.items()
        }

    def _parts(self, claim: Claim) -> list[tuple[str, Any]]:
        """(collation, stored value); no collation for what is compared as it is, or equal to nothing."""
        kind, constraint, values = claim
        layout = self._layouts[kind]
        natural = lookup.natural_of(layout, (*self._enforced[kind], *layout.kind.natural), constraint)
        columns, _, _ = lookup.natural_columns(layout, natural)
        whole = layout.root is not None and layout.root.whole_seconds
        found: list[tuple[str, Any]] = []
        for (bound, column), value in zip(columns, values, strict=True):
            stored = lookup.stored_value(bound, value, whole)
            here = self._column(column)
            asked = isinstance(stored, str) and here.holds(stored, self._schema.dialect)
            found.append((here.collation if asked and not here.is_enumeration else "", stored))
        return found

    def holders(
        self, connection: sa.engine.Connection, kind: str, constraint: str, values: Sequence[Values]
    ) -> dict[Values, str]:
        """Which record holds each of these, by the database's own idea of equality.

        What its columns can't hold nobody holds; to ask for it would be an error on MySQL.
        """
        layout = self._layouts[kind]
        natural = lookup.natural_of(layout, (*self._enforced[kind], *layout.kind.natural), constraint)
        columns, _, _ = lookup.natural_columns(layout, natural)
        here = [self._column(column) for _, column in columns]
        asked = [
            value
            for value in values
            if all(
                not isinstance(part, str) or column.holds(part, self._schema.dialect)
                for part, column in zip(value, here, strict=True)
            )
        ]
        return lookup.holders(connection, layout, natural, asked) if asked else {}

    def _column(self, column: Any) -> Column:
        return self._schema.columns[column.table.name][column.name]


def _key(keys: Mapping[tuple[str, str], Hashable], part: tuple[str, Any]) -> Any:
    return keys[part] if part[0] and isinstance(part[1], str) else part[1]
