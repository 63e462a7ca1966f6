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

from .across import Collations, move_specs
from .changes import AnyBridge
from .computed import Computed
from .computing import computed_specs
from .expression import Condition, Every, Expression, Not
from .move import Move
from .pieces import has_changed
from .rendering import columns_of, stored, table_of, to_sql
from .shape import PREFIX, Bridge, Column

_SUFFIX = {Event.UPDATE: "upd", Event.INSERT: "ins"}


@lru_cache(maxsize=256)
def compiled_bridge(
    bridge: AnyBridge, engine: str, schema: str | None = None, collations: Collations = ()
) -> tuple[CompiledTrigger, ...]:
    """The triggers as SQL of one engine, in the order in which they are to be created."""
    return tuple(compile(spec, engine, schema=schema) for spec in bridge_specs(bridge, collations))


def bridge_specs(bridge: AnyBridge, collations: Collations = ()) -> tuple[TriggerSpec, ...]:
    """The triggers, in the order in which they are to be created."""
    if isinstance(bridge, Move):
        return move_specs(bridge, collations)
    return computed_specs(bridge) if isinstance(bridge, Computed) else _row_specs(bridge)


@lru_cache(maxsize=256)
def _row_specs(bridge: Bridge) -> tuple[TriggerSpec, ...]:
    table = table_of(bridge)
    bodies = _Bodies(bridge, table)

    def spec(
        event: Event, body: tuple[Any, ...], rest: Condition, names: tuple[str, ...] = ()
    ) -> TriggerSpec:
        name = f"{PREFIX}{bridge.name}_{_SUFFIX[event]}"
        when = to_sql(Not(rest), bodies.resolve)
        return TriggerSpec(name, table, event, Timing.BEFORE, body, names, when, complete=True, invoker=True)

    asked = bridge.old if bridge.one_way else bridge.columns
    if bridge.exact or bridge.once:  # comparing both sides costs less than asking which columns have changed
        asked = ()
    return (
        spec(Event.UPDATE, bodies.updated(), bridge.at_rest(), tuple(column.name for column in asked)),
        spec(Event.INSERT, bodies.inserted(), bridge.settled()),
    )


class _Bodies:
    """What the triggers of a bridge do with a row that is not as it should be.

    A branch gives one side what the other says. Where that is what the side has already nothing happens, so
    a row has to be left alone only where the *other* direction says that it is consistent. Where each old
    value comes back from the new side, that direction never says more than the first.
    """

    def __init__(self, bridge: Bridge, table: sa.Table) -> None:
        self.bridge = bridge
        self.table = table
        self.resolve = columns_of(table, new)
        self._up = self._side(bridge.new, bridge.total_up())
        self._down = () if bridge.one_way else self._side(bridge.old, bridge.total_down())

    def updated(self) -> tuple[Any, ...]:
        """The side that was changed counts, the new one if both were."""
        bridge = self.bridge
        if bridge.once:
            return (branch(self._sql(Not(bridge.at_rest())), *self._up),)
        old_changed = self._changed(bridge.old)
        if bridge.one_way:
            return (branch(sa.and_(sa.not_(self._changed(bridge.new)), old_changed), *self._up),)
        from_new = sa.or_(self._changed(bridge.new), *map(self._sql, bridge.missing().of))
        derived = None if bridge.reversible else self._sql(bridge.derived())
        return (
            branch(from_new, *self._down, unless=self._filled()),
            branch(old_changed, *self._up, unless=derived),
        )

    def inserted(self) -> tuple[Any, ...]:
        """The side that was given counts."""
        given = self._sql(self.bridge.given())
        if self.bridge.one_way:
            return (branch(sa.not_(given), *self._up),)
        return (branch(given, *self._down, unless=self._filled()), branch(None, *self._up))

    def _filled(self) -> Any | None:
        """Whether the new side is what ``up`` makes of the old one, and that one is complete."""
        if self.bridge.reversible:
            return None
        missing = self.bridge.missing()
        return self._sql(
            Every((Not(missing), self.bridge.filled()) if missing.of else (self.bridge.filled(),))
        )

    def _sql(self, condition: Condition) -> Any:
        return to_sql(condition, self.resolve)

    def _side(self, columns: tuple[Column, ...], values: tuple[Expression, ...]) -> tuple[Any, ...]:
        return tuple(
            assign(self.table.c[column.name], stored(self.table.c[column.name], value, self.resolve))
            for column, value in zip(columns, values, strict=True)
        )

    def _changed(self, columns: tuple[Column, ...]) -> Any:
        return sa.or_(*(has_changed(self.table.c[column.name]) for column in columns))
