"""Back-off."""

from __future__ import annotations

import random

from keystone_viaduct.sync.agent.pacing import Pacer


def test_waits_double_up_to_the_longest_and_are_forgotten_after_a_success() -> None:
    pacer = Pacer(poll=10, first=0.5, longest=60, chance=random.Random(1))
    waits = [pacer.failed() for _ in range(12)]
    for number, wait in enumerate(waits):
        bound = min(60, 0.5 * 2**number)
        assert bound / 2 <= wait <= bound
    assert pacer.failures == 12
    assert 9 <= pacer.succeeded() <= 11
    assert pacer.failed() <= 0.5


def test_a_source_that_is_busy_is_asked_again_soon_then_as_seldom_as_any_other() -> None:
    pacer = Pacer(poll=10, first=0.5, longest=60, chance=random.Random(1))
    for number in range(12):
        bound = min(10, 0.5 * 2**number)
        assert bound / 2 <= pacer.held_back() <= bound
    pacer.succeeded()
    assert pacer.held_back() <= 0.5 and pacer.failures == 0


def test_a_site_that_is_away_for_months_breaks_nothing() -> None:
    pacer = Pacer(poll=10, first=0.5, longest=60, failures=10**6)
    assert 30 <= pacer.failed() <= 60
