"""Triggers that keep SQLite's references where a connection does not.

Keystone's connections and ours ask SQLite to keep foreign keys. Others do not: a shell, Keystone without
Viaduct, a site that has switched it off. What a cascade should have removed would stay; and where it belongs
to a row by that row's number, the next row that is given the number would own it: another user's passwords,
roles that nobody gave. So a trigger removes what goes with a row, and another what is there already for a new
row's number: that can only be left over from an earlier one.
"""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from keystone_viaduct.documents.schema import Schema
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.capture.specs import PREFIX, table_of
from keystone_viaduct.triggers import Event, Timing, TriggerSpec, new, old

Join = tuple[str, str, tuple[tuple[str, str], ...]]
"""A table, the one whose rows own its rows, and pairs of (column of the first, column of the second)."""


def upholding_specs(schema: Schema) -> list[TriggerSpec]:
    """None but on SQLite."""
    if schema.dialect != "sqlite":
        return []
    owned = [join for join in _owned() if schema.has(join[0]) and schema.has(join[1])]
    numbered = [join for join in _numbered() if schema.has(join[0]) and schema.has(join[1])]
    return [
        *(_spec(schema, owner, owned, Event.DELETE) for owner in dict.fromkeys(join[1] for join in owned)),
        *(
            _spec(schema, owner, numbered, Event.INSERT)
            for owner in dict.fromkeys(join[1] for join in numbered)
        ),
    ]


def _owned() -> Iterator[Join]:
    """What goes with a row of its own record; of other records, the specs of capture remove it."""
    for kind in REGISTRY.values():
        for child in kind.children:
            if child.cascade and not kind.rootless:
                yield child.table, child.parent or kind.table, child.join


def _numbered() -> Iterator[Join]:
    """What belongs to a row by a number that SQLite gives out again."""
    for kind in REGISTRY.values():
        numbers = {kind.table: kind.surrogate} | {child.table: child.surrogate for child in kind.children}
        for child in kind.children:
            owner = child.parent or kind.table
            if numbers[owner] in {there for _, there in child.join}:
                yield child.table, owner, child.join
            if child.lookup is not None:
                column = child.fields[0].stored
                yield child.table, child.lookup.table, ((column, child.lookup.surrogate),)


def _spec(schema: Schema, owner: str, joins: list[Join], event: Event) -> TriggerSpec:
    table = table_of(schema, owner)
    row, timing, suffix = (old, Timing.BEFORE, "own") if event is Event.DELETE else (new, Timing.AFTER, "new")
    body = []
    for name, _, pairs in (join for join in joins if join[1] == owner):
        rows = table_of(schema, name)
        body.append(sa.delete(rows).where(*(rows.c[here] == row(table.c[there]) for here, there in pairs)))
    return TriggerSpec(f"{PREFIX}{owner}_{suffix}", table, event, timing, tuple(body))
