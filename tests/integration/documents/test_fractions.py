"""Parts of a second: MySQL rounds them in a DATETIME, MariaDB cuts them off, the others keep them.

A document has whole seconds where Keystone has only the DATETIME, and microseconds where it has a number
beside it. Whatever an engine made of a time that Keystone wrote, the document of it is one that all engines
hold and give back.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.documents.codec import Codecs
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.value import Type
from tests.unit.documents.world import items_of

#: Just below a second, in the middle of one, and just above.
FRACTIONS = (1, 499_999, 500_000, 999_999)
SECOND = datetime(2026, 3, 4, 5, 6, 7)
TIMES = sorted(
    (kind.name, field.name)
    for kind in REGISTRY.values()
    for field in kind.fields
    if field.type is Type.DATETIME and kind.table
)


def written(connection: sa.Connection, table: str, column: str, microsecond: int) -> None:
    """As Keystone itself would write a time there."""
    moment = SECOND.replace(microsecond=microsecond)
    shown = sa.table(table, sa.column(column, sa.DateTime()))
    connection.execute(shown.update().values({column: moment}))


@pytest.mark.parametrize("microsecond", FRACTIONS)
@pytest.mark.parametrize(("kind", "field"), TIMES)
def test_what_an_engine_made_of_a_time_is_written_as_it_was_read(
    world: Codecs, connection: sa.Connection, kind: str, field: str, microsecond: int
) -> None:
    declared = REGISTRY[kind]
    column = next(item.stored for item in declared.fields if item.name == field)
    written(connection, declared.table, column, microsecond)
    before = {each: load_all(world, connection, each) for each in world.kinds}
    assert before[kind]
    for each in reversed(world.kinds):
        world.delete(connection, each, list(before[each]))
    for each in world.kinds:
        world.insert_many(connection, each, list(before[each].items()))
    assert {each: load_all(world, connection, each) for each in world.kinds} == before
    for key, document in before[kind].items():
        assert declared.key_of(document) == key
        assert document[field] is None or str(document[field]).startswith("2026-03-04T05:06:0")


@pytest.mark.parametrize("microsecond", FRACTIONS)
def test_a_number_of_microseconds_is_kept_and_the_time_beside_it_is_the_same_second(
    world: Codecs, connection: sa.Connection, microsecond: int
) -> None:
    moment = 1_772_600_767_000_000 + microsecond
    key, trust = items_of("trust")[0]
    changed = {**trust, "expires_at_int": moment}
    world.write(connection, "trust", key, trust, changed)
    assert world.load(connection, "trust", [key]) == {key: changed}
    beside = sa.table("trust", sa.column("id"), sa.column("expires_at", sa.DateTime()))
    stored: Any = connection.scalar(sa.select(beside.c.expires_at).where(beside.c.id == key))
    assert stored.replace(microsecond=0) == datetime(2026, 3, 4, 5, 6, 7)


def load_all(world: Codecs, connection: sa.Connection, kind: str) -> dict[str, Any]:
    """All documents of a kind."""
    return world.load(connection, kind, world.keys(connection, kind, None, 100))
