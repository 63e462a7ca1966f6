"""Several clients whose steps are taken in any order, who die, and whose answers are lost or come true
later.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest

from keystone_viaduct.cassandra.records import NameTaken, Records
from keystone_viaduct.clock import ManualClock
from keystone_viaduct.errors import StoreError
from keystone_viaduct.testing.cassandra.memory import MemoryTables
from keystone_viaduct.testing.cassandra.stepping import Chance, Crashed, Interleaving, Stepping, patient
from tests.unit.cassandra.roster import Exists, Missing, alter, check, create, delete, living

KEYS, NAMES = ("a1", "b1", "c1"), ("x", "y")


class Play:
    """Four clients, three records, two names."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.tables = MemoryTables()
        self.chance = Chance(self.rng, death=0.02, loss=0.08)
        self.order = Interleaving(self.rng, self.after_each)
        self.outcomes: Counter[str] = Counter()

    def after_each(self) -> None:
        """What must hold after each step."""
        self.chance.arrive()
        check(self.tables)

    def client(self) -> Records:
        """One, whose clock may be some seconds off."""
        clock = ManualClock(1_700_000_000_000_000 + self.rng.randrange(-5_000_000, 5_000_000))
        return Records(Stepping(self.tables, self.order.around(self.chance.step)), clock, patient(50))

    def work(self) -> None:
        """Some changes at random, until it dies."""
        records = self.client()
        try:
            for _ in range(5):
                self.outcomes[self.once(records)] += 1
        except Crashed:
            self.outcomes["died"] += 1

    def once(self, records: Records) -> str:
        """One change; how it ended."""
        key, name = self.rng.choice(KEYS), self.rng.choice(NAMES)
        what = self.rng.choice(("create", "rename", "delete"))
        try:
            if what == "create":
                create(records, key, name)
            elif what == "rename":
                alter(records, key, name=name)
            else:
                delete(records, key)
        except (Exists, Missing, NameTaken, StoreError) as error:
            return type(error).__name__
        return what

    def run(self) -> None:
        """All of them to their ends, and then what is still to come."""
        self.order.run([self.work] * 4)
        while self.chance.late:
            self.chance.late.pop()()
            check(self.tables)


def test_at_every_moment_each_name_has_one_owner_and_each_record_is_found() -> None:
    outcomes: Counter[str] = Counter()
    for seed in range(250):
        play = Play(seed)
        try:
            play.run()
        except AssertionError as error:
            pytest.fail(f"seed {seed}: {error}")
        outcomes += play.outcomes
        second = Records(play.tables, backoff=patient())
        for number, name in enumerate(NAMES):
            owners = [key for key, fields in living(play.tables).items() if fields["name"] == name]
            if not owners:
                create(second, f"later{number}", name)
                check(play.tables)
    expected = {"create", "rename", "delete", "died", "NameTaken", "Exists", "Missing"}
    assert expected <= outcomes.keys(), outcomes


def test_no_update_is_lost_and_none_is_made_twice() -> None:
    for seed in range(100):
        play = Play(seed)
        create(Records(play.tables, backoff=patient()), "a1", "x")
        made: Counter[str] = Counter()

        def work(play: Play = play, made: Counter[str] = made) -> None:
            records = play.client()
            for _ in range(4):
                try:
                    alter(records, "a1")
                    made["sure"] += 1
                except StoreError:
                    made["unsure"] += 1
                except Crashed:
                    made["unsure"] += 1
                    return

        play.order.run([work] * 4)
        while play.chance.late:
            play.chance.late.pop()()
        count = living(play.tables)["a1"]["count"]
        assert made["sure"] <= count <= made["sure"] + made["unsure"], f"seed {seed}: {made}"


def test_what_was_deleted_for_good_stays_deleted() -> None:
    for seed in range(100):
        play = Play(seed)
        create(Records(play.tables, backoff=patient()), "a1", "x")
        gone = False

        def updates(play: Play = play) -> None:
            records = play.client()
            try:
                while True:
                    alter(records, "a1", name=play.rng.choice(NAMES))
            except (Missing, Crashed, StoreError):
                return

        def deletes(play: Play = play) -> None:
            nonlocal gone
            try:
                delete(play.client(), "a1")
                gone = True
            except (Crashed, StoreError):
                return

        play.order.run([updates, updates, deletes])
        while play.chance.late:
            play.chance.late.pop()()
        assert not (gone and living(play.tables)), f"seed {seed}"
