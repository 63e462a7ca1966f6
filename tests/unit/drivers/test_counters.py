"""The counts of all processes, added up."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from keystone_viaduct.drivers import counters
from keystone_viaduct.errors import ConfigError

CHILD = """
import sys
from pathlib import Path
from keystone_viaduct.drivers import counters
counters.keep_in(Path(sys.argv[1]))
for _ in range(3):
    counters.retried("keystone.identity", "update_user", "conflict")
counters.ended("recovered", 0.25)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that this process keeps its counts in."""
    counters.keep_in(tmp_path / "counts")
    yield tmp_path / "counts"
    counters.keep_in(None)


def test_processes_are_added_up(folder: Path) -> None:
    for _ in range(2):
        subprocess.run([sys.executable, "-c", CHILD, str(folder)], check=True, timeout=60)
    counters.retried("keystone.identity", "update_user", "lost")
    total = counters.collect(folder)
    assert total.retries["keystone.identity", "update_user", "conflict"] == 6
    assert total.retries["keystone.identity", "update_user", "lost"] == 1
    assert total.outcomes["recovered"] == 2
    assert total.seconds == pytest.approx(0.5)


def test_a_process_goes_on_from_the_counts_of_its_number(folder: Path) -> None:
    counters.ended("recovered", 1.0)
    counters.keep_in(folder)  # as a new process that was given the same number
    counters.ended("recovered", 1.0)
    assert counters.collect(folder).outcomes["recovered"] == 2


def test_what_is_no_count_is_passed_over(folder: Path) -> None:
    (folder / "1.retries.json").write_text("{")
    (folder / "2.retries.json").write_text('{"retries": [1]}')
    (folder / "readme").write_text("mine")
    counters.ended("exhausted")
    assert counters.collect(folder).outcomes["exhausted"] == 1


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="counters"):
        counters.keep_in(tmp_path / "file" / "counts")


def test_prometheus_text() -> None:
    counts = counters.Counts()
    counts.retries["keystone.identity", "update_user", "conflict"] = 4
    counts.outcomes["recovered"] = 3
    counts.seconds = 1.5
    text = counters.prometheus(counts)
    assert (
        'viaduct_driver_retries_total{driver="keystone.identity",method="update_user",fault="conflict"} 4'
        in text.splitlines()
    )
    assert 'viaduct_driver_retried_calls_total{outcome="recovered"} 3' in text.splitlines()
    assert 'viaduct_driver_retried_calls_total{outcome="exhausted"} 0' in text.splitlines()
    assert "viaduct_driver_retry_seconds_total 1.500000" in text.splitlines()
