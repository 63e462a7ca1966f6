"""The agent's rounds with the Fernet keys, over sites in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from keystone_viaduct.errors import SiteUnavailable
from keystone_viaduct.sync.keyset.model import FleetKeys, HeldKeys, Keyset, new_key
from keystone_viaduct.sync.keyset.public import HeldPublic, PublicFleet, SiteKeys
from keystone_viaduct.sync.link.keys import KeyCarrier
from keystone_viaduct.sync.statement import Statement

OURS, THEIRS = Keyset(1, new_key(), new_key()), Keyset(1, new_key(), new_key())
REPOSITORIES = ("tokens", "receipts")


@dataclass
class Place:
    """A site with two repositories; a hub wants all sites to hold OURS. Notes what it is asked."""

    name: str
    held: Keyset
    away: bool = False
    fault: Exception | None = None
    confirmed: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    public: HeldPublic | None = None

    def held_keys(self) -> SiteKeys:
        self.asked.append("held")
        if self.fault is not None:
            raise self.fault
        if self.away:
            raise SiteUnavailable(f"{self.name} does not answer", hint="wait")
        state = OURS.state
        sites = ("hub", "west", "south")
        fleet = FleetKeys(1, state.digest, state.all, sites, self.confirmed, False, 0, {})
        is_hub = self.name == "hub"
        held = {n: HeldKeys(self.held.state, fleet if is_hub else None) for n in REPOSITORIES}
        return SiteKeys(held, self.public)

    def take_public(self, keys: Sequence[str], told: Statement | None = None) -> None:
        self.asked.append(f"take public {len(keys)}")

    def collect_public(self, site: str, own: Mapping[str, str], held: Sequence[str]) -> None:
        self.asked.append(f"collect public of {site}")

    def advance_public(self) -> None:
        self.asked.append("advance public")

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


def test_a_site_that_a_library_fails_at_delays_no_other() -> None:
    south = Place("south", Keyset(1, new_key(), OURS.primary))
    _, carrier, _ = carry(Place("west", OURS, fault=OSError("no CA bundle")), south)
    assert carrier.failures == {"west": "OSError: no CA bundle"}
    assert "take tokens" in south.asked


def test_a_site_that_the_hub_does_not_trust_is_left_alone() -> None:
    north = Place("north", THEIRS)
    carry(north)
    assert north.asked == []


def public(own: str, *others: str, fleet: PublicFleet | None = None) -> HeldPublic:
    """What a site with one key of its own has; any text will do for a key here."""
    return HeldPublic({own: own}, frozenset({own, *others}), fleet)


def fleet_of(*keys: str, confirmed: Mapping[str, int] | None = None) -> PublicFleet:
    """A key for each site, named as the site is."""
    sites = ("hub", "south", "west")
    owners = {key: {key: None} for key in keys}
    trusted = frozenset({"hub", "west"})
    return PublicFleet({key: key for key in keys}, owners, sites, trusted, confirmed or {})


def carry_public(fleet: PublicFleet, spoke: Place) -> tuple[list[str], list[str], float]:
    """What the hub and the spoke are asked of public keys in one round, and what the carrier waits."""
    hub = Place("hub", OURS, confirmed={"west": 1, "south": 1}, public=public("hub", fleet=fleet))
    wait = KeyCarrier(hub, {spoke.name: spoke}).round()
    asked, told = ([text for text in place.asked if "public" in text] for place in (hub, spoke))
    return asked, told, wait


def test_the_key_of_a_site_goes_to_the_hub_before_it_gets_the_others() -> None:
    asked, told, wait = carry_public(fleet_of("hub"), Place("west", OURS, public=public("west")))
    assert (asked, told, wait) == (["collect public of west", "advance public"], [], 0.1)


def test_no_key_is_taken_away_while_the_hub_hears_of_others() -> None:
    """The hub was put back and has forgotten west's second key, which south has, and west may sign with."""
    hub = Place("hub", OURS, confirmed={"west": 1}, public=public("hub", fleet=fleet_of("hub", "west")))
    two = {"west": "west", "next": "next"}
    west = Place("west", OURS, public=HeldPublic(two, frozenset({"hub", *two})))
    south = Place("south", OURS, public=public("south", "hub", "west", "next"))
    carrier = KeyCarrier(hub, {"south": south, "west": west})
    assert carrier.round() == 0.1
    assert "collect public of west" in hub.asked
    assert not [text for place in (west, south) for text in place.asked if "take public" in text]


def test_a_site_that_can_not_take_its_keys_is_named_and_not_asked_at_once_again() -> None:
    class Full(Place):
        def take_public(self, keys: Sequence[str], told: Statement | None = None) -> None:
            raise SiteUnavailable("no space", hint="make some")

    hub = Place("hub", OURS, confirmed={"south": 1}, public=public("hub", fleet=fleet_of("hub")))
    carrier = KeyCarrier(hub, {"south": Full("south", OURS, public=public("south"))})
    assert carrier.round() == 0.0
    assert carrier.failures == {"south": "jws: no space"}


def test_who_has_all_public_keys_is_confirmed_and_left_alone() -> None:
    west = Place("west", OURS, public=public("west", "hub"))
    assert carry_public(fleet_of("hub", "west"), west)[0] == ["collect public of west", "advance public"]
    west = Place("west", OURS, public=public("west", "hub"))
    done = carry_public(fleet_of("hub", "west", confirmed={"west": 1}), west)
    assert done == (["advance public"], [], 0.0)


def test_a_site_that_is_not_trusted_gets_the_keys_of_the_others() -> None:
    south = Place("south", OURS, public=public("south"))
    asked, told, _ = carry_public(fleet_of("hub", "west"), south)
    assert (asked, told) == (["advance public"], ["take public 2"])


def test_a_site_that_issues_other_tokens_is_named() -> None:
    hub = Place("hub", OURS, confirmed={"west": 1}, public=public("hub", fleet=fleet_of("hub")))
    carrier = KeyCarrier(hub, {"west": Place("west", OURS)})
    carrier.round()
    assert carrier.failures == {"west": "jws: it issues no JWS tokens, as the hub does"}
