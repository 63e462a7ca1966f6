"""The files that took the longest are told at the end of a run."""

from __future__ import annotations

import pytest

from tests.support.durations import LEAST, lines


def report(test: str, seconds: float) -> pytest.TestReport:
    return pytest.TestReport(test, ("", None, ""), {}, "passed", None, "call", duration=seconds)


def test_the_longest_file_comes_first_with_the_seconds_of_all_its_tests() -> None:
    reports = [
        report("a.py::one", 4.0),
        report("b.py::one", 9.5),
        report("a.py::two[x::y]", 6.0),
        report("c.py::one", 1),
    ]
    total, *files = lines(reports)
    assert total.startswith("20 s in 3 files")
    assert files == ["   10.0 a.py", "    9.5 b.py"]


def test_nothing_is_told_of_a_short_run() -> None:
    assert list(lines([report("a.py::one", LEAST / 2), object()])) == []
