"""What every implementation of ``sync.ports.Store`` and ``Transaction`` must do.

Subclass :class:`TransactionSuite` and give it a fixture ``store``: a fresh site called ``east``, its own hub,
over Keystone's tables as its migrations leave them, whose edits leave marks.
"""

from __future__ import annotations

import json
import random
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from keystone_viaduct.kinds.hashing import Hashing
from keystone_viaduct.kinds.model import Mode
from keystone_viaduct.sync.charter import Coverage
from keystone_viaduct.sync.external import External, ExternalDrivers
from keystone_viaduct.sync.model import (
    DELETED,
    EVERYTHING,
    JUDGED,
    NAME,
    REFUSED,
    THING,
    UNSTORABLE,
    Bucket,
    Carried,
    Change,
    Checkpoint,
    Conflict,
    Document,
    Dot,
    Due,
    Entry,
    FieldState,
    Held,
    Peer,
    Pending,
    Reason,
    Record,
    Ref,
    SweepState,
    Tally,
    Version,
    bucket_of,
    evicted_fields,
    life,
)
from keystone_viaduct.sync.naming import target_of
from keystone_viaduct.sync.ports import Claim, Store, Transaction, Write

EAST, WEST = "east#00000001", "west#00000002"
NOTE: Any = {"extra.note": {"a": [1]}}
NOW = 1_700_000_000_000_000


def record(ref: Ref, seq: int, *, origin: str = EAST, deleted: bool = False, **more: Any) -> Record:
    """A record numbered ``seq`` whose last edit was made by ``origin``."""
    dot = Dot(origin, seq)
    fields = {DELETED: life(NOW + seq, dot, deleted=deleted)}
    if not deleted:
        fields["name"] = FieldState(NOW + seq, dot, f"{seq:032x}")
        fields["extra.note"] = FieldState(NOW, Dot(WEST, 3), "f" * 32)
    return Record(ref, seq, Version({origin: seq, WEST: 3}), Dot(origin, 1), fields, **more)


def change(ref: Ref, seq: int, document: Document) -> Change:
    """A change as it comes from west."""
    held = record(ref, seq, origin=WEST)
    return Change(ref, seq, held.version, held.birth, held.fields, document, "default")


def region(key: str, parent: str | None = None, **more: Any) -> tuple[Ref, Document]:
    """A region's document."""
    return Ref("region", key), {"id": key, "description": "", "parent_region_id": parent, **more}


def service(key: str) -> tuple[Ref, Document]:
    """A service's document."""
    return Ref("service", key), {"id": key, "type": "compute", "enabled": True}


def endpoint(key: str, service_key: str, region_key: str | None = None) -> tuple[Ref, Document]:
    """An endpoint's document."""
    return Ref("endpoint", key), {
        "id": key,
        "interface": "public",
        "service_id": service_key,
        "region_id": region_key,
        "url": "https://example.org/",
        "enabled": True,
    }


def domain(key: str, name: str) -> tuple[Ref, Document]:
    """A domain's document."""
    return Ref("domain", key), {"id": key, "name": name, "enabled": True}


def group(key: str, name: str, domain_key: str) -> tuple[Ref, Document]:
    """A group's document."""
    return Ref("group", key), {"id": key, "name": name, "domain_id": domain_key, "description": ""}


def user(key: str, name: str, domain_key: str) -> tuple[Ref, Document]:
    """A user's document."""
    return Ref("user", key), {"id": key, "domain_id": domain_key, "enabled": True, "local.name": name}


def _two_held(tx: Transaction, after: Held | None) -> list[Held]:
    return tx.held(2, after)


def membership(user_key: str, group_key: str) -> tuple[Ref, Document]:
    """A membership's document."""
    ref = Ref("membership", f"{user_key}/{group_key}")
    return ref, {"user_id": user_key, "group_id": group_key}


