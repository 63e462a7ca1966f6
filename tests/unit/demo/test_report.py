"""What the demo concludes from what it saw."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from keystone_viaduct.demo.comparer import Comparison, Difference
from keystone_viaduct.demo.report import Narrator, Report
from keystone_viaduct.demo.scenario.step import Outcome

EQUAL = Comparison(("east", "west"), {"user": 3, "role": 1})
STEP = Outcome("A user is made", "east", {"west": 100.0}, chapter="First")


def report(steps: list[Outcome], comparison: Comparison | None = EQUAL) -> Report:
    return Report([{"name": "east"}, {"name": "west"}], 80.0, steps, comparison, 12.3)


def told(found: Report) -> str:
    narrator = Narrator(Console(file=io.StringIO(), width=100))
    for step in found.steps:
        narrator.step(step)
    narrator.verdict(found)
    assert isinstance(narrator.console.file, io.StringIO)
    return narrator.console.file.getvalue()


def test_good_is_every_step_held_and_all_sites_equal() -> None:
    assert report([STEP]).good


@pytest.mark.parametrize(
    "found",
    [
        report([]),
        report([STEP], None),
        report([replace(STEP, lag_ms={"west": None})]),
        report([replace(STEP, error="NotFound")]),
        report(
            [STEP], replace(EQUAL, differences=[Difference("user", "1", "enabled", {"east": 1, "west": 0})])
        ),
        report([STEP], replace(EQUAL, records={"user": 0})),
        report([STEP], replace(EQUAL, unused=[("user", "extra")])),
    ],
    ids=["no step", "not compared", "never seen", "failed", "differs", "no record", "column unused"],
)
def test_anything_less_is_not_good(found: Report) -> None:
    assert not found.good
    assert found.as_json()["good"] is False


def test_lags_are_told_by_the_way_a_change_took() -> None:
    healed = replace(STEP, lag_ms={"west": 900.0}, timed=False)
    found = report([STEP, replace(STEP, lag_ms={"west": 300.0}), healed])
    assert found.as_json()["median_lag_ms"] == {"east-west": 200.0}
    assert "200 ms" in told(found)
    assert "900" not in told(found)


def test_what_failed_is_told_with_its_error() -> None:
    text = told(report([replace(STEP, lag_ms={"west": None}), replace(STEP, error="NotFound: [no] user")]))
    assert "west never" in text
    assert "NotFound: [no] user" in text
    assert "0 of 2 steps held" in text
    assert text.count("First") == 1, "a chapter has one heading"
