"""What clients leave over that die is taken away; nothing else is, whoever works meanwhile."""

from __future__ import annotations

import contextlib
import random
from typing import Any

import pytest

from keystone_viaduct.cassandra.records import NameTaken, Records
from keystone_viaduct.cassandra.records.ports import Tables
from keystone_viaduct.cassandra.records.record import decode
from keystone_viaduct.cassandra.records.repair import Repair, Repaired
from keystone_viaduct.clock import ManualClock, SystemClock
from keystone_viaduct.errors import StoreError
from keystone_viaduct.testing.cassandra.memory import MemoryTables
from keystone_viaduct.testing.cassandra.stepping import (
    Chance,
    Crashed,
    Interleaving,
    Stepping,
    dying_after,
    interrupted,
    patient,
)
from tests.unit.cassandra.roster import SHAPE, Exists, Missing, alter, check, create, delete, living


def repaired(tables: Any, *, dry: bool = False) -> Repaired:
    """Look at all of it once."""
    return Repair(tables, SystemClock(), [SHAPE], dry=dry).run()


def left_over(tables: MemoryTables) -> int:
    """Claims without a record that has the name, and rows that no record confirms."""
    records = living(tables)
    named = {claim for fields in records.values() for claim in SHAPE.claims(fields)}
    listed = {row for key, fields in records.items() for row in SHAPE.rows(key, fields)}
    there = {row for row, (_, present) in tables.listings.get("role", {}).items() if present}
    return len(tables.claims.keys() - named) + len(there - listed)


WORKS = {
    "create": lambda records: create(records, "b", "other"),
    "rename": lambda records: alter(records, "a", name="new", domain_id="e"),
    "delete": lambda records: delete(records, "a"),
}


@pytest.mark.parametrize("work", WORKS)
def test_after_a_crash_at_any_step_nothing_is_left_over_and_no_record_is_touched(work: str) -> None:
    dirty = 0
    for step in range(1, 20):
        tables = MemoryTables()
        create(Records(tables, backoff=patient()), "a", "old")
        with contextlib.suppress(Crashed):
            WORKS[work](Records(Stepping(tables, dying_after(step)), backoff=patient()))
        before, over = living(tables), left_over(tables)
        dirty += over > 0
        seen = repaired(tables, dry=True)
        assert (seen.void + seen.dangling, left_over(tables)) == (over, over), "looking changes nothing"
        done = repaired(tables)
        assert (done.void + done.dangling, done.left) == (over, 0)
        assert left_over(tables) == 0 and living(tables) == before
        check(tables)
        again = repaired(tables)
        assert (again.void, again.dangling) == (0, 0)
    assert dirty >= 2


@pytest.mark.parametrize("stop", ["write", "list_put"])
def test_a_writer_that_paused_before_its_record_begins_again_and_loses_nothing(stop: str) -> None:
    tables = MemoryTables()
    paused = Stepping(tables, interrupted(stop, lambda: repaired(tables)))
    create(Records(paused, backoff=patient()), "a", "name")
    assert living(tables)["a"]["name"] == "name"
    check(tables)
    assert left_over(tables) == 0


def test_rows_of_a_writer_that_died_with_a_clock_ahead_are_taken_away_too() -> None:
    tables = MemoryTables()
    ahead = ManualClock(SystemClock().now() + 5_000_000)
    with contextlib.suppress(Crashed):
        create(Records(Stepping(tables, dying_after(3)), ahead, patient()), "a", "name")
    assert left_over(tables) > 0
    repaired(tables)
    assert left_over(tables) == 0
    create(Records(tables, backoff=patient()), "a", "name")
    check(tables)


@pytest.mark.parametrize("stop", ["list_drop", "unclaim", "write", "scan_rows"])
def test_a_record_that_is_changed_while_it_is_repaired_keeps_its_rows_and_its_name(stop: str) -> None:
    tables = MemoryTables()
    mine = Records(tables, backoff=patient())
    create(mine, "a", "old")
    with contextlib.suppress(Crashed):  # what is left over: the claim of `new`, and rows of it
        alter(Records(Stepping(tables, dying_after(3)), backoff=patient()), "a", name="new", domain_id="e")
    assert left_over(tables) > 0
    meanwhile = interrupted(stop, lambda: alter(mine, "a", name="new", domain_id="e"))
    repaired(Stepping(tables, meanwhile))
    assert living(tables)["a"]["name"] == "new"
    check(tables)
    repaired(tables)
    check(tables)
    assert left_over(tables) == 0


@pytest.mark.parametrize("seed", range(60))
def test_clients_that_die_and_repairs_in_any_order_keep_all_that_must_hold(seed: int) -> None:
    rng = random.Random(seed)
    tables = MemoryTables()
    chance = Chance(rng, death=0.03, loss=0.08)
    order = Interleaving(rng, lambda: check(tables))

    def stepping() -> Tables:
        return Stepping(tables, order.around(chance.step))

    def client() -> None:
        records = Records(stepping(), backoff=patient())
        for _ in range(3):
            key, name = rng.choice("abc"), rng.choice("xyz")
            work = rng.choice((create, alter, delete))
            with contextlib.suppress(Exists, Missing, NameTaken, StoreError, Crashed):
                if work is create:
                    create(records, key, name)
                elif work is alter:
                    alter(records, key, name=name, domain_id=rng.choice("de"))
                else:
                    delete(records, key)

    def repairing() -> None:
        for _ in range(2):
            with contextlib.suppress(StoreError, Crashed):
                repaired(stepping())

    order.run([client, client, client, repairing])
    while chance.late:
        chance.late.pop()()
        check(tables)
    before = living(tables)
    repaired(tables)
    check(tables)
    assert left_over(tables) == 0 and living(tables) == before
    assert all(decode(stored) is not None or not stored.fields for stored in tables.partitions.values())
