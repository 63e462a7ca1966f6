"""References as their targets are spelt: a database that folds case lets ``CELL`` refer to ``cell``.

Keystone on MySQL takes a region's id in any case and stores it as it was given. To every other site that
would be a region that is not there, and what refers to it would go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.kinds.reference import Mode, ParentReference, Reference
from keystone_viaduct.kinds.value import Document

from .equality import Folding, fold
from .layout import Layout, Root
from .load import batches, in_keys
from .schema import Schema

_MADE = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}")
"""Ids that Keystone makes itself: who refers to one has copied it."""


class Spelling:
    """Corrects the documents of one kind, in the references without which its records may not be there."""

    def __init__(
        self, schema: Schema, layout: Layout, layouts: Mapping[str, Layout], folding: Folding
    ) -> None:
        self._schema = schema
        self._folding = folding
        self._references = [
            (reference.field, root)
            for reference in layout.kind.references
            if type(reference) in (Reference, ParentReference)
            and (reference.foreign_key or reference.mode is Mode.OWNING)
            and reference.when is None
            and reference.field not in layout.kind.key
            and (root := _root(layouts, reference)) is not None
            and self._collation(root)
        ]

    def correct(self, connection: sa.engine.Connection, documents: Mapping[str, Document]) -> None:
        """Rewrite, in place, references that are equal to a key without being it. One statement for each
        reference and 500 targets; none where texts are compared as they are.
        """
        for field, root in self._references:
            found = {str(document[field]) for document in documents.values() if document.get(field)}
            named = {text for text in found if not _MADE.fullmatch(text)}
            spelt = dict(self._spelt(connection, root, named)) if named else {}
            for document in documents.values() if spelt else ():
                if document.get(field) in spelt:
                    document[field] = spelt[str(document[field])]

    def _spelt(
        self, connection: sa.engine.Connection, root: Root, named: set[str]
    ) -> Iterator[tuple[str, str]]:
        column = root.keys[0].column
        statement = sa.select(column).where(in_keys((column,)))
        stored: set[str] = set()
        for batch in batches(sorted(named)):
            stored.update(connection.execute(statement, {"keys": list(batch)}).scalars())
        strange = named - stored
        if not strange:
            return
        collation = self._collation(root)
        keys = fold(self._folding, connection, [(collation, text) for text in strange | stored])
        by_key = {keys[collation, text]: text for text in stored}
        for text in strange:
            if keys[collation, text] in by_key:
                yield text, by_key[keys[collation, text]]

    def _collation(self, root: Root) -> str:
        return self._schema.columns[root.table.name][root.keys[0].column.name].collation


def _root(layouts: Mapping[str, Layout], reference: Any) -> Root | None:
    layout = layouts.get(reference.target)
    return layout.root if layout is not None and len(layout.kind.key) == 1 else None
