"""Changes of a record that is there: what does not differ is not written, and so not marked as changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.kinds.raw import dumps_members, same, same_documents
from keystone_viaduct.kinds.shape import Shape
from keystone_viaduct.kinds.value import JSON, Document

from .insert import Inserter, option_row, owner_values, resolve_lookup, set_rows
from .layout import ChildPart, Layout, Root, one_part, pattern_part

Change = tuple[str, Document, Document]
"""A record's key, what it is and what it is to be."""


class Updater:
    """Changes documents of one kind."""

    def __init__(self, layout: Layout, inserter: Inserter) -> None:
        self.layout = layout
        self.inserter = inserter

    def update(self, connection: sa.engine.Connection, changes: Sequence[Change]) -> None:
        """Brings records from what they are to what they are to be; rows of the same changed columns are one
        statement. Fields that this release lacks are passed over.
        """
        root = self.layout.root
        if root is not None:
            self._update_roots(connection, root, changes)
        for part in self.layout.children:
            if part.child.shape in (Shape.OPTIONS, Shape.CONFIG):
                _update_options(connection, self.layout, part, changes)
                continue
            for _, old, new in changes:
                _UPDATES[part.child.shape](connection, self.layout, part, old, new)

    def _update_roots(self, connection: sa.engine.Connection, root: Root, changes: Sequence[Change]) -> None:
        rows: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for key, old, new in changes:
            changed = self._root_changes(root, old, new)
            if changed:
                which = {f"key_{n}": value for n, value in enumerate(self.layout.typed(key))}
                values = {f"new_{name}": value for name, value in changed.items()}
                rows.setdefault(tuple(sorted(changed)), []).append({**which, **values})
        for names, sets in rows.items():
            where = [
                column == sa.bindparam(f"key_{n}", type_=column.type)
                for n, column in enumerate(root.key_columns)
            ]
            values = {name: sa.bindparam(f"new_{name}", type_=root.table.c[name].type) for name in names}
            statement = sa.update(root.table).where(*where, *root.filters).values(values)
            connection.execute(statement, sets)

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
    connection: sa.engine.Connection, layout: Layout, part: ChildPart, changes: Sequence[Change]
) -> None:
    """Of all records together: what is replaced, what goes, what is added."""
    *names, value = [bound.column for bound in part.part.bounds]
    replaced: list[dict[str, Any]] = []
    gone: list[dict[str, Any]] = []
    added: list[dict[str, Any]] = []
    for _, old, new in changes:
        before, after = pattern_part(part.prefix, old), pattern_part(part.prefix, new)
        differing = [
            name
            for name in sorted({*before, *after})
            if not (name in before and name in after and same(before[name], after[name]))
        ]
        if any(name not in before for name in differing):
            owner = owner_values(connection, layout, part, [new])(new)
            added += [{**option_row(part, n, after[n]), **owner} for n in differing if n not in before]
        for name in (name for name in differing if name in before):
            row = option_row(part, name, after.get(name))
            which = {f"is_{column.name}": row[column.name] for column in names}
            which |= {"owner": _owner(layout, new)[0]}
            if name in after:
                replaced.append({**which, "new": row[value.name]})
            else:
                gone.append(which)
    where = [part.where_owner([sa.bindparam("owner", type_=part.key.type)])]
    where += [column == sa.bindparam(f"is_{column.name}", type_=column.type) for column in names]
    if replaced:
        new_value = {value.name: sa.bindparam("new", type_=value.type)}
        connection.execute(sa.update(part.table).where(*where).values(new_value), replaced)
    if gone:
        connection.execute(sa.delete(part.table).where(*where), gone)
    if added:
        connection.execute(sa.insert(part.table), added)


Update = Callable[[sa.engine.Connection, Layout, ChildPart, Document, Document], None]

_UPDATES: dict[Shape, Update] = {
    Shape.ONE: _update_one,
    Shape.SET: _update_set,
    Shape.ITEMS: _update_items,
}
