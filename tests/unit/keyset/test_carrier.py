"""The agent's rounds with the Fernet keys, over sites in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from keystone_viaduct.errors import SiteUnavailable
from keystone_viaduct.sync.keyset.model import FleetKeys, HeldKeys, Keyset, new_key
from keystone_viaduct.sync.link.keys import KeyCarrier

OURS, THEIRS = Keyset(1, new_key(), new_key()), Keyset(1, new_key(), new_key())
REPOSITORIES = ("tokens", "receipts")


@dataclass
class Place:
    """A site with two repositories; a hub wants all sites to hold OURS. Notes what it is asked."""

    name: str
    held: Keyset
    away: bool = False
    confirmed: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def held_keys(self) -> Mapping[str, HeldKeys]:
        self.asked.append("held")
        if self.away:
            raise SiteUnavailable(f"{self.name} does not answer", hint="wait")
        state = OURS.state
        sites = ("hub", "west", "south")
        fleet = FleetKeys(1, state.digest, state.all, sites, self.confirmed, False, 0, {})
        return {n: HeldKeys(self.held.state, fleet if self.name == "hub" else None) for n in REPOSITORIES}

    def sealed_keys(self, repository: str, reader: str) -> bytes:
        self.asked.append(f"sealed {repository} for {reader}")
        return b"sealed"

    def take_keys(self, repository: str, sealed: bytes) -> float:
        self.asked.append(f"take {repository}")
        return 1.0

    def confirm_keys(self, repository: str, site: str, digest: str) -> None:
        self.asked.append(f"confirm {repository} of {site}")

    def import_keys(self, repository: str, site: str, sealed: bytes) -> None:
        self.asked.append(f"import {repository} of {site}")

    def advance_keys(self, repository: str) -> float:
        self.asked.append(f"advance {repository}")
        return 0.0


def carry(*spokes: Place, confirmed: Mapping[str, int] | None = None) -> tuple[Place, KeyCarrier, float]:
    """One round; the hub, the carrier and what it wants to wait."""
    hub = Place("hub", OURS, confirmed=dict(confirmed or {}))
    carrier = KeyCarrier(hub, {spoke.name: spoke for spoke in spokes})
    return hub, carrier, carrier.round()


def test_a_site_is_asked_once_a_round_what_it_holds() -> None:
    west = Place("west", OURS)
    hub, _, wait = carry(west, confirmed={"west": 1})
    assert west.asked == ["held"]
    assert hub.asked == ["held", "advance tokens", "advance receipts"]
    assert wait == 0.0


def test_what_a_site_holds_is_confirmed() -> None:
    hub, _, wait = carry(Place("west", OURS))
    assert [text for text in hub.asked if "confirm" in text] == [
        "confirm tokens of west",
        "confirm receipts of west",
    ]
    assert wait == 0.1


def test_keys_that_a_site_used_are_imported_before_it_takes_the_hubs() -> None:
    west = Place("west", THEIRS)
    hub, _, _ = carry(west)
    assert "import tokens of west" in hub.asked
    assert "take tokens" not in west.asked


def test_a_site_that_is_away_is_named_and_delays_no_other() -> None:
    south = Place("south", Keyset(1, new_key(), OURS.primary))
    _, carrier, wait = carry(Place("west", OURS, away=True), south)
    assert carrier.failures == {"west": "west does not answer"}
    assert "take tokens" in south.asked and "take receipts" in south.asked
    assert wait == 1.0


def test_a_site_that_the_hub_does_not_trust_is_left_alone() -> None:
    north = Place("north", THEIRS)
    carry(north)
    assert north.asked == []
