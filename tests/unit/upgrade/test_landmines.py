"""The page of landmines names tests that are there."""

from __future__ import annotations

import re

from tests.unit.test_docs import ROOT, rows

PAGE = "explanation/upgrade-landmines.md"


def test_each_landmine_has_its_test() -> None:
    found = {mine: cells[-1].strip("`") for mine, cells in rows(PAGE).items()}
    named = {mine: test for mine, test in found.items() if mine not in ("what goes wrong", "---")}
    assert len(named) > 25
    there = set[str]()
    for path in (ROOT / "tests").rglob("test_*.py"):
        there.update(re.findall(r"def (test_\w+)\(", path.read_text()))
    assert not {mine: test for mine, test in named.items() if test not in there}
