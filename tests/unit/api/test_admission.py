"""Whose pages are counted, and how."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keystone_viaduct.errors import TooFast
from keystone_viaduct.sync.api.admission import (
    BURST,
    CROWDED,
    FULL,
    LEAST,
    LOOK,
    MOST_LISTED,
    MOST_WAITING,
    MOST_WAITING_BYTES,
    Admission,
    Counters,
)
from keystone_viaduct.sync.charter import Charter, Delegation
from keystone_viaduct.sync.model import Checkpoint, Page, SiteState, Version, Volume
from keystone_viaduct.testing.memory import empty

NOW = 1_700_000_000_000_000
#: A page without changes, of which five may come at once below.
EMPTY = Page("west", 1, None, Checkpoint("a", 1, "n"), True, Version(), ())
RATE = 5 * LEAST // 10
SECOND = 1_000_000
#: Changes per second of a full spoke.
FULL_RATE = Counters().full.rate


def nothing() -> Volume:
    """What waits."""
    return Volume(0, 0)


def site(hub: str, delegation: Delegation) -> SiteState:
    """East."""
    return replace(
        empty("east", hub, incarnation="a").state, charter=Charter(delegations={"west": delegation})
    )


def none(most: int) -> int:
    """How many conflicts nobody has looked at."""
    return 0


def passed(state: SiteState, tries: int) -> int:
    """How many of so many pages are let in."""
    counters, found = Counters(RATE), 0
    for _ in range(tries):
        try:
            Admission(counters, EMPTY).check(state, NOW, nothing, none)
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
def test_only_a_hub_counts_and_limited_spokes_first(hub: str, delegation: Delegation, found: int) -> None:
    assert passed(site(hub, delegation), 20) == found


def test_a_transaction_that_is_run_again_is_counted_once() -> None:
    counters, state = Counters(RATE), site("east", Delegation(kinds=frozenset()))
    first = Admission(counters, EMPTY)
    for _ in range(20):
        first.check(state, NOW, nothing, none)
    for _ in range(4):
        Admission(counters, EMPTY).check(state, NOW, nothing, none)
    with pytest.raises(TooFast) as caught:
        Admission(counters, EMPTY).check(state, NOW, nothing, none)
    assert caught.value.wait == LEAST / RATE


def page(changes: int) -> Page:
    """Of so many; what they are is nobody's business here."""
    return replace(EMPTY, changes=(None,) * changes)  # type: ignore[arg-type]


#: Seconds for which a full spoke shows pages as fast as it may.
WHILE = 120


def applied(changes: int, waiting: Volume, listed: int = 0, put_back: int = 0) -> float:
    """So many changes per second are applied then; beyond those that may come at once."""
    counters, state, one = Counters(), site("east", Delegation()), page(changes)
    now, longest, found = NOW, 0.0, -FULL_RATE * BURST
    while now < NOW + WHILE * SECOND:
        admitted = Admission(counters, one)
        try:
            admitted.check(state, now, lambda: waiting, lambda most: min(most, listed))
        except TooFast as slowed:
            longest = max(longest, slowed.wait)
            now += int(slowed.wait * SECOND) + 1
            continue
        admitted.settle(put_back, 0)
        found += changes
    assert 0 < longest <= BURST, "never for good, and no longer than an agent waits"
    return found / WHILE


def test_a_full_spoke_is_slowed_down_beyond_what_a_hub_applies_and_never_stopped() -> None:
    """A first load is 1,000 to 2,000 records a second, and a region's bulk work no more."""
    for changes in (500, 5000):
        assert 2 * 2000 <= applied(changes, Volume(0, 0)) <= FULL_RATE * 1.05


@pytest.mark.parametrize(
    ("waiting", "listed"),
    [
        (Volume(FULL * MOST_WAITING, 0), 0),
        (Volume(0, FULL * MOST_WAITING_BYTES), 0),
        (Volume(0, 0), MOST_LISTED),
        (Volume(10**9, 10**15), 10**9),
    ],
)
def test_over_its_budget_a_full_spoke_goes_on_ten_times_as_slowly(waiting: Volume, listed: int) -> None:
    rest = FULL_RATE * BURST / WHILE  # what may come at once is a tenth, too
    for changes in (500, 5000):
        found = applied(changes, waiting, listed) + rest
        assert 0.9 <= found / (FULL_RATE / CROWDED * (1 + BURST / WHILE)) <= 1.1


def test_within_its_budget_what_waits_costs_a_full_spoke_nothing() -> None:
    crowd = Volume(FULL * MOST_WAITING - 1, FULL * MOST_WAITING_BYTES - 1)
    assert applied(5000, crowd, MOST_LISTED - 1) >= 2 * 2000


def test_changes_of_a_full_spoke_that_are_put_back_count_ten_times() -> None:
    rest = FULL_RATE * BURST / WHILE
    found = applied(500, Volume(0, 0), put_back=500) + rest
    assert 0.9 <= found / (FULL_RATE / CROWDED * (1 + BURST / WHILE)) <= 1.1


def test_what_a_full_spoke_is_over_is_looked_at_once_a_minute_and_ends_when_somebody_has_looked() -> None:
    counters, state = Counters(), site("east", Delegation())
    asked: list[int] = []

    def show(now: int, listed: int) -> None:
        def count(most: int) -> int:
            asked.append(now)
            return listed

        Admission(counters, page(1000)).check(state, now, nothing, count)

    for second in range(0, LOOK, 3):
        show(NOW + second * SECOND, MOST_LISTED)
    assert len(asked) == 1
    for _ in range(5):
        show(NOW + LOOK * SECOND, MOST_LISTED)
    with pytest.raises(TooFast):
        show(NOW + LOOK * SECOND, MOST_LISTED)
    for _ in range(20):
        show(NOW + 2 * LOOK * SECOND, 0)
    assert len(asked) == 3
