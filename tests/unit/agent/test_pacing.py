"""Back-off."""

from __future__ import annotations

import random

from keystone_viaduct.sync.agent.pacing import FIRST_BUSY, LONGEST_BUSY, Pacer


def test_waits_double_up_to_the_longest_and_are_forgotten_after_a_success() -> None:
    pacer = Pacer(poll=10, first=0.5, longest=60, chance=random.Random(1))
    waits = [pacer.failed() for _ in range(12)]
    for number, wait in enumerate(waits):
        bound = min(60, 0.5 * 2**number)
        assert bound / 2 <= wait <= bound
    assert pacer.failures == 12
    assert 9 <= pacer.succeeded() <= 11
    assert pacer.failed() <= 0.5


def test_a_source_that_is_busy_is_asked_again_soon() -> None:
    """However many failures there were, and never later than any other."""
    pacer = Pacer(poll=10, first=0.5, longest=60, chance=random.Random(1), failures=9)
    for number in range(12):
        bound = min(LONGEST_BUSY, FIRST_BUSY * 2**number)
        assert bound / 2 <= pacer.held_back() <= bound
    assert pacer.failures == 0
    pacer.succeeded()
    assert pacer.held_back() <= FIRST_BUSY
    assert Pacer(poll=0.01, first=0.5, longest=60).held_back() <= 0.01


def test_a_site_that_is_away_for_months_breaks_nothing() -> None:
    pacer = Pacer(poll=10, first=0.5, longest=60, failures=10**6)
    assert 30 <= pacer.failed() <= 60
