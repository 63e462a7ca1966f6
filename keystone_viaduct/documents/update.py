"""Changes of a record that is there: what does not differ is not written, and so not marked as changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.kinds.raw import dumps_members, same, same_documents
from keystone_viaduct.kinds.shape import Shape
from keystone_viaduct.kinds.value import JSON, Document

from .insert import Inserter, option_row, owner_values, resolve_lookup, set_rows
from .layout import ChildPart, Layout, Root, one_part, pattern_part


class Updater:
    """Changes documents of one kind."""

    def __init__(self, layout: Layout, inserter: Inserter) -> None:
        self.layout = layout
        self.inserter = inserter

    def update(self, connection: sa.engine.Connection, key: str, old: Document, new: Document) -> None:
        """Brings the record from ``old`` to ``new``. Fields that this release lacks are passed over."""
        root = self.layout.root
        if root is not None:
            changed = self._root_changes(root, old, new)
            if changed:
                where = self._where(root, key)
                connection.execute(sa.update(root.table).where(*where).values(changed))
        for part in self.layout.children:
            _UPDATES[part.child.shape](connection, self.layout, part, old, new)

    def _where(self, root: Root, key: str) -> list[sa.ColumnElement[bool]]:
        values = self.layout.typed(key)
        found = [
            column == sa.bindparam(None, value, type_=column.type)
            for column, value in zip(root.key_columns, values, strict=True)
        ]
        return [*found, *root.filters]

    def _root_changes(self, root: Root, old: Document, new: Document) -> dict[str, Any]:
        keys = {bound.name for bound in root.keys}
        names = {
            bound.name
            for bound in root.bounds
            if bound.name not in keys and not same(new.get(bound.name), old.get(bound.name))
        }
        changed: dict[str, Any] = {}
        if names:
            row = root.row_of(new)
            for bound in root.bounds:
                if bound.name not in names:
                    continue
                if bound in root.sealed:
                    changed.update(self.inserter.seal(bound.spec.columns, new.get(bound.name)))
                else:
                    changed.update((column, row[column]) for column in bound.spec.columns if column in row)
        if self.layout.kind.extra and "extra" in root.table.c:
            extra = pattern_part("extra.", new)
            if not same_documents(extra, pattern_part("extra.", old)):
                changed["extra"] = dumps_members(extra)
        return changed


def _owner(layout: Layout, document: Document) -> list[JSON]:
    return [document[layout.kind.key[0]]]


def _insert_rows(
    connection: sa.engine.Connection,
    layout: Layout,
    part: ChildPart,
    document: Document,
    rows: list[dict[str, Any]],
) -> None:
    if not rows:
        return
    if part.child.lookup is not None:
        resolve_lookup(connection, part, rows)
    owner = owner_values(connection, layout, part, [document])(document)
    connection.execute(sa.insert(part.table), [{**row, **owner} for row in rows])


def _update_one(
    connection: sa.engine.Connection, layout: Layout, part: ChildPart, old: Document, new: Document
) -> None:
    before, after = one_part(part, old), one_part(part, new)
    here = [(mine, theirs) for mine, theirs in part.child.join[1:] if old.get(theirs) != new.get(theirs)]
    if same_documents(before, after) and not here:
        return
    mine = part.where_owner(_owner(layout, new))
    if after is None:
        for other in layout.children:
            if other.parent is part:
                connection.execute(sa.delete(other.table).where(other.where_owner(_owner(layout, new))))
        connection.execute(sa.delete(part.table).where(mine))
    elif before is None:
        _insert_rows(connection, layout, part, new, [part.part.row_of(after)])
    else:
        # The engines that enforce the foreign key have already moved the join columns along with the root.
        row = part.part.row_of(after) | {mine: new[theirs] for mine, theirs in here}
        connection.execute(sa.update(part.table).where(mine).values(row))


def _update_set(
    connection: sa.engine.Connection, layout: Layout, part: ChildPart, old: Document, new: Document
) -> None:
    field = part.child.field
    if same(old.get(field), new.get(field)):
        return
    _, column = part.values()[0]
    statement = sa.select(column).select_from(part.source).where(part.key.in_(_owner(layout, new)))
    there = set(connection.execute(statement).scalars())
    value = new.get(field)
    wanted: dict[Any, None] = dict.fromkeys(value) if isinstance(value, list) else {}
    gone = sorted(there - set(wanted))
    if gone:
        own = part.part.bounds[0].column
        which: Any = gone
        if part.lookup is not None and part.child.lookup is not None:
            surrogate = part.lookup.c[part.child.lookup.surrogate]
            which = sa.select(surrogate).where(column.in_(gone))
        connection.execute(sa.delete(part.table).where(part.where_owner(_owner(layout, new)), own.in_(which)))
    _insert_rows(connection, layout, part, new, set_rows(part, [v for v in wanted if v not in there]))


def _update_items(
    connection: sa.engine.Connection, layout: Layout, part: ChildPart, old: Document, new: Document
) -> None:
    value = new.get(part.child.field)
    if part.parent is not None and one_part(part.parent, new) is None:
        return  # its rows went with the parent's
    parent_is_new = part.parent is not None and one_part(part.parent, old) is None
    if same(old.get(part.child.field), value) and not parent_is_new:
        return
    wanted = (
        [part.part.row_of(item) for item in value if isinstance(item, dict)]
        if isinstance(value, list)
        else []
    )
    surrogate = part.table.c[part.child.surrogate]
    columns = [bound.column for bound in part.part.bounds]
    statement = sa.select(surrogate, *columns).select_from(part.source)
    found = connection.execute(statement.where(part.key.in_(_owner(layout, new))).order_by(surrogate))
    names = [column.name for column in columns]
    there = {row[0]: dict(zip(names, row[1:], strict=True)) for row in found}
    for row in list(wanted):
        equal = next((n for n, have in there.items() if all(row[name] == have[name] for name in names)), None)
        if equal is not None:
            wanted.remove(row)
            del there[equal]
    for row in list(wanted):
        match = next((n for n, have in there.items() if _alike(part, row, have)), None)
        if match is not None:
            connection.execute(sa.update(part.table).where(surrogate == match).values(row))
            wanted.remove(row)
            del there[match]
    if there:
        connection.execute(sa.delete(part.table).where(surrogate.in_(sorted(there))))
    _insert_rows(connection, layout, part, new, wanted)


def _alike(part: ChildPart, row: dict[str, Any], have: dict[str, Any]) -> bool:
    by_name = {bound.name: bound.column.name for bound in part.part.bounds}
    return all(row[by_name[name]] == have[by_name[name]] for name in part.child.identity)


def _update_options(
    connection: sa.engine.Connection, layout: Layout, part: ChildPart, old: Document, new: Document
) -> None:
    before, after = pattern_part(part.prefix, old), pattern_part(part.prefix, new)
    mine = part.where_owner(_owner(layout, new))
    added = []
    for name in sorted({*before, *after}):
        if name in before and name in after and same(before[name], after[name]):
            continue
        if name not in before:
            added.append(option_row(part, name, after[name]))
            continue
        row = option_row(part, name, after.get(name))
        *names, value = [bound.column for bound in part.part.bounds]
        which = sa.and_(mine, *(column == row[column.name] for column in names))
        if name in after:
            connection.execute(sa.update(part.table).where(which).values({value.name: row[value.name]}))
        else:
            connection.execute(sa.delete(part.table).where(which))
    _insert_rows(connection, layout, part, new, added)


Update = Callable[[sa.engine.Connection, Layout, ChildPart, Document, Document], None]

_UPDATES: dict[Shape, Update] = {
    Shape.ONE: _update_one,
    Shape.SET: _update_set,
    Shape.ITEMS: _update_items,
    Shape.OPTIONS: _update_options,
    Shape.CONFIG: _update_options,
}
