"""Marks, and Keystone's tables as documents: what every store does."""

from __future__ import annotations

import pytest

from keystone_viaduct.kinds.model import Mode
from keystone_viaduct.sync.model import (
    Held,
    Reason,
    Ref,
)
from keystone_viaduct.sync.ports import Claim, Store, Transaction, Write
from keystone_viaduct.testing.conformance.samples import (
    NOTE,
    NOW,
    StoreSuite,
    domain,
    endpoint,
    group,
    membership,
    record,
    region,
    service,
    user,
)


class DocumentsSuite(StoreSuite):
    """Marks, and Keystone's tables as documents."""

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
