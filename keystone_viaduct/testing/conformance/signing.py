"""What every implementation of ``sync.ports.Signing`` must do, and how what was signed is kept."""

from __future__ import annotations

from dataclasses import replace

from keystone_viaduct.sync.charter import Edition
from keystone_viaduct.sync.model import Peer
from keystone_viaduct.sync.ports import Store, Transaction
from keystone_viaduct.sync.statement import Statement, Terms, terms_to_text

_TERMS = Terms(
    "fleet",
    "east",
    2,
    1,
    "east",
    Edition(2, 7),
    {"coverages": "ab"},
    {"east": "ab" * 32, "west": ""},
    {"fernet": (3, "cd")},
)


class SigningSuite:
    """Needs the fixture ``store`` of :class:`..transaction.TransactionSuite`."""

    def test_what_a_site_signs_is_checked_with_its_public_keys_and_no_other(self, store: Store) -> None:
        def work(tx: Transaction) -> None:
            signatures = dict(tx.sign("tëxt"))
            assert list(signatures) == list(tx.signing_keys()) != []
            for key, signature in signatures.items():
                assert tx.verifies(key, "tëxt", signature)
                assert not tx.verifies(key, "text", signature)
                assert not tx.verifies("ab" * 32, "tëxt", signature)
            assert tx.sign("tëxt") == signatures

        store.run(work)

    def test_what_is_no_key_or_no_signature_verifies_nothing(self, store: Store) -> None:
        def work(tx: Transaction) -> None:
            (key, signature), *_ = tx.sign("text").items()
            for bad in ("", "zz", "00" * 32, key[:-2], key + "00"):
                assert not tx.verifies(bad, "text", signature)
            for bad in ("", "!", signature[:-4], signature + "AAAA", "A" * 88):
                assert not tx.verifies(key, "text", bad)

        store.run(work)

    def test_the_lineage_is_stored_with_the_state_as_it_was_signed(self, store: Store) -> None:
        text = terms_to_text(_TERMS)
        told = Statement(text, {"ab" * 32: "c2lnbmF0dXJl"}, _TERMS)

        def save(tx: Transaction) -> None:
            tx.save_state(replace(tx.state(), lineage=(replace(told, signatures={}), told)))

        assert store.run(lambda tx: tx.state()).statement is None
        store.run(save)
        found = store.run(lambda tx: tx.state())
        assert found.lineage == (replace(told, signatures={}), told) and found.statement == told

    def test_the_key_for_signatures_of_a_peer_is_kept(self, store: Store) -> None:
        west = Peer("west", b"w" * 32, "w1", signing_key="ab" * 32)

        def save(tx: Transaction) -> None:
            tx.save_peer(west)
            tx.save_peer(Peer("south", b"s" * 32, "s1"))

        store.run(save)
        found = store.run(lambda tx: tx.peers())
        assert found["west"] == west and found["south"].signing_key == ""
