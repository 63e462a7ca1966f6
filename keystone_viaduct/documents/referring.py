"""Who refers to given records, by the database's own idea of equality."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.kinds.reference import (
    ItemReference,
    JsonReference,
    ListReference,
    Mode,
    Reference,
)
from keystone_viaduct.kinds.value import Document, join_key, part_key

from .equality import Folding, fold
from .layout import ChildPart, Layout
from .load import batches, in_keys
from .schema import Schema

Target = tuple[str, str]
PAGE = 500

ListKeys = Callable[[sa.engine.Connection, str, str | None, int], list[str]]
Load = Callable[[sa.engine.Connection, str, Sequence[str]], dict[str, Document]]


class Referrers:
    """Who refers to given records."""

    def __init__(
        self, schema: Schema, layouts: dict[str, Layout], keys: ListKeys, load: Load, folding: Folding
    ) -> None:
        self._schema = schema
        self._layouts = layouts
        self._keys = keys
        self._load = load
        self._folding = folding

    def find(
        self, connection: sa.engine.Connection, targets: Iterable[Target], modes: Collection[Mode]
    ) -> list[tuple[str, str, Target]]:
        """(kind, key, target) of each record that refers to a target by a reference of one of these modes.

        References inside JSON, lists in text columns and revocation events have no index: with HISTORICAL
        those kinds are read through.
        """
        by_kind: dict[str, list[str]] = {}
        for kind, key in targets:
            by_kind.setdefault(kind, []).append(key)
        found: dict[tuple[str, str, Target], None] = {}
        for name, layout in self._layouts.items():
            scanned = False
            for reference in layout.kind.references:
                if reference.mode not in modes:
                    continue
                if _needs_scan(layout, reference):
                    scanned = True
                    continue
                kind = reference.target
                for batch in batches(by_kind.get(kind, [])):
                    for key, target in self._exact(connection, layout, reference, batch):
                        found[name, key, (kind, target)] = None
            if scanned:
                found.update(dict.fromkeys(self._scan(connection, name, by_kind)))
        return [item for item in found if (item[0], item[1]) != item[2]]

    def _exact(
        self, connection: sa.engine.Connection, layout: Layout, reference: Reference, targets: Sequence[str]
    ) -> Iterator[tuple[str, str]]:
        """(key of the referring record, target), the target as it was asked for: the row may have it in
        another case, if the database takes that for equal.
        """
        columns = _columns_of(layout, reference)
        wanted = [
            target
            for target in targets
            if all(
                self._schema.holds(column, text)
                for column, text in zip(
                    columns,
                    part_key(target, reference.target, len(columns), sized=False),
                    strict=True,
                )
            )
        ]
        if not wanted:
            return
        found = list(_referring(connection, layout, reference, wanted))
        strange = {target for _, target in found} - set(wanted)
        names = self._asked(connection, columns, reference, strange, wanted) if strange else {}
        for key, target in found:
            yield key, names.get(target, target)

    def _asked(
        self,
        connection: sa.engine.Connection,
        columns: Sequence[sa.Column[Any]],
        reference: Reference,
        strange: Collection[str],
        wanted: Sequence[str],
    ) -> dict[str, str]:
        """Key as a row has it -> the equal one that was asked for."""
        collations = [self._schema.columns[c.table.name][c.name].collation for c in columns]
        texts_of = partial(part_key, kind=reference.target, count=len(columns), sized=False)
        parts = {key: texts_of(key) for key in (*strange, *wanted)}
        pairs = [pair for texts in parts.values() for pair in zip(collations, texts, strict=True) if pair[0]]
        keys = fold(self._folding, connection, pairs)
        folded = {
            key: tuple(keys.get(pair, pair[1]) for pair in zip(collations, texts, strict=True))
            for key, texts in parts.items()
        }
        asked = {folded[key]: key for key in wanted}
        return {key: asked[folded[key]] for key in strange if folded[key] in asked}

    def _scan(
        self, connection: sa.engine.Connection, name: str, by_kind: dict[str, list[str]]
    ) -> Iterator[tuple[str, str, Target]]:
        layout = self._layouts[name]
        scans = [r for r in layout.kind.references if _needs_scan(layout, r)]
        wanted = {(kind, key) for kind, keys in by_kind.items() for key in keys}
        after: str | None = None
        while keys := self._keys(connection, name, after, PAGE):
            after = keys[-1]
            for key, document in self._load(connection, name, keys).items():
                for reference in scans:
                    for ref in reference.find(document):
                        if (ref.kind, ref.key) in wanted:
                            yield name, key, (ref.kind, ref.key)


def _needs_scan(layout: Layout, reference: Reference) -> bool:
    if isinstance(reference, JsonReference) or layout.kind.insert_only:
        return True
    if isinstance(reference, ListReference):
        return all(part.child.field != reference.field for part in layout.children)
    return False


def _columns_of(layout: Layout, reference: Reference) -> list[sa.Column[Any]]:
    """The columns that hold the target's key."""
    if isinstance(reference, (ItemReference, ListReference)):
        part: ChildPart = next(p for p in layout.children if p.child.field == reference.field)
        by_name = {bound.name: column for bound, column in part.values()}
        names = reference.items if isinstance(reference, ItemReference) else tuple(by_name)[:1]
        return [by_name[name] for name in names]
    if layout.root is None:
        return [layout.children[0].key]
    return [next(bound.column for bound in layout.root.bounds if bound.name == reference.field)]


def _referring(
    connection: sa.engine.Connection, layout: Layout, reference: Reference, targets: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """(key of the referring record, key of the target)."""
    if isinstance(reference, (ItemReference, ListReference)):
        yield from _referring_children(connection, layout, reference, targets)
        return
    root = layout.root
    if root is None:
        yield from _referring_rootless(connection, layout, targets)
        return
    (column,) = _columns_of(layout, reference)
    statement = sa.select(column, *root.key_columns).where(in_keys((column,)), *root.filters)
    if reference.when is not None:
        field, allowed = reference.when
        which = next(bound.column for bound in root.bounds if bound.name == field)
        statement = statement.where(which.in_(sorted(map(str, allowed))))
    for target, *key in connection.execute(statement, {"keys": [_plain(key) for key in targets]}):
        yield join_key(tuple(key)), join_key((target,))


def _referring_children(
    connection: sa.engine.Connection,
    layout: Layout,
    reference: ItemReference | ListReference,
    targets: Sequence[str],
) -> Iterator[tuple[str, str]]:
    part: ChildPart = next(p for p in layout.children if p.child.field == reference.field)
    columns = _columns_of(layout, reference)
    values: list[Any] = [part_key(key, reference.target, len(columns), sized=False) for key in targets]
    if len(columns) == 1:
        values = [value[0] for value in values]
    statement = sa.select(part.key, *columns).select_from(part.source).where(in_keys(columns)).distinct()
    for key, *target in connection.execute(statement, {"keys": values}):
        yield join_key((key,)), join_key(tuple(target))


def _referring_rootless(
    connection: sa.engine.Connection, layout: Layout, targets: Sequence[str]
) -> Iterator[tuple[str, str]]:
    for part in layout.children:
        statement = sa.select(part.key).where(in_keys((part.key,))).distinct()
        values = [_plain(key) for key in targets]
        for value in connection.execute(statement, {"keys": values}).scalars():
            yield join_key((value,)), join_key((value,))


def _plain(key: str) -> str:
    return part_key(key, "reference", 1, sized=False)[0]
