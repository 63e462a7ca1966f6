"""Records that the tables can't hold: what every store does."""

from __future__ import annotations

from dataclasses import replace

from keystone_viaduct.sync.model import (
    NAME,
    UNSTORABLE,
    Carried,
    Ref,
)
from keystone_viaduct.sync.naming import target_of
from keystone_viaduct.sync.ports import Store, Transaction
from keystone_viaduct.testing.conformance.samples import (
    NOW,
    StoreSuite,
    record,
)


class CarriedSuite(StoreSuite):
    """Records that the tables can't hold."""

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
