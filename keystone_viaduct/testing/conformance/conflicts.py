"""The list of conflicts: what every store does."""

from __future__ import annotations

from dataclasses import replace

from keystone_viaduct.sync.model import (
    Conflict,
    Document,
    Ref,
)
from keystone_viaduct.sync.ports import Store, Transaction
from keystone_viaduct.testing.conformance.samples import (
    NOW,
    StoreSuite,
)


class ConflictsSuite(StoreSuite):
    """The list of conflicts."""

    def test_what_closed_conflicts_lost_is_forgotten(self, store: Store) -> None:
        def row(number: int, at: int, is_open: bool) -> Conflict:
            lost: Document = {"name": "x"}
            return Conflict(
                f"c{number}", Ref("user", "u"), "s", "d", "e", ("name",), "west", at, lost, is_open
            )

        def work(tx: Transaction) -> tuple[int, int]:
            tx.add_conflicts([row(1, NOW, False), row(2, NOW, True), row(3, NOW + 9, False)])
            return tx.forget_lost(NOW + 5), tx.forget_lost(NOW + 5)

        assert store.run(work) == (1, 0)

    def test_old_closed_conflicts_are_dropped(self, store: Store) -> None:
        def row(number: int, at: int, is_open: bool = False, seq: int = 3, into: str = "") -> Conflict:
            said = f"c{number}", Ref("user", "u"), "s", "d", "e", ("name",), "west", at
            return Conflict(*said, {}, is_open, seq=seq, into=into)

        def work(tx: Transaction) -> tuple[list[int], list[str]]:
            tx.add_conflicts([row(1, NOW), row(2, NOW + 1), row(3, NOW, is_open=True), row(4, NOW + 9)])
            tx.add_conflicts([row(5, NOW, seq=7), row(6, NOW, into="v")])
            return [tx.drop_conflicts(NOW + 5, 6, 1) for _ in range(3)], tx.conflict_ids()

        assert store.run(work) == ([1, 1, 0], ["c3", "c5", "c6", "c4"])

    def test_conflicts_are_appended(self, store: Store) -> None:
        rows = [
            Conflict(
                f"c{number}",
                Ref("user", "u1"),
                "concurrent",
                "hub",
                "why",
                ("name",),
                "west",
                NOW,
                {"name": "x"},
            )
            for number in range(2)
        ]
        store.run(lambda tx: tx.add_conflicts(rows[:1]))
        store.run(lambda tx: tx.add_conflicts(rows[1:]))
        store.run(lambda tx: tx.add_conflicts([]))

    def test_conflicts_are_read_by_position_and_closed(self, store: Store) -> None:
        ref = Ref("user", "u1")
        rows = [
            Conflict(
                f"c{seq}", ref, "s", "hub", "why", ("name",), "west", NOW - seq, {"name": "x"}, True, "", seq
            )
            for seq in (4, 9, 0)
        ]
        store.run(lambda tx: tx.add_conflicts(rows))

        def between(after: int, upto: int, limit: int = 9) -> list[str]:
            return [row.id for row in store.run(lambda tx: tx.conflicts_between(after, upto, limit))]

        assert (between(0, 9), between(4, 9), between(0, 8), between(0, 9, 1)) == (
            ["c4", "c9"],
            ["c9"],
            ["c4"],
            ["c4"],
        )
        assert store.run(lambda tx: tx.conflict_ids()) == ["c9", "c4", "c0"]
        store.run(lambda tx: tx.place_conflicts({"c0": 11, "c4": 12}))
        store.run(lambda tx: tx.close_conflicts(["c4"], "kept"))
        assert between(9, 20) == ["c0", "c4"]
        found = store.run(lambda tx: tx.known_conflicts(["c4", "c7"]))
        assert found == {"c4": replace(rows[0], open=False, resolution="kept", seq=12)}

    def test_a_record_that_was_merged_is_known_by_what_it_became(self, store: Store) -> None:
        def row(number: int, key: str, into: str) -> Conflict:
            ref = Ref("user", key)
            return Conflict(
                f"c{number}", ref, "merged", "operator", "why", (), "hub", NOW + number, {}, into=into
            )

        rows = [row(2, "a", "c"), row(1, "a", "b"), row(3, "d", ""), row(4, "e", "f")]
        store.run(lambda tx: tx.add_conflicts(rows))
        asked = [Ref("user", "a"), Ref("user", "d"), Ref("group", "e"), Ref("user", "z")]
        assert store.run(lambda tx: tx.aliases(asked)) == {Ref("user", "a"): "c"}
        assert store.run(lambda tx: tx.aliases([])) == {}
        store.run(lambda tx: tx.close_conflicts(["c2"], "restored"))
        assert store.run(lambda tx: tx.aliases(asked)) == {Ref("user", "a"): "b"}
        assert store.run(lambda tx: tx.known_conflicts(["c4"])["c4"]) == rows[3]
