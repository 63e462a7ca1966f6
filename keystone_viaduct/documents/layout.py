"""A kind bound to the tables of one database: what is read from where, and how it is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.errors import SchemaMissing
from keystone_viaduct.kinds.local import DOMAIN, placing_fields
from keystone_viaduct.kinds.model import Kind
from keystone_viaduct.kinds.shape import Child, Field, Shape
from keystone_viaduct.kinds.value import JSON, Document, Type

from .convert import Convert, micros_to_time, reader, writer
from .schema import Schema, sql_type, unknown_field


@dataclass(frozen=True)
class Bound:
    """One field of a table: ``name`` in the table's part of the document, and its column."""

    name: str
    spec: Field
    column: sa.Column[Any]
    read: Convert
    write: Convert


class Part:
    """One table of a kind: the root's or a child's."""

    def __init__(self, schema: Schema, name: str, specs: tuple[Field, ...], reserved: set[str]) -> None:
        known = {column for spec in specs for column in spec.columns} | reserved
        here = schema.columns[name]
        added = tuple(unknown_field(column) for column in here.values() if column.name not in known)
        self.specs = tuple(spec for spec in specs if spec.stored in here) + added
        types = {spec.stored: spec.type for spec in self.specs}
        types.update({spec.mirror: Type.DATETIME for spec in specs if spec.mirror})
        self.table = sa.Table(
            name,
            sa.MetaData(),
            *(sa.Column(item.name, sql_type(item, types.get(item.name))) for item in here.values()),
        )
        self.bounds = tuple(
            Bound(spec.name, spec, self.table.c[spec.stored], reader(spec), writer(spec))
            for spec in self.specs
        )
        self.whole_seconds = schema.dialect in ("mysql", "mariadb")

    @property
    def c(self) -> Any:
        """The table's columns."""
        return self.table.c

    def row_of(self, values: dict[str, JSON]) -> dict[str, Any]:
        """The columns for a part of a document; what it lacks gets its default."""
        row: dict[str, Any] = {}
        for bound in self.bounds:
            spec = bound.spec
            value = values.get(bound.name, spec.default)
            row[bound.column.name] = value if bound.write is None else bound.write(value)
            if spec.mirror and spec.mirror in self.c:
                assert value is None or isinstance(value, int)
                row[spec.mirror] = micros_to_time(value, self.whole_seconds)
        return row


class Root(Part):
    """The root table of a kind. ``local``: what makes a row one that never travels; such are left out of all
    that is read or deleted, unless it was made ``with_local``.
    """

    def __init__(self, schema: Schema, kind: Kind, *, with_local: bool = False) -> None:
        reserved = {*kind.constants, kind.surrogate}
        if kind.extra:
            reserved.add("extra")
        super().__init__(schema, kind.table, kind.fields, reserved)
        by_name = {bound.name: bound for bound in self.bounds}
        self.keys = tuple(by_name[name] for name in kind.key)
        self.sealed = tuple(bound for bound in self.bounds if bound.spec.type is Type.SEALED)
        self.nullable_key = any(not spec.required for spec in kind.fields if spec.name in kind.key)
        self.constants = {name: value for name, value in kind.constants.items() if name in self.table.c}
        self.filters = [
            self.c[name] == sa.bindparam(None, value, type_=sa.Boolean())
            for name, value in self.constants.items()
            if isinstance(value, bool)
        ]
        if kind.hidden:
            self.filters += [self.keys[0].column != hidden for hidden in sorted(kind.hidden)]
        self.local = [
            by_name[name].column.like(f"{DOMAIN}%") for name in placing_fields(kind) if name in by_name
        ]
        self.visible = [] if with_local else [sa.func.coalesce(~found, sa.true()) for found in self.local]
        self.filters += self.visible
        if kind.surrogate and not kind.insert_only and not self.nullable_key:
            self.filters.append(self.keys[0].column.is_not(None))

    @cached_property
    def key_columns(self) -> tuple[sa.ColumnElement[Any], ...]:
        """The key's columns, NULL as the empty text where the key may hold NULL."""
        if self.nullable_key:
            return tuple(sa.func.coalesce(bound.column, "") for bound in self.keys)
        return tuple(bound.column for bound in self.keys)


@dataclass
class ChildPart:
    """A child table, how it joins the root, and where its rows' record key is found.

    ``enforced`` says that this database lets no row outlive its record.
    """

    child: Child
    part: Part
    parent: ChildPart | None
    key: sa.Column[Any]
    source: sa.FromClause
    lookup: sa.Table | None = None
    prefix: str = ""
    enforced: bool = False

    @property
    def table(self) -> sa.Table:
        """The child's table."""
        return self.part.table

    @property
    def direct(self) -> bool:
        """Whether a column of the child itself holds the record's key."""
        return self.key.table is self.table

    def values(self) -> list[tuple[Bound, sa.Column[Any]]]:
        """The fields with the column to select for each (a surrogate's API id instead of the surrogate)."""
        found = []
        for bound in self.part.bounds:
            column = bound.column
            if self.child.lookup is not None and self.lookup is not None:
                column = self.lookup.c[self.child.lookup.column]
            found.append((bound, column))
        return found

    def where_owner(self, keys: Any) -> sa.ColumnElement[bool]:
        """The rows of these records, for statements on the child table alone."""
        if self.direct:
            return self.key.in_(keys)
        here, there = self.child.join[0]
        assert self.key.table is not None
        owner = self.key.table
        return self.table.c[here].in_(sa.select(owner.c[there]).where(self.key.in_(keys)))


