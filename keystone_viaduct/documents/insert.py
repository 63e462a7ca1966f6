"""New records, in bulk: the root's rows and all their children in a few statements."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.errors import BadDocument
from keystone_viaduct.kinds.raw import dumps_members
from keystone_viaduct.kinds.shape import Shape
from keystone_viaduct.kinds.value import JSON, Document, part_key

from .cipher import CredentialCipher
from .delete import clear_children
from .layout import ChildPart, Layout, Root, one_part, pattern_part
from .load import batches, in_keys, key_values

Items = Sequence[tuple[str, Document]]
Rows = list[dict[str, Any]]


class Inserter:
    """Inserts documents of one kind."""

    def __init__(self, layout: Layout, cipher: CredentialCipher) -> None:
        self.layout = layout
        self.cipher = cipher

    def insert(self, connection: sa.engine.Connection, items: Items) -> None:
        """Inserts records that are not there.

        What remains of an older record of the same key (children without a foreign key, a user's bare row)
        is cleared first. Raises BadDocument for a record that would leave a bare row.
        """
        for key, document in items:
            self._check(key, document)
        for batch in batches(parents_first(self.layout, items)):
            self._batch(connection, batch)

    def _check(self, key: str, document: Document) -> None:
        kind = self.layout.kind
        if not kind.is_whole(document):
            raise BadDocument(
                f"{kind.name} {key} has none of {', '.join(kind.needs_child)}",
                hint="a bare row is no record: Keystone 30 deletes all of them",
                kind=kind.name,
                key=key,
            )

    def _batch(self, connection: sa.engine.Connection, items: Items) -> None:
        keys = [key for key, _ in items]
        root = self.layout.root
        bare = self._bare(connection, root, keys)
        remains = [part for part in self.layout.children if bare or not part.enforced]
        clear_children(connection, self.layout, keys, remains)
        if root is not None:
            rows = [self.root_row(root, document) for _, document in items]
            _insert(connection, root.table, self._replace_bare(connection, root, bare, rows))
        for part in self.layout.children:
            self._insert_children(connection, part, items)

    def root_row(self, root: Root, document: Document) -> dict[str, Any]:
        """The root's row for a document."""
        row = root.row_of(document)
        row.update(root.constants)
        kind = self.layout.kind
        if kind.extra and "extra" in root.table.c:
            row["extra"] = dumps_members(pattern_part("extra.", document))
        for bound in root.sealed:
            row.update(self.seal(bound.spec.columns, document.get(bound.name)))
        if kind.surrogate and isinstance(root.c[kind.surrogate].type, sa.String):
            row[kind.surrogate] = uuid.uuid4().hex
        return row

    def seal(self, columns: tuple[str, ...], value: JSON) -> dict[str, Any]:
        """The columns of a sealed field."""
        return dict(zip(columns, self.cipher.encrypt(str(value or "")), strict=True))

    def _bare(self, connection: sa.engine.Connection, root: Root | None, keys: Sequence[str]) -> set[Any]:
        """The keys of rows without children that a deleted record has left behind."""
        if root is None or not self.layout.kind.needs_child:
            return set()
        column = root.keys[0].column
        statement = sa.select(column).where(in_keys((column,)))
        return set(connection.execute(statement, {"keys": key_values(self.layout, keys)}).scalars())

    def _replace_bare(self, connection: sa.engine.Connection, root: Root, bare: set[Any], rows: Rows) -> Rows:
        """Updates the bare rows; returns the others, which are to be inserted."""
        if not bare:
            return rows
        column = root.keys[0].column
        for row in rows:
            if row[column.name] in bare:
                connection.execute(sa.update(root.table).where(column == row[column.name]).values(row))
        return [row for row in rows if row[column.name] not in bare]

    def _insert_children(self, connection: sa.engine.Connection, part: ChildPart, items: Items) -> None:
        make = _ROWS[part.child.shape]
        found: list[tuple[Document, dict[str, Any]]] = []
        for _, document in items:
            found += [(document, row) for row in make(part, document)]
        if not found:
            return
        if part.child.lookup is not None:
            resolve_lookup(connection, part, [row for _, row in found])
        owners = owner_values(connection, self.layout, part, [document for document, _ in found])
        for document, row in found:
            row.update(owners(document))
        _insert(connection, part.table, [row for _, row in found])


def _insert(connection: sa.engine.Connection, table: sa.Table, rows: Rows) -> None:
    if rows:
        connection.execute(sa.insert(table), rows)


def owner_values(
    connection: sa.engine.Connection, layout: Layout, part: ChildPart, documents: Iterable[Document]
) -> Callable[[Document], dict[str, Any]]:
    """A function from a document to the join columns of its rows in ``part``, surrogates looked up."""
    kind = layout.kind
    if part.direct:
        pairs = [(here, _field_of(layout, there)) for here, there in part.child.join]
        return lambda document: {here: document[name] for here, name in pairs}
    keys = list({str(document[kind.key[0]]) for document in documents})
    here, there = part.child.join[0]
    owner = part.key.table
    assert owner is not None
    surrogates: dict[Any, Any] = {}
    statement = sa.select(part.key, owner.c[there]).where(in_keys((part.key,)))
    for batch in batches(keys):
        for key, surrogate in connection.execute(statement, {"keys": list(batch)}):
            surrogates[key] = surrogate
    return lambda document: {here: surrogates[document[kind.key[0]]]}


def _field_of(layout: Layout, column: str) -> str:
    if layout.root is None:
        return column
    return next(bound.name for bound in layout.root.bounds if bound.column.name == column)


def resolve_lookup(connection: sa.engine.Connection, part: ChildPart, rows: Rows) -> None:
    """Replaces API ids by surrogates, in place; raises BadDocument when a target is missing."""
    lookup, table = part.child.lookup, part.lookup
    assert lookup is not None and table is not None
    name = part.part.bounds[0].column.name
    wanted = list({row[name] for row in rows})
    known: dict[Any, Any] = {}
    column = table.c[lookup.column]
    statement = sa.select(column, table.c[lookup.surrogate]).where(in_keys((column,)))
    for batch in batches(wanted):
        known.update(
            (key, surrogate) for key, surrogate in connection.execute(statement, {"keys": list(batch)})
        )
    for row in rows:
        if row[name] not in known:
            raise BadDocument(
                f"{lookup.table} {row[name]} is not there",
                hint="write it before what refers to it",
                field=part.child.field,
                key=row[name],
            )
        row[name] = known[row[name]]


def _one_rows(part: ChildPart, document: Document) -> Rows:
    values = one_part(part, document)
    return [] if values is None else [part.part.row_of(values)]


def set_rows(part: ChildPart, values: Iterable[JSON]) -> Rows:
    """Rows of a list of plain values."""
    name = part.part.bounds[0].column.name
    return [{name: value} for value in values]


def _set_rows(part: ChildPart, document: Document) -> Rows:
    values = document.get(part.child.field)
    return set_rows(part, dict.fromkeys(values) if isinstance(values, list) else ())


def _item_rows(part: ChildPart, document: Document) -> Rows:
    values = document.get(part.child.field)
    if not isinstance(values, list) or (part.parent is not None and one_part(part.parent, document) is None):
        return []
    return [part.part.row_of(value) for value in values if isinstance(value, dict)]


def option_row(part: ChildPart, name: str, value: JSON) -> dict[str, Any]:
    """The row of an option, or of one setting of a domain's configuration."""
    names = (name,) if part.child.shape is Shape.OPTIONS else part_key(name, part.child.table, 2)
    fields = [bound.name for bound in part.part.bounds]
    return part.part.row_of(dict(zip(fields, (*names, value), strict=True)))


def _option_rows(part: ChildPart, document: Document) -> Rows:
    return [option_row(part, name, value) for name, value in pattern_part(part.prefix, document).items()]


_ROWS: dict[Shape, Callable[[ChildPart, Document], Rows]] = {
    Shape.ONE: _one_rows,
    Shape.SET: _set_rows,
    Shape.ITEMS: _item_rows,
    Shape.OPTIONS: _option_rows,
    Shape.CONFIG: _option_rows,
}


def parents_first(layout: Layout, items: Items) -> Items:
    """``items`` in an order in which a record comes after those of its own kind that it refers to."""
    kind = layout.kind
    fields = [r.field for r in kind.references if r.target == kind.name and r.foreign_key]
    if not fields:
        return items
    documents = dict(items)
    done: dict[str, Document] = {}
    for key, _ in items:
        chain = []
        at: JSON = key
        while isinstance(at, str) and at in documents and at not in done and at not in chain:
            chain.append(at)
            at = documents[at].get(fields[0])
        done.update((name, documents[name]) for name in reversed(chain))
    return list(done.items())
