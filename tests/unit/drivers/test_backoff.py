"""Waits grow, are bounded and end at the deadline."""

from __future__ import annotations

from keystone_viaduct.drivers.backoff import Backoff
from tests.unit.drivers.fakes import ManualTime


def test_waits_double_up_to_the_longest() -> None:
    time = ManualTime()
    waits = time.backoff(first=1.0, longest=5.0).begin()
    for _ in range(5):
        waits.wait()
    assert time.slept == [1.0, 2.0, 4.0, 5.0, 5.0]
    assert waits.attempts == 6


def test_no_attempt_begins_after_the_deadline() -> None:
    time = ManualTime()
    waits = time.backoff(first=4.0, longest=4.0, deadline=10.0).begin()
    assert [waits.wait() for _ in range(3)] == [4.0, 4.0, None]
    assert time.now == 8.0


def test_the_deadline_counts_from_the_first_attempt() -> None:
    time = ManualTime()
    waits = time.backoff(deadline=10.0).begin()
    time.now = 9.5
    assert waits.wait() is None


def test_the_random_wait_lies_between_nothing_and_its_bound() -> None:
    bounds: list[tuple[float, float]] = []
    time = ManualTime()

    def uniform(low: float, high: float) -> float:
        bounds.append((low, high))
        return low

    waits = Backoff(2.0, 8.0, 60.0, lambda: time.now, time.sleep, uniform).begin()
    waits.wait()
    waits.wait()
    assert bounds == [(0.0, 2.0), (0.0, 4.0)]
