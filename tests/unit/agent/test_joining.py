"""A site is let in once, and compared again only when somebody may have chosen meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from keystone_viaduct.errors import AccessUndecided
from keystone_viaduct.sync.adopt import Access, Choices, Plan
from keystone_viaduct.sync.agent.joining import Joining, chosen_before
from keystone_viaduct.sync.client import HttpSite
from keystone_viaduct.sync.client.login import Account
from keystone_viaduct.sync.model import Checkpoint, Ref, Standing, Version
from keystone_viaduct.sync.wire.resources import Capabilities

ADMIN = Access("login", "user", "a", "admin", ("password",), (("user", "a"),))
ANN = Access("login", "user", "u", "ann", ("password",), (("user", "u"),))


@dataclass
class Place:
    """A site, as far as it is asked."""

    name: str
    account_id: str = ""
    takes_all: bool = False
    applied: Checkpoint | None = None
    knowledge: Version = field(default_factory=Version)
    kept: dict[Ref, str] = field(default_factory=dict)

    def standing(self, source: str, fence: object = None) -> Standing:
        """How far it is."""
        return Standing(f"{self.name}#1", self.applied, None, self.knowledge, 1, "east")

    def choices(self, site: str) -> Mapping[Ref, str]:
        """What is kept."""
        return dict(self.kept)

    def choose(self, site: str, choices: Mapping[Ref, str]) -> None:
        """Keep it."""
        self.kept = dict(choices)

    def account(self) -> Account | None:
        """The agent's."""
        return Account(self.account_id, "sync") if self.account_id else None

    def lets_in(self, other: Place) -> bool:
        """Whether it takes the other's credentials."""
        return self.takes_all


class Counted(Joining):
    """Counts how often the two are compared."""

    compared = 0
    found: Plan

    def _compare(self) -> Plan:
        self.compared += 1
        return self.found


def capabilities(site: str) -> Capabilities:
    return Capabilities(site, "1", "east", 1, Checkpoint("1", 0, ""), b"k" * 32, True)


def joining(hub: Place, spoke: Place, *access: Access, choose: Any = None) -> Counted:
    chosen = choose or (lambda stored: chosen_before("west", stored))
    made = Counted(cast(HttpSite, hub), cast(HttpSite, spoke), chosen)
    made.found = Plan("west", "east", False, access=access)
    return made


def admit(gate: Joining) -> None:
    gate.admit(capabilities("east"), capabilities("west"), lambda: None)


@pytest.mark.parametrize(
    ("hub", "spoke"),
    [
        ({"applied": Checkpoint("1", 3, "n")}, {}),
        ({"knowledge": Version({"west#1": 5})}, {}),
        ({}, {"applied": Checkpoint("1", 3, "n")}),
        ({}, {"knowledge": Version({"east#0": 5})}),
    ],
)
def test_who_has_joined_is_not_compared(hub: dict[str, Any], spoke: dict[str, Any]) -> None:
    gate = joining(Place("east", **hub), Place("west", **spoke), ANN)
    admit(gate)
    assert gate.compared == 0 and gate.admitted


def test_another_life_of_a_site_of_that_name_has_not_joined() -> None:
    gate = joining(Place("east", knowledge=Version({"west#0": 5})), Place("west"))
    admit(gate)
    assert gate.compared == 1


def test_nobody_is_let_in_until_somebody_has_chosen_and_the_hub_is_told() -> None:
    hub, spoke = Place("east"), Place("west")
    gate = joining(hub, spoke, ANN)
    for _ in range(3):
        with pytest.raises(AccessUndecided) as refused:
            admit(gate)
    assert refused.value.exit_code == 3 and refused.value.fields["undecided"] == ["user/ann"]
    assert gate.compared == 1 and not hub.kept
    spoke.kept = {Ref("user", "u"): "site"}
    admit(gate)
    assert gate.compared == 2 and hub.kept == {Ref("user", "u"): "site"}


@pytest.mark.parametrize(
    ("choice", "account_at", "locked_out"),
    [("hub", "west", "west"), ("site", "east", "east"), ("hub", "east", ""), ("site", "west", "")],
)
def test_the_agent_is_not_locked_out_untold(choice: str, account_at: str, locked_out: str) -> None:
    """At the side whose password does not hold, unless the other takes what it logs in with there."""
    places = {name: Place(name, "a" if name == account_at else "own") for name in ("east", "west")}
    item = replace(ADMIN, agent=True)

    def gate(single: bool = False) -> Counted:
        texts = [f"user/admin={choice}"] if single else []
        prefer = "" if single else choice
        return joining(
            places["east"], places["west"], item, choose=lambda stored: Choices.parse(prefer, texts)
        )

    if locked_out:
        with pytest.raises(AccessUndecided, match=f"lock the agent out of {locked_out}"):
            admit(gate())
        admit(gate(single=True))
        for place in places.values():
            place.takes_all = True
    admit(gate())
