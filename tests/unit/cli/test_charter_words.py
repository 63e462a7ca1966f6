"""A charter in plain words, and what it allows that nobody has said."""

from __future__ import annotations

from typing import Any

import pytest

from keystone_viaduct.cli._charter_words import doubts, in_words
from keystone_viaduct.errors import Refused
from keystone_viaduct.sync.charter import Charter, Coverage, Delegation
from keystone_viaduct.sync.powers import administrative, check_administration
from keystone_viaduct.testing.memory import MemoryStore, empty
from tests.simulation.scene import Scene

D1 = frozenset({"d1"})
MEMBER = Delegation(domains=D1, roles=frozenset({"member"}))


@pytest.fixture
def store() -> Any:
    """A hub with the global roles member, admin, manager, and three that imply one or another."""
    scene = Scene("hub", "west")
    for name in ("admin", "manager", "head", "chief", "reader"):
        scene.put("hub", "role", name, name=name, domain_id=None)
    for prior, implied in (
        ("head", "chief"),
        ("chief", "manager"),
        ("member", "reader"),
        ("reader", "member"),
    ):
        scene.put("hub", "implied_role", f"{prior}/{implied}", prior_role_id=prior, implied_role_id=implied)
    return scene.store("hub")


@pytest.mark.parametrize(
    ("roles", "powers"),
    [
        (frozenset({"member", "reader"}), []),
        (frozenset({"admin"}), ["admin"]),
        (frozenset({"member", "head"}), ["manager"]),
        (frozenset(), []),
        (None, ["all"]),
    ],
)
def test_a_role_carries_what_it_implies_at_the_end(
    store: MemoryStore, roles: frozenset[str] | None, powers: list[str]
) -> None:
    assert store.run(lambda tx: administrative(tx, roles)) == powers


@pytest.mark.parametrize("roles", [None, frozenset({"admin"}), frozenset({"head"})])
def test_a_limited_site_makes_administrators_only_where_that_is_said(
    store: MemoryStore, roles: frozenset[str] | None
) -> None:
    def check(administration: bool) -> None:
        west = Delegation(domains=D1, roles=roles, administration=administration)
        store.run(lambda tx: check_administration(tx, Charter(delegations={"west": west})))

    with pytest.raises(Refused, match="could make administrators") as caught:
        check(False)
    assert "administration: true" in caught.value.hint
    check(True)


def test_a_harmless_delegation_and_one_of_everything_need_no_such_word(store: MemoryStore) -> None:
    charter = Charter(delegations={"west": MEMBER, "south": Delegation()})
    store.run(lambda tx: check_administration(tx, charter))


def test_what_a_site_will_be_able_to_do_is_said_in_plain_words() -> None:
    charter = Charter(coverages={"west": Coverage(domains=D1)}, delegations={"west": MEMBER})
    assert in_words(charter) == [
        "west holds records of every kind of the domains d1.",
        "west may change records of every kind in the domains d1, and grant the roles member there.",
    ]


def test_what_may_not_be_meant_is_warned_of() -> None:
    west = Delegation(domains=D1, roles=None)
    told = "\n".join(in_words(Charter(delegations={"west": west})))
    assert "! west: it may grant every role, admin too" in told
    assert "! west: it receives the users and secrets of all domains" in told
    assert in_words(Charter()) == ["every site holds everything and may change everything"]


def test_the_doctor_doubts_an_old_charter_and_no_explicit_one(store: MemoryStore) -> None:
    old = Charter(delegations={"west": Delegation(domains=D1)})
    told = store.run(lambda tx: list(doubts(tx, old)))
    assert any("nobody has said" in doubt for doubt in told)
    assert any("never said, so it holds everything" in doubt for doubt in told)
    said = Charter(coverages={"west": Coverage(domains=D1)}, delegations={"west": MEMBER})
    assert store.run(lambda tx: list(doubts(tx, said))) == []


def test_an_empty_delegation_changes_nothing() -> None:
    none = Delegation(frozenset(), frozenset(), frozenset())
    assert "west may change nothing." in in_words(Charter(delegations={"west": none}))
    assert empty("hub", "hub", incarnation="a").state.charter.delegation_of("west").is_full
