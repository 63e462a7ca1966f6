"""What is counted around Keystone's drivers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from keystone_viaduct import counting
from keystone_viaduct.drivers import counters


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that this process keeps its counts in."""
    counting.keep_in(tmp_path / "counts")
    yield tmp_path / "counts"
    counting.keep_in(None)


def test_retries_their_ends_and_their_time_are_told_of_a_folder(folder: Path) -> None:
    counters.retried("keystone.identity", "update_user", "conflict")
    counters.retried("keystone.identity", "update_user", "conflict")
    counters.ended(counters.RECOVERED, 0.25)
    counters.ended(counters.EXHAUSTED, 1.5)
    total = counters.collect(folder)
    assert total.retries == {("keystone.identity", "update_user", "conflict"): 2}
    assert total.outcomes == {"recovered": 1, "exhausted": 1, "resolved": 0}
    assert total.seconds == pytest.approx(1.75)
    assert counters.known() == total


def test_they_are_told_for_programs(folder: Path) -> None:
    counters.retried("keystone.identity", "update_user", "lost")
    counters.ended(counters.RESOLVED, 0.5)
    assert counters.known().as_json() == {
        "retries": [{"driver": "keystone.identity", "method": "update_user", "fault": "lost", "count": 1}],
        "outcomes": {"recovered": 0, "exhausted": 0, "resolved": 1},
        "seconds": 0.5,
    }


def test_reads_that_a_memo_has_answered_are_counted_with_those_that_it_has_not(folder: Path) -> None:
    counters.remembered(4, 6)
    counters.remembered(1, 0)
    found = counting.MEMO.of(counting.counts())
    assert found == {("hit",): 5, ("miss",): 6}


def test_prometheus_text(folder: Path) -> None:
    for _ in range(4):
        counters.retried("keystone.identity", "update_user", "conflict")
    for _ in range(3):
        counters.ended(counters.RECOVERED, 0.5)
    lines = counting.prometheus(counting.counts(), counters.OF_RETRIES).splitlines()
    labels = 'driver="keystone.identity",fault="conflict",method="update_user"'
    assert f"viaduct_driver_retries_total{{{labels}}} 4.0" in lines
    assert 'viaduct_driver_retried_calls_total{outcome="recovered"} 3.0' in lines
    assert 'viaduct_driver_retried_calls_total{outcome="exhausted"} 0.0' in lines
    assert "viaduct_driver_retry_seconds_total 1.5" in lines
