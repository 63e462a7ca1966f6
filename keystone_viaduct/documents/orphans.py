"""Orphans: rows that need another row which is not there.

By a foreign key of the database (SQLite keeps none by itself, so there may be such rows), or because the kind
declares that its records go with another (an assignment with its user), which no engine looks after.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.kinds.model import Kind
from keystone_viaduct.kinds.reference import ALTERNATIVES, Mode, ParentReference, Reference
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.value import JSON

from .load import batches
from .schema import Schema

EXAMPLES = 3
REFERRING = 200
"""Rows whose referrers are looked for by one statement: SQLite allows an expression 1,000 levels."""

Row = dict[str, Any]
Connection = sa.engine.Connection


@dataclass(frozen=True)
class Link:
    """Rows of ``table`` need one of the ``targets``: tables with the columns that answer to ``columns``.

    ``when`` limits it to rows with one of the values; ``nothing`` is what stands for no reference. ``part``
    says that rows of such a link that are orphans are part of no record: nobody sees them.
    """

    table: str
    columns: tuple[str, ...]
    targets: tuple[tuple[str, tuple[str, ...]], ...]
    part: bool = False
    when: tuple[str, frozenset[JSON]] | None = None
    nothing: str | None = None

    @property
    def target(self) -> str:
        """The table that is named to people."""
        return self.targets[0][0]


@dataclass(frozen=True)
class Orphans:
    """How many rows of a link are orphans; ``examples`` are values of its columns."""

    link: Link
    count: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        named = ", ".join(self.examples) + (", …" if self.count > len(self.examples) else "")
        return (
            f"{self.count} rows of {self.link.table} need {self.link.target} rows that are not there "
            f"({'/'.join(self.link.columns)}: {named})"
        )


class Census:
    """Finds and removes the orphans of one database.

    ``external``: some users and groups need have no row here, as those of an LDAP server; then nothing that
    may refer to such a one is an orphan.
    """

    def __init__(self, connection: Connection, schema: Schema, external: bool = False) -> None:
        inspector = sa.inspect(connection)
        self._schema = schema
        self._keys = {
            table: [
                (key["constrained_columns"], key["referred_table"], key["referred_columns"])
                for key in inspector.get_foreign_keys(table)
            ]
            for table in schema.columns
        }
        self._primary = {
            table: tuple(inspector.get_pk_constraint(table)["constrained_columns"])
            for table in schema.columns
        }
        real = list(self._real()) if schema.dialect == "sqlite" else []
        known = {(link.table, link.columns, link.target) for link in real}
        declared = [link for link in _declared(external) if self._has(link)]
        fresh = [link for link in declared if (link.table, link.columns, link.target) not in known]
        self.links: Sequence[Link] = [*real, *fresh]

    def count(self, connection: Connection) -> list[Orphans]:
        """Per link, those that there are."""
        found = []
        for link in self.links:
            table, orphaned = self._orphaned(link)
            number = int(
                connection.scalar(sa.select(sa.func.count()).select_from(table).where(*orphaned)) or 0
            )
            if number:
                columns = [table.c[name] for name in link.columns]
                rows = connection.execute(sa.select(*columns).where(*orphaned).distinct().limit(EXAMPLES))
                examples = tuple("/".join(map(str, row)) for row in rows)
                found.append(Orphans(link, number, examples))
        return found

    def batch(self, connection: Connection, link: Link, limit: int) -> list[tuple[str, Row]]:
        """Up to ``limit`` orphans of a link, and all that refers to them by a foreign key, deepest first."""
        table, orphaned = self._orphaned(link)
        rows = connection.execute(sa.select(*table.c).where(*orphaned).limit(limit)).all()
        first = [dict(zip(table.c.keys(), row, strict=True)) for row in rows]
        found: dict[tuple[Any, ...], tuple[str, Row]] = {}
        self._gather(connection, link.table, first, found)
        return list(reversed(found.values()))

    def remove(self, connection: Connection, rows: Sequence[tuple[str, Row]]) -> None:
        """Delete rows that :meth:`batch` has found."""
        for name, row in rows:
            table = self._table(name)
            where = [table.c[column] == row[column] for column in self._primary[name]]
            connection.execute(sa.delete(table).where(*where))

    def _gather(
        self,
        connection: Connection,
        name: str,
        rows: Sequence[Row],
        found: dict[tuple[Any, ...], tuple[str, Row]],
    ) -> None:
        fresh = {(name, *(row[column] for column in self._primary[name])): row for row in rows}
        fresh = {key: row for key, row in fresh.items() if key not in found}
        found.update((key, (name, row)) for key, row in fresh.items())
        for other, keys in self._keys.items():
            for here, referred, there in keys:
                if referred == name and fresh:
                    wanted = list(fresh.values())
                    self._gather(
                        connection, other, self._referring(connection, other, here, there, wanted), found
                    )

    def _referring(
        self, connection: Connection, name: str, here: list[str], there: list[str], rows: Sequence[Row]
    ) -> list[Row]:
        table = self._table(name)
        found: list[Row] = []
        for batch in batches(rows, REFERRING):
            same = [
                sa.and_(*(table.c[a] == row[b] for a, b in zip(here, there, strict=True))) for row in batch
            ]
            chosen = connection.execute(sa.select(*table.c).where(sa.or_(*same)))
            found += [dict(zip(table.c.keys(), row, strict=True)) for row in chosen]
        return found

    def _orphaned(self, link: Link) -> tuple[Any, list[Any]]:
        table = self._table(link.table)
        where: list[Any] = [table.c[name].is_not(None) for name in link.columns]
        if link.nothing is not None:
            where.append(table.c[link.columns[0]] != link.nothing)
        if link.when is not None:
            column = sa.cast(table.c[link.when[0]], sa.String(64))
            where.append(column.in_([str(value) for value in link.when[1]]))
        for number, (name, there) in enumerate(link.targets):
            target = self._table(name).alias(f"target_{number}")
            pairs = zip(link.columns, there, strict=True)
            same = [target.c[b] == table.c[a] for a, b in pairs]
            where.append(~sa.exists(sa.select(sa.literal(1)).select_from(target).where(*same)))
        return table, where

    def _table(self, name: str) -> Any:
        return sa.table(
            name, *(sa.column(item.name, item.type) for item in self._schema.columns[name].values())
        )

    def _real(self) -> Iterator[Link]:
        parts = set(_parts())
        for table, keys in self._keys.items():
            for here, target, there in keys:
                if target in self._schema.columns:
                    yield Link(table, tuple(here), ((target, tuple(there)),), (table, target) in parts)

    def _has(self, link: Link) -> bool:
        return self._schema.has(link.table) and all(self._schema.has(name) for name, _ in link.targets)


def _declared(external: bool) -> Iterator[Link]:
    """Links without a foreign key."""
    for kind in REGISTRY.values():
        for child in kind.children:
            if not child.cascade and not kind.rootless:
                here, there = zip(*child.join, strict=True)
                yield Link(child.table, here, ((kind.table, there),), part=True)
        for reference in kind.references:
            plain = type(reference) in (Reference, ParentReference) and not reference.foreign_key
            needs_none = reference.unchecked or (external and reference.external)
            if plain and reference.mode is Mode.OWNING and not needs_none:
                yield from _owning(kind, reference)


def _parts() -> Iterator[tuple[str, str]]:
    """Tables of parts with what such a row needs to be a part of a record at all."""
    for kind in REGISTRY.values():
        for child in kind.children:
            yield child.table, child.parent or kind.table
            if child.lookup is not None:
                yield child.table, child.lookup.table


def _owning(kind: Kind, reference: Reference) -> Iterator[Link]:
    names = (reference.target, *(ALTERNATIVES.get(reference.target, ()) if reference.loose else ()))
    kinds = [REGISTRY[name] for name in names]
    targets = dict.fromkeys((target.table, (_column(target, target.key[0]),)) for target in kinds)
    if kind.rootless:
        for child in kind.children:
            yield Link(child.table, (reference.field,), tuple(targets))
        return
    field = next(spec for spec in kind.fields if spec.name == reference.field)
    yield Link(kind.table, (field.stored,), tuple(targets), when=reference.when, nothing=field.null_token)


def _column(kind: Kind, name: str) -> str:
    return next((spec.stored for spec in kind.fields if spec.name == name), name)


def told(row: Mapping[str, Any]) -> dict[str, JSON]:
    """A row as JSON: what is no number, truth value or text is written as text."""
    return {
        name: value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
        for name, value in row.items()
    }
