"""Buckets of tokens, by a clock that the test moves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystone_viaduct.sync.rate import MICROSECONDS, Bucket, Rates

START = 1_700_000_000 * MICROSECONDS
#: Microseconds that pass, and the number asked for then.
STEPS = st.lists(st.tuples(st.integers(0, 20 * MICROSECONDS), st.integers(1, 3000)), max_size=60)


@given(st.integers(1, 700), st.integers(1, 5000), STEPS)
def test_in_no_time_more_is_taken_than_the_burst_and_what_comes_meanwhile(
    rate: int, burst: int, steps: list[tuple[int, int]]
) -> None:
    bucket, now = Bucket(rate, burst, START), START
    taken: list[tuple[int, int]] = []
    for pause, number in steps:
        now += pause
        if not bucket.take(number, now):
            taken.append((now, number))
    for first, (since, _) in enumerate(taken):
        total = 0
        for until, number in taken[first:]:
            total += number
            # what does not fit in at all is given by a full bucket, and owed
            assert total * MICROSECONDS <= max(burst, number) * MICROSECONDS + rate * (until - since)


@given(st.integers(1, 700), st.integers(1, 5000), STEPS)
def test_what_was_told_to_wait_gets_through_after_just_that_time(
    rate: int, burst: int, steps: list[tuple[int, int]]
) -> None:
    bucket, now = Bucket(rate, burst, START), START
    for pause, number in steps:
        now += pause
        wait = round(bucket.take(number, now) * MICROSECONDS)
        if wait:
            assert bucket.take(number, now + wait - 1) > 0
            now += wait
            assert bucket.take(number, now) == 0


def test_a_refusal_costs_nothing() -> None:
    bucket = Bucket(10, 100, START)
    assert bucket.take(100, START) == 0
    assert [bucket.take(50, START) for _ in range(3)] == [5.0, 5.0, 5.0]


def test_more_than_fit_in_are_given_when_it_is_full_and_owed_then() -> None:
    bucket = Bucket(10, 100, START)
    assert bucket.take(500, START) == 0
    assert bucket.take(1, START) == 40.1
    assert bucket.take(500, START + 30 * MICROSECONDS) == 20.0


@pytest.mark.parametrize("jump", [-3600, -1])
def test_a_clock_that_is_set_back_stops_nobody(jump: int) -> None:
    bucket = Bucket(10, 100, START)
    assert bucket.take(100, START) == 0
    back = START + jump * MICROSECONDS
    assert bucket.take(10, back) == 1.0
    assert bucket.take(10, back + MICROSECONDS) == 0


def test_each_name_has_a_bucket_of_its_own() -> None:
    rates = Rates(10, 100)
    assert rates.take("west", 100, START) == 0
    assert rates.take("west", 1, START) > 0
    assert rates.take("south", 100, START) == 0


def test_a_rate_of_zero_is_no_bound() -> None:
    rates = Rates(0, 0)
    assert all(rates.take("west", 10**6, START) == 0 for _ in range(100))