@dataclass
class Layout:
    """One kind over one schema."""

    kind: Kind
    root: Root | None
    children: tuple[ChildPart, ...]
    fields: frozenset[str] = field(default_factory=frozenset)

    def child(self, table: str) -> ChildPart:
        """The child that lies in this table."""
        return next(part for part in self.children if part.child.table == table)

    def typed(self, key: str) -> tuple[Any, ...]:
        """The key's column values; of any length, for a row may be there that can't travel."""
        parts = self.kind.split_key(key, sized=False)
        if self.root is None or len(parts) == 1:
            return parts
        return tuple(
            text == "1" if bound.spec.type is Type.BOOLEAN else text
            for bound, text in zip(self.root.keys, parts, strict=True)
        )


def make_layout(
    schema: Schema, kind: Kind, options: frozenset[str] | None = None, *, with_local: bool = False
) -> Layout:
    """Binds ``kind``; raises SchemaMissing when its root table is not there.

    ``options``: the resource options that the running Keystone has registered; None: any may be stored.
    ``with_local``: also rows that never travel.
    """
    if not schema.has(kind.table):
        raise SchemaMissing(
            f"this database has no table {kind.table!r}",
            hint=f"kind {kind.name} can't be kept here",
            kind=kind.name,
        )
    root = None if kind.rootless else Root(schema, kind, with_local=with_local)
    children: list[ChildPart] = []
    for child in kind.children:
        if schema.has(child.table):
            part = _make_child(schema, root, child, children)
            part.enforced = child.cascade and root is not None and schema.dialect != "sqlite"
            children.append(part)
    return Layout(kind, root, tuple(children), frozenset(_fields(kind, root, children, options)))


def _make_child(schema: Schema, root: Root | None, child: Child, done: list[ChildPart]) -> ChildPart:
    reserved = {here for here, _ in child.join} | {child.surrogate, *child.volatile}
    part = Part(schema, child.table, child.fields, reserved)
    if child.shape in (Shape.SET, Shape.OPTIONS, Shape.CONFIG):
        part.bounds = part.bounds[: len(child.fields)]  # a plain value has no room for a later column
    parent = next((other for other in done if other.child.table == child.parent), None)
    here, there = child.join[0]
    prefix = f"{child.field}."
    if parent is not None:
        source = part.table.join(parent.table, part.c[here] == parent.table.c[there])
        return ChildPart(child, part, parent, parent.key, source, None, prefix)
    if root is None or there == root.keys[0].column.name:
        return ChildPart(child, part, None, part.c[here], part.table, None, prefix)
    source = part.table.join(root.table, part.c[here] == root.c[there])
    lookup = None
    if child.lookup is not None:
        columns = schema.columns[child.lookup.table].values()
        lookup = sa.Table(
            child.lookup.table,
            sa.MetaData(),
            *(sa.Column(item.name, sql_type(item, None)) for item in columns),
        )
        wanted = part.bounds[0].column == lookup.c[child.lookup.surrogate]
        source = source.join(lookup, wanted)
    return ChildPart(child, part, None, root.keys[0].column, source, lookup, prefix)


def _fields(
    kind: Kind, root: Root | None, children: list[ChildPart], options: frozenset[str] | None
) -> Iterator[str]:
    if root is None:
        yield from kind.key
    else:
        yield from (bound.name for bound in root.bounds)
        if kind.extra and "extra" in root.table.c:
            yield "extra.*"
    for part in children:
        if part.child.shape is Shape.ONE:
            yield from (part.prefix + bound.name for bound in part.part.bounds)
        elif part.child.shape is Shape.OPTIONS and options is not None:
            yield from (part.prefix + option for option in options)
        else:
            yield from part.child.document_fields


def one_part(part: ChildPart, document: Document) -> dict[str, JSON] | None:
    """The document's share of a one-to-one child, or None when it has none."""
    if document.get(part.prefix + part.child.fields[0].name) is None:
        return None
    names = ((bound.name, part.prefix + bound.name) for bound in part.part.bounds)
    return {short: document[name] for short, name in names if name in document}


def pattern_part(prefix: str, document: Document) -> dict[str, JSON]:
    """The fields of a pattern, without its prefix."""
    size = len(prefix)
    return {name[size:]: value for name, value in document.items() if name.startswith(prefix)}
