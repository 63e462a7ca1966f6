"""Counters of several worker processes, added up."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from keystone_viaduct import counting
from keystone_viaduct.counting import HIT, MEMO, PAGES, RECORDS, RETRY_SECONDS
from keystone_viaduct.errors import ConfigError

CHILD = """
import sys
from pathlib import Path
from keystone_viaduct import counting
counting.keep_in(Path(sys.argv[1]))
counting.PAGES.add("applied", number=3)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    counting.keep_in(None)
    counting.keep_in(tmp_path / "counts")
    yield tmp_path / "counts"
    counting.keep_in(None)


def pages() -> int:
    return PAGES.of(counting.counts())["applied",]


def test_processes_are_added_up(folder: Path) -> None:
    for _ in range(2):
        subprocess.run([sys.executable, "-c", CHILD, str(folder)], check=True, timeout=60)
    PAGES.add("applied")
    assert pages() == 7


def test_what_is_counted_often_is_there_when_this_process_is_asked(folder: Path) -> None:
    for _ in range(5):
        MEMO.add(HIT)
    assert MEMO.of(counting.counts())[HIT,] == 5


def test_a_process_goes_on_from_the_counts_of_its_number(folder: Path) -> None:
    PAGES.add("applied")
    counting.keep_in(folder)  # as a new process that was given the same number
    PAGES.add("applied")
    assert pages() == 2


def test_what_is_no_file_of_ours_is_passed_over(folder: Path) -> None:
    (folder / "1.counts.json").write_text("{")
    (folder / "2.counts.json").write_text('{"retries": [1]}')
    (folder / "readme").write_text("mine")
    PAGES.add("applied")
    assert sum(counting.counts().values()) == 1


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="counters"):
        counting.keep_in(tmp_path / "file" / "counts")


def test_without_a_folder_a_process_tells_its_own() -> None:
    counting.keep_in(None)
    PAGES.add("applied")
    assert counting.counts() == {("viaduct_local_pages", "applied"): 1}
    counting.keep_in(None)


def test_json_and_prometheus_tell_the_same(folder: Path) -> None:
    RECORDS.add("user", "received", number=2)
    RETRY_SECONDS.add(number=250_000)
    found = counting.counts()
    told = {(one["name"], *one["labels"].values()): one["value"] for one in counting.to_json(found)}
    assert told["viaduct_local_records_total", "user", "received"] == 2
    assert told["viaduct_driver_retry_seconds_total",] == 0.25
    assert told["viaduct_local_memo_total", "hit"] == 0
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in counting.families(found)
        for sample in family.samples
    }
    assert samples == told
