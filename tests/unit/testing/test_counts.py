"""A simulation says what it has tried too seldom, and does not blame chance."""

from __future__ import annotations

import pytest

from keystone_viaduct.testing.simulation.counts import Counts


@pytest.mark.parametrize(
    ("share", "runs", "met", "short"),
    [
        (0.01, 100, 0, False),  # one was likely: e to the -1 of all blocks have none
        (0.01, 5000, 0, True),
        (0.01, 5000, 23, True),
        (0.01, 5000, 24, False),
        (0.15, 100, 1, True),
        (0.15, 100, 2, False),
        (50.0, 100, 4718, True),
        (50.0, 100, 4719, False),
        (50.0, 100, 6000, False),
    ],
)
def test_what_is_rare_is_only_called_too_seldom_when_chance_does_not_explain_it(
    share: float, runs: int, met: int, short: bool
) -> None:
    assert bool(Counts({"edits": met}).short_of({"edits": share}, runs)) is short


def test_the_message_says_how_often_a_thing_was_met_and_expected() -> None:
    assert Counts().short_of({"edits": 1.0}, 100) == ["edits: 0 in 100 runs, 100 expected"]
