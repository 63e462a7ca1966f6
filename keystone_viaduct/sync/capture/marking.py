"""From the registry of kinds to the marks for rows that were written: what the triggers do, told by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.documents.schema import Schema
from keystone_viaduct.kinds.model import Kind
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.shape import Cascade, Source
from keystone_viaduct.sync.capture.specs import mark_rows, mark_via, place_of, table_of

Row = Mapping[str, Any]
"""A row's values by column name, all of the columns or none missing that :meth:`Marking.needed` names."""


def _bound(column: Any) -> Any:
    return sa.bindparam(f"row_{column.name}", type_=column.type)


@dataclass(frozen=True)
class _Part:
    """One table of one kind."""

    kind: Kind
    source: Source
    place: tuple[str, ...]
    replicated: tuple[str, ...]
    mark: Any

    @property
    def needed(self) -> set[str]:
        return {*self.place, *self.source.where}

    def has(self, row: Row) -> bool:
        """Whether a row belongs to the kind; where that is another table's matter, ``mark`` looks."""
        if self.source.via:
            return True
        if any(_plain(row[name], value) != value for name, value in self.source.where.items()):
            return False
        own = self.source.table == self.kind.table
        return not (own and self.kind.hidden and row[self.source.key[0]] in self.kind.hidden)


@dataclass(frozen=True)
class _Cascading:
    """Rows of another kind that go with a row: marks, and on SQLite a delete."""

    needed: frozenset[str]
    statements: tuple[Any, ...]


class Marking:
    """Writes the marks for rows of one database's tables."""

    def __init__(self, schema: Schema) -> None:
        self._parts: dict[str, list[_Part]] = {}
        self._cascades: dict[str, list[_Cascading]] = {}
        for kind in REGISTRY.values():
            for source in kind.sources:
                if schema.has(source.table):
                    self._parts.setdefault(source.table, []).append(_part(schema, kind, source))
            for cascade in kind.cascades:
                if cascade.enforced and schema.has(cascade.table):
                    table = cascade.source or kind.table
                    self._cascades.setdefault(table, []).append(_cascading(schema, kind, cascade))

    def concerns(self, table: str) -> bool:
        """Whether rows of the table belong to any kind."""
        return table in self._parts or table in self._cascades

    def needed(self, table: str) -> set[str]:
        """The columns without which a new row's record is not known."""
        return set().union(*(part.needed for part in self._parts.get(table, ())))

    def inserted(self, connection: Any, table: str, rows: Sequence[Row]) -> None:
        """Mark the records of new rows."""
        for part in self._parts.get(table, ()):
            _execute(connection, part.mark, [row for row in rows if part.has(row)])

    def updated(self, connection: Any, table: str, pairs: Sequence[tuple[Row, Row]]) -> None:
        """Mark the records of changed rows, as they were and as they are: (before, after)."""
        for part in self._parts.get(table, ()):
            if part.kind.insert_only:
                continue
            changed = [after for before, after in pairs if _differ(before, after, part.replicated)]
            moved = [before for before, after in pairs if _differ(before, after, part.place)]
            _execute(connection, part.mark, [row for row in (*changed, *moved) if part.has(row)])

    def deleted(self, connection: Any, table: str, rows: Sequence[Row]) -> None:
        """Mark the records of rows that are about to be deleted, and those of rows that go with them."""
        for part in self._parts.get(table, ()):
            if not part.kind.insert_only:
                _execute(connection, part.mark, [row for row in rows if part.has(row)])
        for cascading in self._cascades.get(table, ()):
            for statement in cascading.statements:
                _execute(connection, statement, rows)


def _part(schema: Schema, kind: Kind, source: Source) -> _Part:
    table = table_of(schema, source.table)
    replicated = tuple(column.name for column in table.c if column.name not in source.volatile)
    mark = mark_via(schema, kind, source, _bound, table)
    return _Part(kind, source, tuple(place_of(source, table)), replicated, mark)


def _cascading(schema: Schema, kind: Kind, cascade: Cascade) -> _Cascading:
    table = table_of(schema, cascade.source or kind.table)
    dependent = REGISTRY[cascade.kind]
    source = next(item for item in dependent.sources if item.table == cascade.table)
    rows = table_of(schema, cascade.table)
    joined = [rows.c[there] == _bound(table.c[here]) for there, here in cascade.join]
    statements = [mark_rows(schema, dependent, source, rows, joined)]
    if schema.dialect == "sqlite":  # see specs: nobody else removes them there
        statements.append(sa.delete(rows).where(*joined))
    return _Cascading(frozenset(here for _, here in cascade.join), tuple(statements))


def _execute(connection: Any, statement: Any, rows: Iterable[Row]) -> None:
    names = {
        item.key.removeprefix("row_"): item.key
        for item in sa.sql.visitors.iterate(statement)
        if isinstance(item, sa.sql.elements.BindParameter) and item.key.startswith("row_")
    }
    for row in rows:
        connection.execute(statement, {key: row[name] for name, key in names.items()})


def _differ(before: Row, after: Row, names: Iterable[str]) -> bool:
    return any(before.get(name) != after.get(name) for name in names)


def _plain(found: Any, wanted: Any) -> Any:
    """A boolean may come as a number."""
    return bool(found) if isinstance(wanted, bool) else found
