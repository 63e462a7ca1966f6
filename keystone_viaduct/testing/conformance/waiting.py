"""Changes that wait: what every store does."""

from __future__ import annotations

from dataclasses import replace

from keystone_viaduct.sync.model import (
    Pending,
    Ref,
)
from keystone_viaduct.sync.naming import target_of
from keystone_viaduct.sync.ports import Store
from keystone_viaduct.testing.conformance.samples import (
    StoreSuite,
    change,
)


class WaitingSuite(StoreSuite):
    """Changes that wait."""

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

    def test_what_lacks_something_is_found_by_that(self, store: Store) -> None:
        """And left out of what is tried with each page; replaced, it lacks what it says then."""
        acme, beta = target_of(Ref("domain", "acme")), target_of(Ref("domain", "beta"))
        keys = {"a": (acme,), "b": (acme, beta), "c": (), "A": (beta,)}
        entries = [
            Pending("west", change(Ref("group", key), seq, {"name": key}), "reference", lacks=lacks)
            for seq, (key, lacks) in enumerate(keys.items(), 1)
        ]
        other = Pending("south", change(Ref("group", "a"), 9, {}), "reference", lacks=(acme,))
        store.run(lambda tx: tx.save_pending("west", entries, []))
        store.run(lambda tx: tx.save_pending("south", [other], []))

        def lacking(*targets: str) -> list[str]:
            found = store.run(lambda tx: tx.pending_lacking("west", targets))
            assert all(entry in entries for entry in found)
            return [entry.change.ref.key for entry in found]

        assert store.run(lambda tx: tx.pending("west")) == entries
        assert store.run(lambda tx: tx.pending_active("west")) == [entries[2]]
        assert store.run(lambda tx: tx.pending_active("south")) == []
        assert lacking(acme) == ["a", "b"] and lacking(acme, beta) == ["a", "b", "A"] and lacking() == []
        counts = store.run(lambda tx: [tx.waiting_count(site) for site in ("west", "south", "north")])
        assert counts == [4, 1, 0]
        now = replace(entries[1], lacks=(), reason="name")
        store.run(lambda tx: tx.save_pending("west", [now], [Ref("group", "A")]))
        assert store.run(lambda tx: tx.pending_active("west")) == [now, entries[2]]
        assert lacking(acme) == ["a"]
        assert lacking(beta) == []

    def test_what_waits_of_a_record_is_found_from_every_source(self, store: Store) -> None:
        refs = [Ref("user", "a"), Ref("user", "A"), Ref("group", "a")]
        waiting = {
            (source, ref): Pending(source, change(ref, seq, {"x": source}), "r")
            for source in ("west", "south")
            for seq, ref in enumerate(refs, 1)
        }
        for source in ("west", "south"):
            entries = [entry for (site, _), entry in waiting.items() if site == source]
            store.run(lambda tx, s=source, found=entries: tx.save_pending(s, found, []))  # type: ignore[misc]

        def about(*refs: Ref) -> list[Pending]:
            return store.run(lambda tx: tx.pending_about(refs))

        assert about(refs[0]) == [waiting["south", refs[0]], waiting["west", refs[0]]]
        assert about() == [] and about(Ref("user", "b")) == []
        assert {(e.source, e.change.ref) for e in about(refs[1], refs[2])} == {
            (source, ref) for source in ("west", "south") for ref in refs[1:]
        }
