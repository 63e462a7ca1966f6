"""What the sweep of a site's own tables needs: what every store does."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from keystone_viaduct.sync.model import (
    Dot,
    Held,
    Reason,
    Ref,
    SweepState,
    evicted_fields,
)
from keystone_viaduct.sync.ports import Store, Transaction
from keystone_viaduct.testing.conformance.samples import (
    EAST,
    NOW,
    StoreSuite,
    domain,
    group,
    record,
    user,
)


def _two_held(tx: Transaction, after: Held | None) -> list[Held]:
    return tx.held(2, after)


class SweepingSuite(StoreSuite):
    """What the sweep of a site's own tables needs."""

    def test_the_sweeps_place_is_stored(self, store: Store) -> None:
        assert store.run(lambda tx: tx.sweep_state()) == SweepState()
        for place in (SweepState("user", True, "ü", 1, 2, 3, 4, 5), SweepState(finished=NOW)):
            store.run(lambda tx, place=place: tx.save_sweep_state(place))  # type: ignore[misc]
            assert store.run(lambda tx: tx.sweep_state()) == place

    def test_keys_of_living_records_come_in_batches(self, store: Store) -> None:
        kept = [record(Ref("user", f"u{n}"), n + 1, deleted=n % 3 == 0) for n in range(9)]
        store.run(lambda tx: tx.save_records([*kept, record(Ref("group", "g"), 20)]))

        def walk(tx: Transaction) -> list[str]:
            keys = tx.live_keys("user", "", 4)
            return keys + tx.live_keys("user", keys[-1], 4)

        assert sorted(store.run(walk)) == ["u1", "u2", "u4", "u5", "u7", "u8"]
        assert store.run(lambda tx: tx.count_live("user")) == 6

    def test_keys_of_rows_come_in_batches(self, store: Store) -> None:
        before = store.run(lambda tx: (tx.count_rows("group"), tx.count_rows("user")))
        items = [domain("d1", "d"), *(group(f"g{n}", f"g{n}", "d1") for n in range(5)), user("u", "u", "d1")]
        store.run(lambda tx: self.create(tx, *items))

        def walk(tx: Transaction) -> list[str]:
            keys = tx.row_keys("group", "", 3)
            return keys + tx.row_keys("group", keys[-1], 3)

        assert store.run(walk) == [f"g{n}" for n in range(5)]
        after = store.run(lambda tx: (tx.count_rows("group"), tx.count_rows("user")))
        assert (after[0] - before[0], after[1] - before[1]) == (5, 1)

    def test_keys_that_neither_mark_nor_record_knows(self, store: Store) -> None:
        def work(tx: Transaction) -> list[str]:
            gone = replace(record(Ref("user", "gone"), 3), fields=evicted_fields(NOW, Dot(EAST, 3)))
            tx.save_records([record(Ref("user", "a"), 1), record(Ref("user", "dead"), 2, deleted=True), gone])
            tx.add_marks([Ref("user", "b"), Ref("group", "c")], NOW)
            return tx.unmarked("user", ["a", "b", "c", "dead", "gone"])

        assert store.run(work) == ["c", "dead", "gone"]

    def test_held_deletions_are_kept_once_and_released(self, store: Store) -> None:
        a, b = Ref("user", "a"), Ref("group", "A")
        first = [Held(a, Reason.MISSING, NOW + 1), Held(b, Reason.DANGLING, NOW)]
        store.run(lambda tx: tx.hold(first))
        assert store.run(lambda tx: tx.held(10)) == first[::-1]
        assert store.run(lambda tx: tx.held(1)) == first[1:]
        assert store.run(lambda tx: tx.held(10, first[1])) == first[:1]
        assert store.run(lambda tx: tx.held(1, None, [Reason.MISSING])) == first[:1]
        assert store.run(lambda tx: tx.held(1, first[1], [Reason.DANGLING])) == []
        store.run(lambda tx: tx.hold([Held(a, Reason.MISSING, NOW + 5)]))
        assert store.run(lambda tx: tx.held_of([a, Ref("user", "A")])) == {
            a: Held(a, Reason.MISSING, NOW + 5)
        }
        store.run(lambda tx: tx.let_go([a]))
        assert store.run(lambda tx: [item.ref for item in tx.held(10)]) == [b]

    def test_what_is_held_is_walked_through_in_one_order(self, store: Store) -> None:
        """Of one moment, by kind and key, exactly."""
        refs = [Ref("group", "A"), Ref("group", "a"), Ref("user", "a"), Ref("user", "ä")]
        every = [Held(ref, Reason.MISSING, NOW) for ref in refs]
        every.append(Held(Ref("group", "b"), Reason.MISSING, NOW + 1))
        store.run(lambda tx: tx.hold(every[::-1]))
        walked: list[Held] = []
        while found := store.run(partial(_two_held, after=walked[-1] if walked else None)):
            walked += found
        assert walked == every
