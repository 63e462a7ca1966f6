"""What a site costs this one, who lives where, and what is to be judged again: what every store does."""

from __future__ import annotations

import random

from keystone_viaduct.sync.model import (
    DELETED,
    EVERYTHING,
    JUDGED,
    REFUSED,
    THING,
    Conflict,
    Dot,
    Due,
    FieldState,
    Record,
    Ref,
    Version,
    life,
)
from keystone_viaduct.sync.ports import Store
from keystone_viaduct.testing.conformance.samples import (
    NOW,
    StoreSuite,
)


class JudgingSuite(StoreSuite):
    """What a site costs this one, who lives where, and what is to be judged again."""

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
        assert store.run(lambda tx: (tx.count_listed("west", 2), tx.count_listed("west", 9))) == (2, 4)
        assert store.run(lambda tx: tx.refused_ids("west", 2)) == ["c1", "c2"]
        assert store.run(lambda tx: [c.id for c in tx.listed_refusals("west", [ann], 9)]) == ["c3", "c1"]
        store.run(lambda tx: tx.close_conflicts(["c3"], "kept"))
        assert store.run(lambda tx: [c.id for c in tx.listed_refusals("west", [ann, bob], 9)]) == ["c2", "c1"]
        assert store.run(lambda tx: tx.refused_volume("west")).rows == 2
        assert store.run(lambda tx: tx.count_listed("west", 9)) == 3
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
        store.run(lambda tx: tx.close_conflicts(["c1"], "kept"))
        assert [found.resolution for found in store.run(lambda tx: tx.judged([ann]))] == ["kept"]
        assert store.run(lambda tx: tx.count_unseen()) == 1
