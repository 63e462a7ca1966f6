"""Questions about records: which there are, who holds a name; and the locks on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import sqlalchemy as sa

from keystone_viaduct.errors import KindError
from keystone_viaduct.kinds.natural import NaturalKey
from keystone_viaduct.kinds.shape import Shape
from keystone_viaduct.kinds.value import JSON, Type, join_key

from .convert import micros_to_time
from .layout import Bound, Layout, Part
from .load import batches, in_keys, key_values
from .schema import Schema
from .undecodable import as_stored

UNION = 50
"""Look-ups joined in one UNION ALL."""


def list_keys(connection: sa.engine.Connection, layout: Layout, after: str | None, limit: int) -> list[str]:
    """Up to ``limit`` keys after ``after``, in the database's own order of the key columns."""
    if layout.root is None:
        return _list_rootless(connection, layout, after, limit)
    columns = layout.root.key_columns
    statement = sa.select(*columns).where(*layout.root.filters)
    if layout.kind.needs_child:
        statement = statement.where(sa.or_(*_has_child(layout)))
    if after is not None:
        statement = statement.where(_greater(columns, as_stored(connection, columns, layout.typed(after))))
    statement = statement.order_by(*columns).limit(limit)
    return list(dict.fromkeys(join_key(tuple(row)) for row in connection.execute(statement)))


def count_keys(connection: sa.engine.Connection, layout: Layout) -> int:
    """How many keys :func:`list_keys` would list in all."""
    if layout.root is None:
        keys: Any = sa.union(*(sa.select(part.key.label("key")).distinct() for part in layout.children))
    else:
        keys = sa.select(*layout.root.key_columns).where(*layout.root.filters)
        if layout.kind.needs_child:
            keys = keys.where(sa.or_(*_has_child(layout)))
    return int(connection.scalar(sa.select(sa.func.count()).select_from(keys.subquery())) or 0)


def large(
    connection: sa.engine.Connection, schema: Schema, layout: Layout, keys: Sequence[str], beyond: int
) -> dict[str, int]:
    """Key -> how many characters (MySQL: bytes) its texts without a bound have, where more than that."""
    found: dict[str, int] = {}
    if len(layout.kind.key) != 1:
        return found  # links, grants and events: no text of theirs is without a bound
    places: list[tuple[Part, Any, Any]] = (
        [] if layout.root is None else [(layout.root, layout.root.keys[0].column, layout.root.table)]
    )
    places += [(part.part, part.key, part.source) for part in layout.children]
    for part, key, source in places:
        texts = [
            column
            for column in part.table.c
            if isinstance(schema.columns[part.table.name][column.name].type, sa.Text)
        ]
        if not texts:
            continue
        size: Any = sum(
            (sa.func.coalesce(sa.func.length(column), 0) for column in texts[1:]),
            sa.func.coalesce(sa.func.length(texts[0]), 0),
        )
        total = sa.func.sum(size)
        statement = (
            sa.select(key, total)
            .select_from(source)
            .where(in_keys((key,)))
            .group_by(key)
            .having(total > beyond)
        )
        for batch in batches(key_values(layout, keys)):
            for value, number in connection.execute(statement, {"keys": list(batch)}):
                found[join_key((value,))] = found.get(join_key((value,)), 0) + int(number)
    return found


def _list_rootless(
    connection: sa.engine.Connection, layout: Layout, after: str | None, limit: int
) -> list[str]:
    parts = []
    for part in layout.children:
        select = sa.select(part.key.label("key")).distinct()
        parts.append(select if after is None else select.where(part.key > layout.typed(after)[0]))
    union = sa.union(*parts).subquery()
    statement = sa.select(union.c.key).order_by(union.c.key).limit(limit)
    return [join_key((value,)) for value in connection.execute(statement).scalars()]


