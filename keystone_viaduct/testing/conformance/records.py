"""Records, feeds, tombstones and tallies: what every store does."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from keystone_viaduct.kinds.hashing import Hashing
from keystone_viaduct.sync.charter import Coverage
from keystone_viaduct.sync.external import External, ExternalDrivers
from keystone_viaduct.sync.model import (
    Bucket,
    Dot,
    Entry,
    Record,
    Ref,
    Tally,
    bucket_of,
    evicted_fields,
)
from keystone_viaduct.sync.ports import Store, Transaction
from keystone_viaduct.testing.conformance.samples import (
    EAST,
    NOW,
    WEST,
    StoreSuite,
    record,
)


class RecordsSuite(StoreSuite):
    """Records, feeds, tombstones and tallies."""

    def test_records_come_back_as_they_were_saved(self, store: Store) -> None:
        saved = [
            record(Ref("user", "u1"), 1, scope="default"),
            record(Ref("user", "U1"), 2, learned_from=WEST),
            record(Ref("group", "u1"), 3, unknown={"extra.new": ["a", None, 1.5, {"b": True}]}),
            record(Ref("region", "Ümlaut %25/%2F"), 4, deleted=True, scope="user/u1"),
            record(Ref("credential", "c1"), 5, external=(External("user", "uid=Ü,ou=a", "default"),)),
        ]
        store.run(lambda tx: tx.save_records(saved))
        found = store.run(lambda tx: tx.records([*(item.ref for item in saved), Ref("user", "none")]))
        assert found == {item.ref: item for item in saved}

    def test_no_driver_is_external_where_nobody_says_so(self, store: Store) -> None:
        assert store.run(lambda tx: tx.external_drivers()) == ExternalDrivers()

    def test_hashes_may_cost_what_keystone_makes_by_default_where_nobody_says_so(self, store: Store) -> None:
        assert store.run(lambda tx: tx.hashing()) == Hashing()

    def test_a_record_that_is_saved_again_replaces_the_old_one(self, store: Store) -> None:
        ref = Ref("user", "u1")
        store.run(lambda tx: tx.save_records([record(ref, 1), record(Ref("user", "u2"), 2)]))
        store.run(lambda tx: tx.save_records([record(ref, 3, deleted=True)]))
        assert store.run(lambda tx: tx.feed(0, 10, None)) == [
            record(Ref("user", "u2"), 2),
            record(ref, 3, deleted=True),
        ]

    def test_the_feed_is_in_order_and_in_pages(self, store: Store) -> None:
        records = [record(Ref("user", f"u{seq}"), seq) for seq in range(1, 1201)]
        store.run(lambda tx: tx.save_records(records[::-1]))
        seqs = store.run(lambda tx: [item.seq for item in tx.feed(0, 1000, None) + tx.feed(1000, 1000, None)])
        assert seqs == list(range(1, 1201))
        assert store.run(lambda tx: len(tx.records([item.ref for item in records]))) == 1200

    def test_the_feed_leaves_out_what_the_reader_sent(self, store: Store) -> None:
        def work(tx: Transaction) -> list[int]:
            tx.save_records(
                [
                    record(Ref("user", "u1"), 1, learned_from=WEST),
                    record(Ref("user", "u2"), 2, learned_from="south#1"),
                    record(Ref("user", "u3"), 3),
                ]
            )
            return [item.seq for item in tx.feed(0, 10, WEST)]

        assert store.run(work) == [2, 3]

    def test_the_feed_is_picked_by_kinds_and_domains(self, store: Store) -> None:
        """What is surely outside is left out; what touches several domains or has moved may stay."""
        coverage = Coverage(frozenset({"user", "role"}), frozenset({"acme", "default"}))

        def work(tx: Transaction) -> dict[str, list[int]]:
            tx.save_records(
                [
                    record(Ref("user", "u1"), 1, scope="acme"),
                    record(Ref("user", "u2"), 2, scope="other"),
                    record(Ref("group", "g"), 3, scope="acme"),
                    record(Ref("role", "r"), 4),
                    record(Ref("user", "u5"), 5, scope="acme/other"),
                    record(Ref("user", "u6"), 6, scope="other", former=("acme",)),
                    record(Ref("user", "u7"), 7, scope="acme/default", learned_from=WEST),
                    record(Ref("user", "u8"), 8, deleted=True, scope="acme"),
                    record(Ref("user", "u9"), 9, deleted=True, scope="other"),
                ]
            )
            assert tx.scopes([Ref("user", "u5"), Ref("role", "r"), Ref("user", "none")]) == {
                Ref("user", "u5"): "acme/other",
                Ref("role", "r"): None,
            }
            return {
                "picked": [r.seq for r in tx.feed(0, 10, None, coverage)],
                "for west": [r.seq for r in tx.feed(1, 10, WEST, coverage)],
                "outside": [r.seq for r in tx.outside(0, 9, 10, coverage)],
                "outside, in parts": [r.seq for r in tx.outside(2, 5, 1, coverage)],
                "nothing outside": [r.seq for r in tx.outside(0, 9, 10, Coverage())],
                "no domain": [r.seq for r in tx.feed(0, 10, None, Coverage(domains=frozenset()))],
            }

        found = store.run(work)
        assert {1, 4, 6, 7, 8} <= set(found["picked"]) <= {1, 4, 5, 6, 7, 8}
        assert {4, 6, 8} <= set(found["for west"]) <= {4, 5, 6, 8}
        assert found["outside"] == [2, 3, 5, 6]
        assert found["outside, in parts"] == [3]
        assert not found["nothing outside"]
        assert {4} <= set(found["no domain"]) <= {4, 5, 6, 7}

    def test_what_was_evicted_is_in_no_feed_and_no_tally(self, store: Store) -> None:
        gone = replace(record(Ref("user", "u1"), 1), fields=evicted_fields(NOW, Dot(EAST, 1)))

        def work(tx: Transaction) -> None:
            tx.save_records([gone, record(Ref("user", "u2"), 2)])
            assert tx.records([gone.ref]) == {gone.ref: gone}
            assert tx.evicted(10) == [gone] and tx.evicted(10, gone.seq) == []
            tx.save_records([replace(gone, ref=Ref("user", f"u{seq}"), seq=seq) for seq in (-7, 9, 5)])
            assert [r.seq for r in tx.evicted(10)] == [-7, 1, 5, 9]
            assert [r.seq for r in tx.evicted(2, -7)] == [1, 5]
            assert [r.seq for r in tx.feed(0, 10, None)] == [2]
            assert [r.seq for r in tx.outside(0, 10, 10, Coverage(kinds=frozenset()))] == [2]
            assert tx.tallies(None)[Bucket("user")].number == 1
            assert [entry.seq for entry in tx.entries(Bucket("user"))] == [2]

        store.run(work)

    def test_records_that_carry_fields_are_found(self, store: Store) -> None:
        def work(tx: Transaction) -> list[int]:
            tx.save_records(
                [
                    record(Ref("user", f"u{seq}"), seq, unknown={"new": seq} if seq % 2 else {})
                    for seq in range(1, 8)
                ]
            )
            return [r.seq for r in tx.carrying(1, 2)]

        assert store.run(work) == [3, 5]

    def test_the_release_names_what_can_be_stored(self, store: Store) -> None:
        def work(tx: Transaction) -> dict[str, list[str]]:
            assert tx.release_is_current()
            found: dict[str, list[str]] = json.loads(tx.release())
            return found

        assert set(store.run(work)) >= {"user", "project", "assignment"}

    def test_tombstones_are_found_and_dropped(self, store: Store) -> None:
        dead = [record(Ref("user", f"u{seq}"), seq, deleted=True) for seq in (1, 3, 5)]
        store.run(lambda tx: tx.save_records([*dead, record(Ref("user", "u2"), 2)]))
        assert store.run(lambda tx: [item.seq for item in tx.tombstones(4, 10)]) == [1, 3]
        assert store.run(lambda tx: [item.seq for item in tx.tombstones(9, 1)]) == [1]
        assert store.run(lambda tx: [item.seq for item in tx.tombstones(4, 10, 1)]) == [3]
        store.run(lambda tx: tx.drop_records([dead[0].ref, dead[2].ref]))
        assert store.run(lambda tx: [item.seq for item in tx.feed(0, 10, None)]) == [2, 3]

    def test_tallies_go_digit_by_digit_down_to_the_records(self, store: Store) -> None:
        refs = [Ref(kind, f"k{number}") for kind in ("user", "group") for number in range(300)]
        saved = [record(ref, seq, deleted=seq % 7 == 0) for seq, ref in enumerate(refs, 1)]
        store.run(lambda tx: tx.save_records(saved))

        def expected(within: list[Bucket] | None, digits: int) -> dict[Bucket, Tally]:
            found: dict[Bucket, Tally] = {}
            for item in saved:
                name = f"{bucket_of(item.ref):04x}"
                bucket = Bucket(item.ref.kind, name[:digits])
                if within is None or Bucket(item.ref.kind, name[: digits - 1]) in within:
                    number, total = found.get(bucket, (0, 0))
                    found[bucket] = Tally(number + 1, (total + item.fingerprint) % 2**64)
            return found

        roots = store.run(lambda tx: tx.tallies(None))
        assert roots == expected(None, 0) and len(roots) == 2
        level = [Bucket("user")]
        for digits in range(1, 5):
            below = store.run(lambda tx, level=level: tx.tallies(level))  # type: ignore[misc]
            assert below == expected(level, digits)
            level = [*below]
        assert store.run(lambda tx: tx.tallies([Bucket("role"), *level[:2]][:1])) == {}
        listed = store.run(lambda tx: [entry for bucket in level for entry in tx.entries(bucket)])
        assert sorted(listed, key=lambda entry: entry.seq) == [
            Entry(item.ref, item.fingerprint, item.seq, item.version if item.deleted else None)
            for item in saved[:300]
        ]

    def test_tallies_of_what_a_limited_site_is_to_have(self, store: Store) -> None:
        scopes = [None, "d1", "d2", "d1/d2"]
        saved = [record(Ref("user", f"u{n}"), n + 1, scope=scopes[n % 4]) for n in range(40)]
        store.run(lambda tx: tx.save_records([*saved, record(Ref("role", "r"), 99)]))
        chosen = [item for item in saved if item.scope in (None, "d1")]
        limited, by_kind = Coverage(None, frozenset({"d1"})), Coverage(frozenset({"role"}))

        def tally(items: list[Record]) -> Tally:
            return Tally(len(items), sum(item.fingerprint for item in items) % 2**64)

        def work(tx: Transaction) -> Any:
            below = tx.tallies([Bucket("user")], limited)
            listed = [entry for bucket in below for entry in tx.entries(bucket, limited)]
            return tx.tallies(None, limited), tx.tallies(None, by_kind), below, listed

        roots, roles, below, listed = store.run(work)
        assert roots[Bucket("user")] == tally(chosen) and len(roots) == 2
        assert list(roles) == [Bucket("role")]
        assert sum(found.number for found in below.values()) == len(chosen)
        assert sorted(entry.ref for entry in listed) == sorted(item.ref for item in chosen)

    def test_a_record_that_changes_changes_its_tally(self, store: Store) -> None:
        ref = Ref("user", "u1")
        store.run(lambda tx: tx.save_records([record(ref, 1)]))
        before = store.run(lambda tx: tx.tallies(None))
        store.run(lambda tx: tx.save_records([record(ref, 1).at(9)]))
        assert store.run(lambda tx: tx.tallies(None)) == before, "a position is no content"
        store.run(lambda tx: tx.save_records([record(ref, 2)]))
        assert store.run(lambda tx: tx.tallies(None)) != before
