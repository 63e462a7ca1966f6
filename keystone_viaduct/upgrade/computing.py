"""Computed columns as triggers: they only leave a mark, with the side that was written."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.triggers import Event, Timing, TriggerSpec, has_changed, key_text, new

from .computed import Computed
from .marks import MARKS
from .move import NEW, OLD
from .pieces import by_others
from .rendering import table_of
from .shape import PREFIX


@lru_cache(maxsize=256)
def computed_specs(bridge: Computed) -> tuple[TriggerSpec, ...]:
    """One for updates, one for inserts."""
    table = table_of(bridge)
    changed = sa.or_(*(has_changed(table.c[column.name]) for column in bridge.new))
    given = sa.or_(*(new(table.c[column.name]).isnot(None) for column in bridge.new))
    something = sa.or_(*(new(table.c[column.name]).isnot(None) for column in (*bridge.old, *bridge.new)))
    key = key_text(*(new(table.c[column.name]) for column in bridge.table.key))

    def mark(from_new: Any) -> Any:
        side = sa.case((from_new, sa.literal(NEW)), else_=sa.literal(OLD))
        return sa.insert(MARKS).values({"bridge": bridge.name, "side": side, "record": key})

    names = tuple(column.name for column in (*bridge.old, *bridge.new))
    updated, inserted = f"{PREFIX}{bridge.name}_upd", f"{PREFIX}{bridge.name}_ins"
    return (
        TriggerSpec(updated, table, Event.UPDATE, Timing.AFTER, (mark(changed),), names, by_others()),
        TriggerSpec(
            inserted, table, Event.INSERT, Timing.AFTER, (mark(given),), when=sa.and_(something, by_others())
        ),
    )
