"""Removal of records: children, what Keystone would stumble over, then the root, foreign keys or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.kinds.registry import REGISTRY

from .layout import ChildPart, Layout
from .load import batches, in_keys, key_values
from .schema import Schema


def delete_records(
    connection: sa.engine.Connection, schema: Schema, layout: Layout, keys: Sequence[str]
) -> None:
    """Removes the records of these keys; those that are not there are passed over.

    Rows of other kinds that still refer to them by a foreign key make the database refuse.
    """
    for batch in batches(keys):
        _delete_dependents(connection, schema, layout, batch)
        delete_children(connection, layout, batch)
        if layout.root is None:
            continue
        statement = sa.delete(layout.root.table).where(in_keys(layout.root.key_columns), *layout.root.filters)
        for level in _leaves_first(connection, layout, key_values(layout, batch)):
            connection.execute(statement, {"keys": level})


def delete_children(connection: sa.engine.Connection, layout: Layout, keys: Sequence[str]) -> None:
    """Removes the child rows of these records, the deepest first."""
    if layout.children:
        values = key_values(layout, keys)
        for part in reversed(layout.children):
            connection.execute(sa.delete(part.table).where(part.where_owner(values)))


def clear_children(
    connection: sa.engine.Connection, layout: Layout, keys: Sequence[str], parts: Sequence[ChildPart]
) -> None:
    """Removes what is left in these child tables of earlier records of the same keys, if there is something.

    It looks before it deletes: on InnoDB a DELETE that finds nothing still locks the gap.
    """
    if not parts:
        return
    values = key_values(layout, keys)
    left = [part for part in parts if _any(connection, part, values)]
    for part in reversed(left):
        connection.execute(sa.delete(part.table).where(part.where_owner(values)))


def _any(connection: sa.engine.Connection, part: ChildPart, values: list[Any]) -> bool:
    found = sa.select(sa.literal(1)).select_from(part.source).where(in_keys((part.key,))).limit(1)
    return connection.execute(found, {"keys": values}).first() is not None


def _delete_dependents(
    connection: sa.engine.Connection, schema: Schema, layout: Layout, keys: Sequence[str]
) -> None:
    """Rows of other kinds that have no foreign key and that break Keystone without their target."""
    for cascade in layout.kind.cascades:
        if cascade.enforced or not schema.has(cascade.table):
            continue
        column = cascade.join[0][0]
        assert REGISTRY[cascade.kind].table == cascade.table
        table = sa.table(cascade.table, sa.column(column, sa.String))
        statement = sa.delete(table).where(table.c[column].in_(key_values(layout, keys)))
        connection.execute(statement)


def _leaves_first(connection: sa.engine.Connection, layout: Layout, values: list[Any]) -> Iterator[list[Any]]:
    """The keys in groups: InnoDB checks a foreign key row by row, so a parent must go after its children."""
    kind, root = layout.kind, layout.root
    fields = [r.field for r in kind.references if r.target == kind.name and r.foreign_key]
    if not fields or root is None or len(values) < 2:
        yield values
        return
    parent = next(bound.column for bound in root.bounds if bound.name == fields[0])
    statement = sa.select(root.keys[0].column, parent).where(in_keys(root.key_columns))
    parents: dict[Any, Any] = {row[0]: row[1] for row in connection.execute(statement, {"keys": values})}
    while parents:
        inner = {up for key, up in parents.items() if up in parents and up != key}
        level = [key for key in parents if key not in inner] or list(parents)
        yield level
        for key in level:
            del parents[key]