def _has_child(layout: Layout) -> Iterator[sa.ColumnElement[bool]]:
    root = layout.root
    assert root is not None
    for part in layout.children:
        if any(name in layout.kind.needs_child for name in part.child.document_fields):
            yield sa.exists().where(part.key == root.keys[0].column)


def _greater(columns: Sequence[sa.ColumnElement[Any]], values: Sequence[Any]) -> sa.ColumnElement[bool]:
    """``columns > values``, spelt out: not every engine compares rows by an index."""
    found = []
    equal: list[sa.ColumnElement[bool]] = []
    for column, value in zip(columns, values, strict=True):
        stored = isinstance(value, sa.sql.ColumnElement)
        bound = value if stored else sa.bindparam(None, value, type_=column.type)
        found.append(sa.and_(*equal, _after(column, bound, value)))
        equal.append(column == bound)
    return sa.or_(*found)


def _after(column: sa.ColumnElement[Any], bound: Any, value: Any) -> sa.ColumnElement[bool]:
    """``column > value`` in the order that ORDER BY sorts by.

    An enumeration sorts by position, yet MySQL compares it with a text as text.
    """
    if isinstance(column.type, sa.Enum):
        names = list(column.type.enums)
        return column.in_(names[names.index(value) + 1 :] if value in names else [])
    later: sa.ColumnElement[bool] = column > bound
    return later


def column_of(connection: sa.engine.Connection, layout: Layout, field: str) -> Iterator[tuple[str, JSON]]:
    """The key and this field of every record that has something there."""
    root = layout.root
    assert root is not None
    column = next(bound.column for bound in root.bounds if bound.name == field)
    statement = sa.select(column, *root.key_columns).where(column.is_not(None), *root.filters)
    for value, *key in connection.execute(statement):
        yield join_key(tuple(key)), value


def named(
    connection: sa.engine.Connection, layout: Layout, field: str, value: str, limit: int
) -> list[tuple[str, str]]:
    """Key and value of the records whose field has this value, by the database's own idea of equality."""
    for part in layout.children:
        for bound, column in part.values():
            if part.prefix + bound.name == field:
                statement = sa.select(part.key, column).select_from(part.source).where(column == value)
                found = connection.execute(statement.order_by(part.key).limit(limit))
                return [(join_key((key,)), str(text)) for key, text in found]
    root = layout.root
    bounds = () if root is None else root.bounds
    here = [bound.column for bound in bounds if bound.name == field]
    if root is None or not here:
        return []
    columns = root.key_columns
    rows = sa.select(*here, *columns).where(here[0] == value, *root.filters).order_by(*columns).limit(limit)
    return [(join_key(tuple(key)), str(text)) for text, *key in connection.execute(rows)]


def lock(connection: sa.engine.Connection, layout: Layout, keys: Sequence[str]) -> list[str]:
    """Locks the rows of these records until the transaction ends (not on SQLite); returns those there are."""
    found: list[str] = []
    for batch in batches(sorted(keys)):
        values = key_values(layout, batch)
        if layout.root is not None:
            columns = layout.root.key_columns
            statement = sa.select(*columns).where(in_keys(columns), *layout.root.filters)
            rows = connection.execute(statement.order_by(*columns).with_for_update(), {"keys": values})
            found += [join_key(tuple(row)) for row in rows]
        for part in layout.children:
            if part.child.shape not in (Shape.ONE, Shape.CONFIG):
                continue
            statement = sa.select(part.key).where(in_keys((part.key,))).with_for_update()
            rows = connection.execute(statement, {"keys": values})
            if layout.root is None:
                found += [join_key(tuple(row)) for row in rows]
    wanted = set(keys)
    return [key for key in dict.fromkeys(found) if key in wanted]


