"""A bridge as triggers: what is handed to the compiler of ``keystone_viaduct.triggers``.

One trigger for updates, one for inserts, both before the row is written (on SQLite after it, by an UPDATE).
They act on inconsistent rows only. Deleting a row needs none.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.triggers import (
    CompiledTrigger,
    Event,
    Timing,
    TriggerSpec,
    assign,
    branch,
    compile,
    new,
)

from .expression import Condition, Expression, Not
from .pieces import has_changed
from .rendering import column_type, columns_of, stored, to_sql
from .shape import PREFIX, Bridge, Column

_SUFFIX = {Event.UPDATE: "upd", Event.INSERT: "ins"}


def table_of(bridge: Bridge) -> sa.Table:
    """The table as SQLAlchemy knows it: its key and the columns of the bridge."""
    columns: list[sa.Column[Any]] = [
        sa.Column(column.name, column_type(column.type), primary_key=True, autoincrement=False)
        for column in bridge.table.key
    ]
    columns += [sa.Column(column.name, column_type(column.type)) for column in bridge.columns]
    return sa.Table(bridge.table.name, sa.MetaData(), *columns)


@lru_cache(maxsize=256)
def compiled_bridge(bridge: Bridge, engine: str, schema: str | None = None) -> tuple[CompiledTrigger, ...]:
    """The triggers as SQL of one engine, in the order in which they are to be created."""
    return tuple(compile(spec, engine, schema=schema) for spec in bridge_specs(bridge))


@lru_cache(maxsize=256)
def bridge_specs(bridge: Bridge) -> tuple[TriggerSpec, TriggerSpec]:
    """The triggers, in the order in which they are to be created."""
    table = table_of(bridge)
    resolve = columns_of(table, new)

    def side(columns: tuple[Column, ...], values: tuple[Expression, ...]) -> list[Any]:
        return [
            assign(table.c[column.name], stored(table.c[column.name], value, resolve))
            for column, value in zip(columns, values, strict=True)
        ]

    def changed(columns: tuple[Column, ...], *further: Any) -> Any:
        return sa.or_(*(has_changed(table.c[column.name]) for column in columns), *further)

    up = side(bridge.new, bridge.total_up())
    down = side(bridge.old, bridge.total_down())

    def spec(
        event: Event, body: tuple[Any, ...], done: Condition, names: tuple[str, ...] = ()
    ) -> TriggerSpec:
        name = f"{PREFIX}{bridge.name}_{_SUFFIX[event]}"
        when = to_sql(Not(done), resolve)
        return TriggerSpec(name, table, event, Timing.BEFORE, body, names, when, invoker=True)

    from_new = changed(bridge.new, *(to_sql(item, resolve) for item in bridge.missing().of))
    given = to_sql(bridge.given(), resolve)
    inserted = (branch(given, *down), branch(None, *up))
    if bridge.exact:  # comparing both sides costs less than asking which columns have changed
        updated = (branch(from_new, *down), branch(changed(bridge.old), *up))
        names: tuple[str, ...] = ()
    else:
        updated = (branch(from_new, *down), branch(None, *up))
        names = tuple(column.name for column in bridge.columns)
    return (
        spec(Event.UPDATE, updated, bridge.consistent(), names),
        spec(Event.INSERT, inserted, bridge.settled()),
    )
