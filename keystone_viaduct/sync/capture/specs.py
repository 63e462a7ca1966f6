"""From the registry of kinds to the triggers that mark touched records in ``viaduct_dirty``.

Per table of a kind: one trigger for inserts, one for deletes, one for updates of a replicated column (it
marks the record that the row belongs to now), and one for updates that move a row (it marks the one it
belonged to). Rows that the database itself removes with a row of another kind fire no trigger on InnoDB, so a
trigger on that other row marks their records while they can still be found. On SQLite a connection may have
foreign keys off: there the same trigger removes those rows, or they would stand for ever for records that no
other site may have (and ``upholding`` has triggers for rows of the same record).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.documents.schema import Schema
from keystone_viaduct.kinds.model import Kind
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.shape import Cascade, Source
from keystone_viaduct.triggers import Event, Timing, TriggerSpec, key_text, new, now_microseconds, old

PREFIX = "viaduct_c_"

DIRTY = sa.table(
    "viaduct_dirty",
    sa.column("kind", sa.String(32)),
    sa.column("key", sa.String(700)),
    sa.column("stamped_at", sa.BigInteger()),
)


def capture_specs(schema: Schema) -> list[TriggerSpec]:
    """The triggers for all kinds whose tables this database has."""
    shared = _shared_tables()
    found: list[TriggerSpec] = []
    for kind in REGISTRY.values():
        for source in kind.sources:
            if schema.has(source.table):
                found += _Capture(schema, kind, source, shared).specs()
        for number, cascade in enumerate(item for item in kind.cascades if item.enforced):
            if schema.has(cascade.table):
                found.append(_cascade_spec(schema, kind, cascade, number))
    return found


def _shared_tables() -> set[str]:
    """Tables that lie under more than one kind: there the trigger's name has the kind's too."""
    seen: set[str] = set()
    shared: set[str] = set()
    for kind in REGISTRY.values():
        for table in {source.table for source in kind.sources}:
            (shared if table in seen else seen).add(table)
    return shared


class _Capture:
    """The triggers of one kind on one of its tables."""

    def __init__(self, schema: Schema, kind: Kind, source: Source, shared: set[str]) -> None:
        self.schema = schema
        self.kind = kind
        self.source = source
        self.table = table_of(schema, source.table)
        own = f"{kind.name}_" if source.table in shared and source.table != kind.name else ""
        self.name = f"{PREFIX}{own}{source.table}"

    def specs(self) -> Iterator[TriggerSpec]:
        """Insert only for a kind whose rows are inserted and pruned, never changed."""
        yield self._spec("ins", Event.INSERT, Timing.AFTER, new)
        if self.kind.insert_only:
            return
        columns = [column.name for column in self.table.c if column.name not in self.source.volatile]
        yield self._spec("upd", Event.UPDATE, Timing.AFTER, new, columns)
        yield self._spec("mov", Event.UPDATE, Timing.BEFORE, old, self._place())
        # Before: a joined row may be deleted by the same statement.
        timing = Timing.BEFORE if self.source.via else Timing.AFTER
        yield self._spec("del", Event.DELETE, timing, old)

    def _place(self) -> list[str]:
        return place_of(self.source, self.table)

    def _spec(
        self, suffix: str, event: Event, timing: Timing, row: Any, changed: Sequence[str] = ()
    ) -> TriggerSpec:
        body = mark_via(self.schema, self.kind, self.source, row, self.table)
        when = None if self.source.via else _belongs(self.kind, self.source, self.table, row)
        return TriggerSpec(f"{self.name}_{suffix}", self.table, event, timing, (body,), tuple(changed), when)


def _cascade_spec(schema: Schema, kind: Kind, cascade: Cascade, number: int) -> TriggerSpec:
    """Marks records of another kind that are going to lose rows with this row; on SQLite removes these."""
    table = table_of(schema, cascade.source or kind.table)
    dependent = REGISTRY[cascade.kind]
    source = next(item for item in dependent.sources if item.table == cascade.table)
    rows = table_of(schema, cascade.table)
    joined = [rows.c[there] == old(table.c[here]) for there, here in cascade.join]
    body: list[Any] = [mark_rows(schema, dependent, source, rows, joined)]
    if schema.dialect == "sqlite":
        body.append(sa.delete(rows).where(*joined))
    name = f"{PREFIX}{table.name}_cas{number}"
    return TriggerSpec(name, table, Event.DELETE, Timing.BEFORE, tuple(body))


def place_of(source: Source, table: Any) -> list[str]:
    """The columns of a table that say which record a row belongs to."""
    if not source.via:
        return [name for name in (*source.key, *source.where) if name in table.c]
    return [here for _, here in source.via[0][1]]


def table_of(schema: Schema, name: str) -> Any:
    """The table as this database has it."""
    return sa.table(name, *(sa.column(item.name, item.type) for item in schema.columns[name].values()))


def _belongs(kind: Kind, source: Source, table: Any, row: Any) -> Any:
    """The condition under which a row of the table belongs to the kind; None if all do."""
    conditions = [row(table.c[name]) == _constant(value) for name, value in source.where.items()]
    if kind.hidden and source.table == kind.table:
        conditions += [row(table.c[source.key[0]]) != hidden for hidden in sorted(kind.hidden)]
    return sa.and_(*conditions) if conditions else None


def _constant(value: Any) -> Any:
    return (sa.true() if value else sa.false()) if isinstance(value, bool) else value


def mark_via(schema: Schema, kind: Kind, source: Source, row: Any, table: Any) -> Any:
    """The statement that marks the record of a row; ``row`` gives the expression for one of its columns."""
    if not source.via:
        key = key_text(*(row(table.c[name]) for name in source.key))
        return sa.insert(DIRTY).values(kind=sa.literal(kind.name), key=key, stamped_at=now_microseconds())
    first, pairs = source.via[0]
    start = table_of(schema, first)
    joined = [start.c[there] == row(table.c[here]) for there, here in pairs]
    rest = Source(first, source.key, (), source.via[1:], source.where)
    return mark_rows(schema, kind, rest, start, joined)


def mark_rows(schema: Schema, kind: Kind, source: Source, rows: Any, conditions: list[Any]) -> Any:
    """Marks the records to which rows of ``source.table`` belong; none if they can't be found any more."""
    tables = [rows]
    for name, pairs in source.via:
        further = table_of(schema, name)
        conditions = [*conditions, *(further.c[there] == tables[-1].c[here] for there, here in pairs)]
        tables.append(further)
    last = tables[-1]
    conditions = [*conditions, *(last.c[name] == _constant(value) for name, value in source.where.items())]
    if kind.hidden and last.name == kind.table:
        conditions += [last.c[source.key[0]] != hidden for hidden in sorted(kind.hidden)]
    key = key_text(*(last.c[name] for name in source.key))
    chosen = sa.select(sa.literal(kind.name), key, now_microseconds())
    chosen = chosen.select_from(*tables).where(*conditions)
    return sa.insert(DIRTY).from_select(["kind", "key", "stamped_at"], chosen)
