"""The file of ``make test-records``: what was found in a round is there when a run is begun again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.records.judge import Verdict
from tests.records.rounds import Kept, Round

ROUND = Round(("sqlite", "mysql"), 7, 100)
FOUND = Verdict(100, {("user", "ü/\udc80"): "too long"}, ["a link"], ["one"], ["other"], {"delete": 3})


def test_what_was_kept_is_found_again_and_nothing_else(tmp_path: Path) -> None:
    Kept(tmp_path / "kept").keep(ROUND, FOUND)
    again = Kept(tmp_path / "kept")
    assert [again.found(ROUND), again.found(ROUND)] == [FOUND, FOUND]
    assert again.found(Round(("sqlite", "mysql"), 8, 100)) is None
    assert again.found(Round(("mysql", "sqlite"), 7, 100)) is None


@pytest.mark.parametrize("left", [1, 20, 60])
def test_half_a_line_of_a_run_that_was_killed_is_a_round_that_was_not_played(
    tmp_path: Path, left: int
) -> None:
    place, other = tmp_path / "kept", Round(("mysql", "sqlite"), 8, 100)
    Kept(place).keep(ROUND, FOUND)
    whole = place.read_text()
    Kept(place).keep(other, FOUND)
    place.write_text(place.read_text()[: len(whole) + left])
    again = Kept(place)
    assert (again.found(ROUND), again.found(other)) == (FOUND, None)
    again.keep(other, FOUND)
    assert Kept(place).found(other) == FOUND


def test_without_a_file_nothing_is_kept() -> None:
    kept = Kept(None)
    kept.keep(ROUND, FOUND)
    assert kept.found(ROUND) is None