class TransactionSuite:
    """Inherit it in a test module."""

    @pytest.fixture
    def store(self) -> Store:
        """A fresh store; see the module."""
        raise NotImplementedError

    # how the tests write

    @staticmethod
    def create(tx: Transaction, *items: tuple[Ref, Document]) -> None:
        """Create records in the order given."""
        tx.write_documents(
            [Write(ref, None, {**tx.defaults(ref.kind), **document}) for ref, document in items]
        )

    @staticmethod
    def shows(tx: Transaction, ref: Ref, wanted: Document) -> bool:
        """Whether the record is there with at least these fields."""
        found = tx.documents([ref]).get(ref)
        return found is not None and all(found.get(name) == value for name, value in wanted.items())

    # records that the tables can't hold

    def test_what_is_carried_is_kept_whole_and_listed_in_feed_order(self, store: Store) -> None:
        """Its document, secrets too, the reason and the time."""
        whole = Carried({"id": "s1", "extra.note": ["x"]}, None, NAME, "why", NOW, "west")
        part = Carried({"type": "new"}, {"type": "old"}, UNSTORABLE, "a character", NOW + 1)
        one, two = Ref("service", "s1"), Ref("service", "s2")

        def work(tx: Transaction) -> None:
            tx.save_records([record(two, 5, carried=part), record(one, 3, carried=whole)])
            tx.save_records([record(Ref("service", "s3"), 4)])

        store.run(work)

        def check(tx: Transaction) -> None:
            assert [found.carried for found in tx.carried(0, 10)] == [whole, part]
            assert [found.ref for found in tx.carried(3, 10)] == [two]
            assert [found.ref for found in tx.carried(0, 1)] == [one]
            assert [found.ref for found in tx.carried(0, 10, frozenset({UNSTORABLE}))] == [two]
            assert tx.records([one])[one].rowless
            assert not tx.records([two])[two].rowless

        store.run(check)

    def test_what_is_carried_is_found_by_what_it_names(self, store: Store) -> None:
        """Records that it refers to, in whatever way, and values that it claims; not what it once named."""
        user, key = Ref("user", "u"), Ref("credential", "c")
        document = {"id": "c", "user_id": "u", "project_id": "p"}
        whole = Carried(document, None, UNSTORABLE, "why", NOW, claims=("name of it",))
        asked = [target_of(user), target_of(Ref("project", "p")), "name of it", target_of(Ref("user", "v"))]

        def found(targets: list[str]) -> list[Ref]:
            return [record.ref for record in store.run(lambda tx: tx.carried_naming(targets))]

        def save(carried: Carried | None) -> None:
            store.run(lambda tx: tx.save_records([record(key, 1, carried=carried)]))

        assert not store.run(lambda tx: tx.carries())
        save(whole)
        assert store.run(lambda tx: tx.carries())
        store.run(lambda tx: tx.save_records([record(Ref("service", "s"), 2)]))
        assert found(asked) == [key] and found([]) == []
        assert [found([target]) for target in asked] == [[key], [key], [key], []]
        save(replace(whole, document={**document, "user_id": "v"}, claims=()))
        assert [found([target]) for target in asked] == [[], [key], [], [key]]
        store.run(lambda tx: tx.forget_names())
        assert found(asked) == [key]
        save(None)
        assert found(asked) == []
        store.run(lambda tx: tx.forget_names())
        save(whole)
        store.run(lambda tx: tx.drop_records([key]))
        assert found(asked) == []

    def test_what_is_carried_without_a_row_is_not_missed_in_the_tables(self, store: Store) -> None:
        """A sweep goes by the records that should have a row."""
        whole = Carried({"id": "s1"}, None, NAME, "why", NOW)

        def work(tx: Transaction) -> None:
            tx.save_records([record(Ref("service", "s1"), 1, carried=whole)])
            tx.save_records([record(Ref("service", "s2"), 2)])

        store.run(work)
        assert store.run(lambda tx: tx.live_keys("service", "", 10)) == ["s2"]
        assert store.run(lambda tx: tx.count_live("service")) == 1
        assert store.run(lambda tx: tx.unmarked("service", ["s1", "s2"])) == ["s1"]
        assert {tally.number for tally in store.run(lambda tx: tx.tallies(None)).values()} == {2}

    # transactions

    def test_what_the_work_returns_is_returned(self, store: Store) -> None:
        assert store.run(lambda tx: tx.state().site) == "east"

    def test_a_failed_transaction_leaves_nothing(self, store: Store) -> None:
        ref, document = service("s1")

        def work(tx: Transaction) -> None:
            self.create(tx, (ref, document))
            tx.save_records([record(ref, 1)])
            raise LookupError

        with pytest.raises(LookupError):
            store.run(work)
        assert store.run(lambda tx: (tx.documents([ref]), tx.records([ref]), tx.marks_of([ref]))) == (
            {},
            {},
            [],
        )

    # the site

    def test_the_state_is_stored_whole(self, store: Store) -> None:
        def work(tx: Transaction) -> Any:
            state = replace(
                tx.state(),
                head=7,
                nonce="n1",
                knowledge=Version({WEST: 4}),
                term=2,
                purged=3,
                coverage=Coverage(domains=frozenset({"acme", "default"})),
                covered=Coverage(frozenset({"user"}), frozenset()),
                swept=4,
                release="{}",
                caught_up=1_700_000_000_000_000,
                cuts={EAST: 4},
                incarnation="0000abcd",
            )
            tx.save_state(state)
            return state

        saved = store.run(work)
        assert store.run(lambda tx: tx.state()) == saved
        assert saved.fleet_secret

    def test_each_new_nonce_closes_a_batch(self, store: Store) -> None:
        for head, nonce in ((2, "n1"), (5, "n2"), (5, "n2"), (9, "n3")):
            store.run(lambda tx, h=head, n=nonce: tx.save_state(replace(tx.state(), head=h, nonce=n)))  # type: ignore[misc]
        found = store.run(lambda tx: [tx.nonce_at(seq) for seq in (1, 2, 3, 5, 6, 9, 10)])
        assert found == ["n1", "n1", "n2", "n2", "n3", "n3", None]

    def test_a_batch_is_known_by_its_nonce_until_another_ends_where_it_ended(self, store: Store) -> None:
        for head, nonce in ((2, "n1"), (5, "n2"), (5, "n3")):
            store.run(lambda tx, h=head, n=nonce: tx.save_state(replace(tx.state(), head=h, nonce=n)))  # type: ignore[misc]
        found = store.run(lambda tx: [tx.has_batch(nonce) for nonce in ("n1", "n2", "n3", "n4")])
        assert found == [True, False, True, False]

    # records

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

    # marks

    def test_marks_are_taken_oldest_first_and_stay_until_dropped(self, store: Store) -> None:
        refs = [Ref("user", f"u{number}") for number in range(3)]
        store.run(lambda tx: tx.add_marks([*refs, refs[0]], NOW))
        taken = store.run(lambda tx: tx.take_marks(10))
        assert [mark.ref for mark in taken] == [*refs, refs[0]]
        assert {mark.stamped_at for mark in taken} == {NOW}
        assert [mark.id for mark in taken] == sorted(mark.id for mark in taken)
        assert store.run(lambda tx: tx.take_marks(2))[:2] == taken[:2]
        assert store.run(lambda tx: tx.take_marks(2, taken[0].id))[:2] == taken[1:3]
        assert sorted(store.run(lambda tx: tx.take_marks(9, taken[2].id))) == [taken[0], taken[3]]
        assert store.run(lambda tx: tx.take_marks(9, taken[3].id)) == []
        store.run(lambda tx: tx.drop_marks([taken[0].id, taken[1].id]))
        assert store.run(lambda tx: tx.take_marks(10)) == taken[2:]

    def test_marks_of_some_records(self, store: Store) -> None:
        a, b, c = Ref("user", "a"), Ref("user", "A"), Ref("group", "a")
        store.run(lambda tx: tx.add_marks([a, b, c, a], NOW))
        found = store.run(lambda tx: tx.marks_of([a, c]))
        assert sorted(mark.ref for mark in found) == [c, a, a]

    def test_many_marks_are_dropped_at_once(self, store: Store) -> None:
        store.run(lambda tx: tx.add_marks([Ref("user", f"u{number}") for number in range(1300)], NOW))
        store.run(lambda tx: tx.drop_marks([mark.id for mark in tx.take_marks(2000)]))
        assert store.run(lambda tx: tx.take_marks(10)) == []

    def test_an_edit_of_the_tables_leaves_marks(self, store: Store) -> None:
        ref, document = service("s1")
        store.run(lambda tx: self.create(tx, (ref, document)))
        marks = store.run(lambda tx: tx.marks_of([ref]))
        assert marks
        store.run(lambda tx: tx.drop_marks([mark.id for mark in marks]))
        store.run(lambda tx: tx.write_documents([Write(ref, tx.documents([ref])[ref], None)]))
        assert store.run(lambda tx: {mark.ref for mark in tx.take_marks(100)}) == {ref}

    def test_only_the_own_marks_of_a_write_are_dropped_if_any(self, store: Store) -> None:
        (ref, document), (other, another) = service("s1"), service("s2")
        store.run(lambda tx: tx.add_marks([ref], NOW))

        def work(tx: Transaction) -> None:
            self.create(tx, (ref, document), (other, another))
            tx.drop_own_marks([ref])

        store.run(work)
        left = store.run(lambda tx: tx.take_marks(100))
        assert left[0] == (left[0].id, ref, NOW)
        assert {mark.ref for mark in left[1:]} >= {other}
        assert {mark.ref for mark in left} == {ref, other}

    # tables

    def test_documents_are_created_changed_and_deleted(self, store: Store) -> None:
        ref, document = region("r1", None, **NOTE)
        store.run(lambda tx: self.create(tx, (ref, document)))
        assert store.run(lambda tx: self.shows(tx, ref, document))

        def alter(tx: Transaction) -> None:
            old = tx.documents([ref])[ref]
            new = {name: value for name, value in old.items() if name != "extra.note"}
            tx.write_documents([Write(ref, old, {**new, "description": "ü"})])

        store.run(alter)
        found = store.run(lambda tx: tx.documents([ref, Ref("region", "none")]))
        assert list(found) == [ref]
        assert found[ref]["description"] == "ü" and "extra.note" not in found[ref]
        store.run(lambda tx: tx.write_documents([Write(ref, tx.documents([ref])[ref], None)]))
        assert store.run(lambda tx: tx.documents([ref])) == {}

    def test_a_set_is_written_in_an_order_that_references_allow(self, store: Store) -> None:
        items = [
            endpoint("e1", "s1", "child"),
            membership("u1", "g1"),
            group("g1", "g", "d1"),
            user("u1", "u", "d1"),
            region("child", "parent"),
            domain("d1", "d"),
            service("s1"),
            region("parent"),
        ]
        store.run(lambda tx: self.create(tx, *items))
        assert store.run(lambda tx: len(tx.documents([ref for ref, _ in items]))) == len(items)

        def delete(tx: Transaction) -> None:
            found = tx.documents([ref for ref, _ in items])
            tx.write_documents([Write(ref, found[ref], None) for ref, _ in reversed(items)])

        store.run(delete)
        assert store.run(lambda tx: tx.documents([ref for ref, _ in items])) == {}

    def test_a_record_may_leave_another_that_goes_in_the_same_set(self, store: Store) -> None:
        store.run(lambda tx: self.create(tx, service("s1"), endpoint("e1", "s1")))
        (old_service, _), (moved, _), (fresh, document) = service("s1"), endpoint("e1", ""), service("s2")

        def move(tx: Transaction) -> None:
            found = tx.documents([old_service, moved])
            tx.write_documents(
                [
                    Write(old_service, found[old_service], None),
                    Write(moved, found[moved], {**found[moved], "service_id": "s2"}),
                    Write(fresh, None, {**tx.defaults("service"), **document}),
                ]
            )

        store.run(move)
        assert store.run(lambda tx: tx.documents([moved, old_service]).keys()) == {moved}
        assert store.run(lambda tx: self.shows(tx, moved, {"service_id": "s2"}))

    @pytest.mark.parametrize(
        ("kind", "field"), [("user", "local.name"), ("group", "name"), ("domain", "name")]
    )
    def test_two_names_are_swapped(self, store: Store, kind: str, field: str) -> None:
        def make(tx: Transaction) -> None:
            self.create(tx, domain("d1", "one"), domain("d2", "two"))
            self.create(tx, user("u1", "one", "d1"), user("u2", "two", "d1"))
            self.create(tx, group("g1", "one", "d1"), group("g2", "two", "d1"))

        store.run(make)
        first, second = Ref(kind, f"{kind[0]}1"), Ref(kind, f"{kind[0]}2")

        def swap(tx: Transaction) -> None:
            found = tx.documents([first, second])
            tx.write_documents(
                [
                    Write(first, found[first], {**found[first], field: "two"}, vacate=True),
                    Write(second, found[second], {**found[second], field: "one"}, vacate=True),
                ]
            )

        store.run(swap)
        found = store.run(lambda tx: tx.documents([first, second]))
        assert (found[first][field], found[second][field]) == ("two", "one")

    def test_a_name_is_taken_over_from_a_record_that_goes(self, store: Store) -> None:
        (gone, _), (fresh, document) = user("u1", "same", "d1"), user("u2", "same", "d1")
        store.run(lambda tx: self.create(tx, domain("d1", "d"), user("u1", "same", "d1")))

        def take_over(tx: Transaction) -> None:
            old = tx.documents([gone])[gone]
            tx.write_documents(
                [Write(fresh, None, {**tx.defaults("user"), **document}), Write(gone, old, None)]
            )

        store.run(take_over)
        assert store.run(lambda tx: tx.documents([gone, fresh]).keys()) == {fresh}

    def test_referrers_by_the_mode_of_their_reference(self, store: Store) -> None:
        items = [domain("d1", "d"), user("u1", "u", "d1"), group("g1", "g", "d1"), membership("u1", "g1")]
        store.run(lambda tx: self.create(tx, *items))
        owner, member = Ref("user", "u1"), Ref("membership", "u1/g1")
        owning = store.run(lambda tx: tx.referrers([owner, Ref("user", "none")], frozenset({Mode.OWNING})))
        assert owning.get(owner) == [member] and not owning.get(Ref("user", "none"))
        nulling = store.run(lambda tx: tx.referrers([owner], frozenset({Mode.NULLING})))
        assert not nulling.get(owner)
        below = store.run(lambda tx: tx.referrers([Ref("domain", "d1")], frozenset({Mode.OWNING})))
        assert set(below[Ref("domain", "d1")]) == {owner, Ref("group", "g1")}

    def test_holders_of_names(self, store: Store) -> None:
        store.run(
            lambda tx: self.create(tx, domain("d1", "d"), user("u1", "u", "d1"), group("g1", "g", "d1"))
        )
        held = Claim("user", "local_name", ("d1", "u"))
        free = Claim("user", "local_name", ("d1", "other"))
        grouped = Claim("group", "name", ("d1", "g"))
        found = store.run(lambda tx: tx.holders([held, free, grouped]))
        assert found == {held: Ref("user", "u1"), grouped: Ref("group", "g1")}

    @pytest.mark.parametrize("near", ["ada", "Ada", "áda", "ada ", " ada", "adä", "adb", "ad🐧", "ad?"])
    def test_names_are_equal_to_each_other_as_they_are_to_those_in_the_tables(
        self, store: Store, near: str
    ) -> None:
        store.run(lambda tx: self.create(tx, domain("d1", "d"), user("u1", "ada", "d1")))
        held, other = (Claim("user", "local_name", ("d1", name)) for name in ("ada", near))
        folded = store.run(lambda tx: tx.folded([held, other, held]))
        assert folded.keys() == {held, other}
        found = store.run(lambda tx: tx.holders([other]))
        assert (folded[held] == folded[other]) is (found == {other: Ref("user", "u1")})
        assert store.run(lambda tx: tx.folded([other])) == {other: folded[other]}
        assert store.run(lambda tx: tx.folded([])) == {}

    def test_keys_of_records_are_compared_exactly(self, store: Store) -> None:
        """Whatever names are to the database: blanks at the end count, and so do case and accents."""
        keys = ["key", "key  ", "Key", "kéy", "key\t"]
        refs = [Ref("region", key) for key in keys]

        def work(tx: Transaction) -> None:
            tx.save_records([record(ref, number + 1) for number, ref in enumerate(refs)])
            tx.add_marks(refs, NOW)
            tx.hold([Held(ref, Reason.MISSING, NOW) for ref in refs])

        store.run(work)
        for ref in refs:
            assert list(store.run(lambda tx, ref=ref: tx.records([ref]))) == [ref]  # type: ignore[misc]
            assert list(store.run(lambda tx, ref=ref: tx.held_of([ref]))) == [ref]  # type: ignore[misc]
            marks = store.run(lambda tx, ref=ref: tx.marks_of([ref]))  # type: ignore[misc]
            assert [mark.ref for mark in marks] == [ref]

    def test_a_key_is_a_name_where_two_of_them_may_be_equal(self, store: Store) -> None:
        store.run(lambda tx: self.create(tx, domain("d1", "d"), user("key", "ada", "d1")))
        names = store.run(lambda tx: [natural.name for natural in tx.enforced("user")])
        assert names[:3] == ["local_name", "nonlocal_name", "federated"]
        if "key" in names:
            claim = Claim("user", "key", ("KEY",))
            assert store.run(lambda tx: tx.holders([claim])) == {claim: Ref("user", "key")}

    def test_records_are_locked_whether_they_are_there_or_not(self, store: Store) -> None:
        ref, document = service("s1")
        store.run(lambda tx: self.create(tx, (ref, document)))

        def work(tx: Transaction) -> bool:
            there = tx.lock_documents([Ref("service", "none"), ref, Ref("user", "none")])
            return there == {ref} and self.shows(tx, ref, document)

        assert store.run(work)

    def test_known_fields_and_defaults_belong_together(self, store: Store) -> None:
        def work(tx: Transaction) -> bool:
            known, defaults = tx.known_fields("user"), tx.defaults("user")
            return "local.name" in known and "enabled" in known and all(name in known for name in defaults)

        assert store.run(work)

    # sweeps

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

    def test_what_was_chosen_for_a_site_is_kept_as_a_whole(self, store: Store) -> None:
        a, b = Ref("user", "a"), Ref("assignment", "UserProject/a/p/r/0")
        assert store.run(lambda tx: tx.choices("west")) == {}
        store.run(lambda tx: tx.save_choices("west", {a: "hub", b: "both"}))
        store.run(lambda tx: tx.save_choices("south", {a: "site"}))
        assert store.run(lambda tx: tx.choices("west")) == {a: "hub", b: "both"}
        store.run(lambda tx: tx.save_choices("west", {}))
        assert store.run(lambda tx: tx.choices("west")) == {}
        assert store.run(lambda tx: tx.choices("south")) == {a: "site"}

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

    # bookkeeping

    def test_old_batches_are_forgotten(self, store: Store) -> None:
        for head, nonce in ((2, "n1"), (5, "n2"), (9, "n3")):
            store.run(lambda tx, h=head, n=nonce: tx.save_state(replace(tx.state(), head=h, nonce=n)))  # type: ignore[misc]
        assert store.run(lambda tx: [batch for batch in tx.old_batches(5, 10) if batch[0]]) == [
            (2, "n1"),
            (5, "n2"),
        ]
        store.run(lambda tx: tx.drop_batches(5))
        assert store.run(lambda tx: [tx.nonce_at(seq) for seq in (1, 5, 6, 9)]) == ["", "", "n3", "n3"]

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

    def test_checkpoints_are_kept_by_source(self, store: Store) -> None:
        place = Checkpoint("00000002", 7, "n7")
        store.run(lambda tx: tx.save_checkpoint("west", place))
        store.run(lambda tx: tx.save_checkpoint("west", place._replace(seq=8)))
        assert store.run(lambda tx: (tx.checkpoint("west"), tx.checkpoint("south"))) == (
            place._replace(seq=8),
            None,
        )
        store.run(lambda tx: tx.save_checkpoint("west", None))
        assert store.run(lambda tx: tx.checkpoint("west")) is None

    def test_parts_of_a_large_record_are_kept_until_they_are_dropped(self, store: Store) -> None:
        def add(source: str, subject: str, number: int) -> None:
            store.run(lambda tx: tx.save_part(source, subject, number, b"part %d" % number * 1000))

        assert store.run(lambda tx: (tx.parts_had("west"), tx.parts("west"))) == (("", 0), [])
        for number in range(3):
            add("west", "a" * 32, number)
        add("south", "b" * 32, 0)
        assert store.run(lambda tx: tx.parts_had("west")) == ("a" * 32, 3)
        assert store.run(lambda tx: tx.parts("west")) == [b"part %d" % number * 1000 for number in range(3)]
        add("west", "c" * 32, 0)  # another record, or the same one changed: what there was says nothing of it
        assert store.run(lambda tx: (tx.parts_had("west"), len(tx.parts("west")))) == (("c" * 32, 1), 1)
        store.run(lambda tx: tx.drop_parts("west"))
        assert store.run(lambda tx: (tx.parts_had("west"), tx.parts_had("south")[1])) == (("", 0), 1)

    def test_it_is_known_which_records_are_large_without_reading_them(self, store: Store) -> None:
        small, large = Ref("role", "a" * 32), Ref("role", "b" * 32)
        told = {"domain_id": None, "description": None}
        written = [
            Write(small, None, {"id": small.key, "name": "small", **told, "extra.x": "x"}),
            Write(large, None, {"id": large.key, "name": "large", **told, "extra.x": "x" * 30_000}),
        ]
        store.run(lambda tx: tx.write_documents(written))
        found = store.run(lambda tx: tx.large([small, large, Ref("role", "absent")], 10_000))
        assert found.keys() == {large} and found[large] >= 30_000

    def test_what_waits_comes_back_in_the_sources_order(self, store: Store) -> None:
        late = Pending(
            "west", change(Ref("user", "a"), 9, {"local.name": "ü", "extra.x": {"a": [None]}}), "no domain"
        )
        early = Pending(
            "west", change(Ref("user", "b"), 4, {"passwords": [{"password_hash": "x"}]}), "no domain"
        )
        other = Pending("south", change(Ref("user", "a"), 1, {}), "name taken")
        store.run(lambda tx: tx.save_pending("west", [late, early], []))
        store.run(lambda tx: tx.save_pending("south", [other], []))
        assert store.run(lambda tx: (tx.pending("west"), tx.pending("south"))) == ([early, late], [other])

    def test_what_waits_is_replaced_and_forgotten(self, store: Store) -> None:
        a, b = Ref("user", "a"), Ref("user", "b")
        first = [Pending("west", change(ref, seq, {"local.name": "x"}), "r") for ref, seq in ((a, 1), (b, 2))]
        newer = Pending("west", change(a, 5, {"local.name": "y"}), "r")
        store.run(lambda tx: tx.save_pending("west", first, []))
        store.run(lambda tx: tx.save_pending("west", [newer], [b]))
        assert store.run(lambda tx: tx.pending("west")) == [newer]

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
        store.run(lambda tx: tx.close_conflict("c4", "kept"))
        assert between(9, 20) == ["c0", "c4"]
        found = store.run(lambda tx: tx.known_conflicts(["c4", "c7"]))
        assert found == {"c4": replace(rows[0], open=False, resolution="kept", seq=12)}

    def test_what_was_refused_and_what_waits_is_counted(self, store: Store) -> None:
        ann, bob = Ref("user", "ann"), Ref("user", "bob")
        odd = random.Random(1)

        def row(number: int, ref: Ref, site: str, sort: str = REFUSED) -> Conflict:
            return Conflict(
                f"c{number}",
                ref,
                sort,
                "rule",
                "why",
                ("name",),
                site,
                NOW + number,
                {"name": odd.randbytes(600).hex()},
            )

        rows = [row(1, ann, "west"), row(2, bob, "west"), row(3, ann, "west"), row(4, ann, "south")]
        store.run(lambda tx: tx.add_conflicts([*rows, row(5, ann, "west", "concurrent")]))
        found = store.run(lambda tx: tx.refused_volume("west"))
        assert found.rows == 3 and 1800 <= found.size < 6000
        assert store.run(lambda tx: tx.refused_ids("west", 2)) == ["c1", "c2"]
        assert store.run(lambda tx: [c.id for c in tx.listed_refusals("west", [ann], 9)]) == ["c3", "c1"]
        store.run(lambda tx: tx.close_conflict("c3", "kept"))
        assert store.run(lambda tx: [c.id for c in tx.listed_refusals("west", [ann, bob], 9)]) == ["c2", "c1"]
        assert store.run(lambda tx: tx.refused_volume("west")).rows == 2
        assert store.run(lambda tx: tx.refused_volume("north")) == (0, 0)
        assert store.run(lambda tx: tx.waiting_volume("west")) == (0, 0)

    def test_records_of_two_domains_are_found_by_either(self, store: Store) -> None:
        scopes = {"a": "d1/d2", "b": "d0/d1", "c": "d1", "d": "d0/d1/d2", "e": "d2/d11", "f": None}
        dot = Dot("hub#1", 1)
        records = [
            Record(Ref("assignment", k), n, Version({"hub#1": n}), dot, {"x": FieldState(1, dot, "d")}, scope)
            for n, (k, scope) in enumerate(scopes.items(), 1)
        ]
        store.run(lambda tx: tx.save_records(records))
        kinds = {"assignment", "membership"}
        assert store.run(lambda tx: [r.key for r in tx.crossing(kinds, "d1", 9)]) == ["a", "b", "d"]
        assert store.run(lambda tx: [r.key for r in tx.crossing(kinds, "d1", 2)]) == ["a", "b"]
        assert store.run(lambda tx: tx.crossing({"user"}, "d1", 9)) == []

    def test_grants_of_a_domain_are_found_but_those_of_some_roles(self, store: Store) -> None:
        dot = Dot("hub#1", 1)
        scopes = {"a": "d1", "b": "d1", "c": "d1/d2", "d": "d2"}
        roles = {
            "a": ("member/0", "admin/1"),
            "b": ("member/1", "mem_er/0"),
            "c": ("admin/0",),
            "d": ("admin/0",),
        }
        refs = [
            (Ref("assignment", f"UserProject/{who}/web/{role}"), scopes[who])
            for who, them in roles.items()
            for role in them
        ]
        refs.append((Ref("credential", "UserProject/a/web/admin/0"), "d1"))
        fields = {"x": FieldState(1, dot, "d")}
        records = [
            Record(ref, n, Version({"hub#1": n}), dot, fields, scope)
            for n, (ref, scope) in enumerate(refs, 1)
        ]
        store.run(lambda tx: tx.save_records(records))

        def within(domain: str, roles: set[str], limit: int = 9) -> list[str]:
            found = store.run(lambda tx: tx.grants_within(domain, roles, limit))
            return [ref.key.removeprefix("UserProject/") for ref in found]

        assert within("d1", {"member"}) == ["a/web/admin/1", "b/web/mem_er/0"]
        assert within("d1", {"member", "mem_er"}) == ["a/web/admin/1"]
        assert within("d1", set(), 2) == ["a/web/admin/1", "a/web/member/0"]
        assert within("d2", {"admin"}) == []

    def test_what_was_made_is_found_by_whom_it_concerns(self, store: Store) -> None:
        key, trust, gone = Ref("credential", "k"), Ref("trust", "t"), Ref("trust", "gone")
        dot = Dot("west#1", 1)
        fields = {DELETED: life(1, dot, deleted=False)}
        for number, ref in enumerate((key, trust), 1):
            found = Record(ref, number, Version({"west#1": number}), dot, fields)
            store.run(lambda tx, found=found: tx.save_records([found]))  # type: ignore[misc]
        store.run(lambda tx: tx.note_made({key: {"ann", "bob"}, trust: {"ann"}, gone: {"ann"}}))
        store.run(lambda tx: tx.note_made({key: {"ann", "eve"}}))

        def due(*concerned: str) -> list[Ref]:
            store.run(lambda tx: tx.add_due_made(concerned, NOW))
            found = store.run(lambda tx: tx.due(9))
            store.run(lambda tx: tx.drop_due(found))
            assert {item.sort for item in found} <= {THING}
            return [item.ref for item in found]

        assert due("ann", "bob") == [key, gone, trust]
        assert due("eve") == [key] and due("nobody") == []
        store.run(lambda tx: tx.forget_made())
        assert due("ann") == [key, trust]

    def test_what_is_due_is_taken_in_the_order_in_which_it_came(self, store: Store) -> None:
        late, early = Due("user", "", "ann"), Due("user", "", "Ann ")
        thing, everything = Due(THING, "user", "ann"), Due(EVERYTHING, "", "")
        store.run(lambda tx: tx.add_due([late, thing], NOW + 2))
        store.run(lambda tx: tx.add_due([early, everything], NOW + 1))
        store.run(lambda tx: tx.add_due([late, early], NOW))
        store.run(lambda tx: tx.note_made({thing.ref: {"ann"}}))
        store.run(lambda tx: tx.add_due_made(["ann"], NOW))
        assert store.run(lambda tx: tx.due(9)) == [everything, early, thing, late]
        assert store.run(lambda tx: tx.due(2)) == [everything, early]
        store.run(lambda tx: tx.go_on(everything, "user/k"))
        moved = everything._replace(place="user/k")
        assert store.run(lambda tx: tx.due(1)) == [moved]
        store.run(lambda tx: tx.drop_due([everything, thing]))
        assert store.run(lambda tx: tx.due(9)) == [early, late]

    def test_what_was_judged_again_is_listed_once_and_counted(self, store: Store) -> None:
        ann, bob = Ref("user", "ann"), Ref("user", "bob")

        def row(number: int, ref: Ref, sort: str = JUDGED) -> Conflict:
            name = f"c{number}"
            return Conflict(name, ref, sort, "rule", "why", ("x",), "west", NOW + number, {}, open=True)

        rows = [row(1, ann), row(2, bob), row(3, ann, "concurrent")]
        store.run(lambda tx: tx.add_conflicts(rows))
        assert (
            store.run(lambda tx: tx.judged([ann])) == rows[:1] and store.run(lambda tx: tx.judged([])) == []
        )
        assert store.run(lambda tx: tx.count_unseen()) == 2
        store.run(lambda tx: tx.close_conflict("c1", "kept"))
        assert [found.resolution for found in store.run(lambda tx: tx.judged([ann]))] == ["kept"]
        assert store.run(lambda tx: tx.count_unseen()) == 1

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
        store.run(lambda tx: tx.close_conflict("c2", "restored"))
        assert store.run(lambda tx: tx.aliases(asked)) == {Ref("user", "a"): "b"}
        assert store.run(lambda tx: tx.known_conflicts(["c4"])["c4"]) == rows[3]

    def test_a_peer_is_forgotten(self, store: Store) -> None:
        store.run(lambda tx: tx.save_peer(Peer("west", b"k" * 32, "w", met=3)))
        store.run(lambda tx: tx.save_peer(Peer("south", b"s" * 32, "s")))
        assert store.run(lambda tx: tx.peers()["west"].met) == 3
        for _ in range(2):
            store.run(lambda tx: tx.drop_peer("west"))
        assert list(store.run(lambda tx: dict(tx.peers()))) == ["south"]

    def test_peers_are_registered_and_replaced(self, store: Store) -> None:
        west = Peer("west", bytes(range(32)), "00000002", 5, {"user": ("id", "local.name")})
        south = Peer("south", bytes(32), live=False, seen=Checkpoint("00000003", 4, "n4"), shown=6, heard=7)
        south = replace(south, lives=frozenset({"north#1", "north#2"}))
        store.run(lambda tx: tx.save_peer(west))
        store.run(lambda tx: tx.save_peer(south))
        store.run(lambda tx: tx.save_peer(replace(west, acknowledged=9)))
        assert store.run(lambda tx: dict(tx.peers())) == {
            "west": replace(west, acknowledged=9),
            "south": south,
        }
