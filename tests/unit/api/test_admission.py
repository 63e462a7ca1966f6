"""Whose pages are counted, and how."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keystone_viaduct.errors import TooFast
from keystone_viaduct.sync.api.admission import LEAST, Admission, rates
from keystone_viaduct.sync.charter import Charter, Delegation
from keystone_viaduct.sync.model import Checkpoint, Page, SiteState, Version, Volume
from keystone_viaduct.testing.memory import empty

NOW = 1_700_000_000_000_000
#: A page without changes, of which five may come at once below.
EMPTY = Page("west", 1, None, Checkpoint("a", 1, "n"), True, Version(), ())
RATE = 5 * LEAST // 10


def nothing() -> Volume:
    """What waits."""
    return Volume(0, 0)


def site(hub: str, delegation: Delegation) -> SiteState:
    """East."""
    return replace(
        empty("east", hub, incarnation="a").state, charter=Charter(delegations={"west": delegation})
    )


def passed(state: SiteState, tries: int) -> int:
    """How many of so many pages are let in."""
    counted, found = rates(RATE), 0
    for _ in range(tries):
        try:
            Admission(counted, rates(RATE), EMPTY).check(state, NOW, nothing)
            found += 1
        except TooFast:
            pass
    return found


@pytest.mark.parametrize(
    ("hub", "delegation", "found"),
    [
        ("east", Delegation(kinds=frozenset()), 5),
        ("east", Delegation(domains=frozenset({"acme"})), 5),
        ("east", Delegation(roles=frozenset({"member"})), 5),
        ("east", Delegation(), 20),
        ("west", Delegation(kinds=frozenset()), 20),
    ],
)
def test_only_a_hub_counts_and_only_limited_spokes(hub: str, delegation: Delegation, found: int) -> None:
    assert passed(site(hub, delegation), 20) == found


def test_a_transaction_that_is_run_again_is_counted_once() -> None:
    counted, state = rates(RATE), site("east", Delegation(kinds=frozenset()))
    first = Admission(counted, rates(RATE), EMPTY)
    for _ in range(20):
        first.check(state, NOW, nothing)
    for _ in range(4):
        Admission(counted, rates(RATE), EMPTY).check(state, NOW, nothing)
    with pytest.raises(TooFast) as caught:
        Admission(counted, rates(RATE), EMPTY).check(state, NOW, nothing)
    assert caught.value.wait == LEAST / RATE
