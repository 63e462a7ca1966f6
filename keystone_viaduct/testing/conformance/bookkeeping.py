"""Transactions, the site's state, batches, checkpoints, parts and peers: what every store does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from keystone_viaduct.sync.charter import Coverage
from keystone_viaduct.sync.model import (
    Checkpoint,
    Peer,
    Ref,
    Version,
)
from keystone_viaduct.sync.ports import Store, Transaction
from keystone_viaduct.testing.conformance.samples import (
    EAST,
    WEST,
    StoreSuite,
    record,
    service,
)


class BookkeepingSuite(StoreSuite):
    """Transactions, the site's state, batches, checkpoints, parts and peers."""

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

    def test_what_was_chosen_for_a_site_is_kept_as_a_whole(self, store: Store) -> None:
        a, b = Ref("user", "a"), Ref("assignment", "UserProject/a/p/r/0")
        assert store.run(lambda tx: tx.choices("west")) == {}
        store.run(lambda tx: tx.save_choices("west", {a: "hub", b: "both"}))
        store.run(lambda tx: tx.save_choices("south", {a: "site"}))
        assert store.run(lambda tx: tx.choices("west")) == {a: "hub", b: "both"}
        store.run(lambda tx: tx.save_choices("west", {}))
        assert store.run(lambda tx: tx.choices("west")) == {}
        assert store.run(lambda tx: tx.choices("south")) == {a: "site"}

    def test_old_batches_are_forgotten(self, store: Store) -> None:
        for head, nonce in ((2, "n1"), (5, "n2"), (9, "n3")):
            store.run(lambda tx, h=head, n=nonce: tx.save_state(replace(tx.state(), head=h, nonce=n)))  # type: ignore[misc]
        assert store.run(lambda tx: [batch for batch in tx.old_batches(5, 10) if batch[0]]) == [
            (2, "n1"),
            (5, "n2"),
        ]
        store.run(lambda tx: tx.drop_batches(5))
        assert store.run(lambda tx: [tx.nonce_at(seq) for seq in (1, 5, 6, 9)]) == ["", "", "n3", "n3"]

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