def holders(
    connection: sa.engine.Connection,
    layout: Layout,
    natural: NaturalKey,
    values: Sequence[tuple[JSON, ...]],
) -> dict[tuple[JSON, ...], str]:
    """Which record holds each natural key, by the database's own idea of equality (MySQL folds case).

    The values are such as its columns can hold: others make MySQL refuse the question itself.
    """
    columns, key_columns, filters = natural_columns(layout, natural)
    whole = layout.root is not None and layout.root.whole_seconds
    found: dict[tuple[JSON, ...], str] = {}
    for batch in batches(_maybe_held(connection, columns, filters, values), UNION):
        selects = [
            sa.select(sa.literal(number).label("n"), *key_columns)
            .where(*filters)
            .where(
                *(
                    _equal(bound, column, part, natural, whole)
                    for (bound, column), part in zip(columns, value, strict=True)
                )
            )
            for number, value in enumerate(batch)
        ]
        statement = sa.union_all(*selects) if len(selects) > 1 else selects[0]
        for number, *key in connection.execute(statement):
            found.setdefault(batch[number], join_key(tuple(key)))
    return found


def _maybe_held(
    connection: sa.engine.Connection,
    columns: Sequence[Column],
    filters: Sequence[sa.ColumnElement[bool]],
    values: Sequence[tuple[JSON, ...]],
) -> list[tuple[JSON, ...]]:
    """``values`` without those texts of which one cheap look shows that nobody holds any of them.

    In a first load that is all of them. (Which row answers to which value only the database can say: MySQL
    folds case.)
    """
    plain = [value for value in values if all(isinstance(part, str) for part in value)]
    left = [value for value in values if not all(isinstance(part, str) for part in value)]
    stored = [column for _, column in columns]
    statement = sa.select(sa.literal(1)).where(in_keys(stored), *filters).limit(1)
    for batch in batches(plain):
        keys = [value[0] for value in batch] if len(stored) == 1 else list(batch)
        if connection.execute(statement, {"keys": keys}).first() is not None:
            left.extend(batch)
    return left


def natural_of(layout: Layout, naturals: Iterable[NaturalKey], constraint: str) -> NaturalKey:
    """The natural key of that name; raises KindError."""
    for natural in naturals:
        if natural.name == constraint:
            return natural
    raise KindError(
        f"kind {layout.kind.name} has no natural key {constraint!r}",
        hint=f"it has: {', '.join(n.name for n in layout.kind.natural) or 'none'}",
    )


Column: TypeAlias = "tuple[Bound | None, sa.ColumnElement[Any]]"


def natural_columns(
    layout: Layout, natural: NaturalKey
) -> tuple[list[Column], list[sa.ColumnElement[Any]], list[sa.ColumnElement[bool]]]:
    """The columns of a natural key with the fields that they hold; those of the record's key; its rows."""
    root = layout.root
    if not natural.table:
        assert root is not None
        by_name = {bound.name: bound for bound in root.bounds}
        columns: list[Column] = []
        for name in natural.fields:
            bound = by_name[name]
            columns.append((bound, root.c[bound.spec.mirror or bound.column.name]))
        return columns, list(root.key_columns), list(root.filters)
    part = layout.child(natural.table)
    names = [name.removeprefix(part.prefix) for name in natural.fields]
    columns = [(None, part.table.c[name]) for name in names]
    if not natural.fields:
        columns = [(None, part.part.bounds[0].column)]
    return columns, [part.key], []


def _equal(
    bound: Bound | None,
    column: sa.ColumnElement[Any],
    value: JSON,
    natural: NaturalKey,
    whole_seconds: bool,
) -> sa.ColumnElement[bool]:
    stored = stored_value(bound, value, whole_seconds)
    if stored is None:
        return column.is_(None) if natural.nulls_equal else sa.false()
    return column == sa.bindparam(None, stored, type_=column.type)


def stored_value(bound: Bound | None, value: JSON, whole_seconds: bool) -> Any:
    """What the column of a natural key holds for a document's value."""
    if bound is not None and bound.spec.type is Type.MICROS and bound.spec.mirror:
        assert value is None or isinstance(value, int)
        return micros_to_time(value, whole_seconds)
    return value if bound is None or bound.write is None else bound.write(value)
