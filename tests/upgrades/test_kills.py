"""A runner that is killed, and two of them at once: a share of `make test-upgrade-kills`."""

from __future__ import annotations

import random
import threading

import pytest

from keystone_viaduct.clock import ManualClock
from keystone_viaduct.errors import LeaseHeld
from keystone_viaduct.upgrade.ddl import open_database
from keystone_viaduct.upgrade.journal import SqlJournal
from keystone_viaduct.upgrade.steps import State
from tests.support.databases import Databases
from tests.upgrades.kills import play


@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
def test_a_runner_that_is_killed_is_followed_by_one_that_goes_on(
    engine_name: str, databases: Databases
) -> None:
    seed = random.randrange(1_000_000)
    tally = play(databases, engine_name, 3, random.Random(seed))
    assert not tally.violations, (seed, tally.violations)


def test_of_two_runners_the_second_waits_and_one_that_was_taken_over_can_write_no_more(
    database_url: str,
) -> None:
    clock, database = ManualClock(), open_database(database_url)
    first, second = (
        SqlJournal(database.engine, clock, holder=name, seconds=60.0) for name in ("a:1:1", "b:2:2")
    )
    first.prepare()
    first.acquire()
    first.begin("next", "digest")
    with pytest.raises(LeaseHeld, match="a:1:1 is at work"):
        second.acquire()
    clock.advance(61_000_000)  # the first one stands still
    second.acquire()
    with pytest.raises(LeaseHeld, match="taken over"):
        first.move("next", State.EXPANDING)
    assert second.state("next") is State.PLANNED
    second.move("next", State.EXPANDING)
    first.release()
    with pytest.raises(LeaseHeld):
        SqlJournal(database.engine, clock, holder="c:3:3").acquire()
    second.release()
    assert threading.active_count() < 20
    database.close()
