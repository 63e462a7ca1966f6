"""Writers from both sides of a move: a share of ``make test-upgrade-sides``."""

from __future__ import annotations

import pytest

from keystone_viaduct.upgrade.move import Move
from tests.upgrades.sides import SEVERAL, SINGLE, play


@pytest.mark.slow
@pytest.mark.parametrize("move", [SINGLE, SEVERAL], ids=lambda item: item.name)
def test_writers_from_both_sides_do_not_deadlock_and_end_up_equal(database_url: str, move: Move) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("SQLite has one writer")
    tally = play([database_url] * 2, move, 1.0, plain=False)
    assert (tally.deadlocks, tally.inconsistent, tally.others) == (0, 0, [])
    assert tally.writes > 0
