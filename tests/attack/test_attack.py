"""A short share of `make test-attack`: nothing is timed, and what the code decides is looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.attack.fleet import PATIENCE, open_world
from tests.attack.hands import WRITES
from tests.attack.measure import percentile
from tests.attack.run import MEMORY, measure, memory
from tests.attack.verdict import accepted, stopped
from tests.support.databases import DatabaseScope

pytestmark = [pytest.mark.slow, pytest.mark.keystone, pytest.mark.postgresql]
SECONDS = 20
#: What has been tried before anything is looked at; much of the rest depends on when the agent asks.
TRIED = {*WRITES, "forged pokes", "expanding pages", "oversized pages", "40-digit limits", "hub claims"}


def test_whatever_a_limited_site_does_at_once_is_refused_and_nobody_is_stopped(
    tmp_path: Path, database_scope: DatabaseScope
) -> None:
    with open_world(tmp_path, database_scope) as world:
        world.attack()
        assert world.wait_until(lambda: set(world.tried()) >= TRIED, PATIENCE), world.tried()
        world.relent()
        found = measure(world, SECONDS)
        assert [*accepted(world)] == []
        assert [*stopped(world)] == []
    assert not found.failed["workers"]
    assert all(size < MEMORY[name] for name, size in memory(found).items()), found.memory


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(number) for number in range(200, 0, -1)]
    assert [percentile(values, percent) for percent in (50, 99, 100)] == [100.0, 198.0, 200.0]
    assert percentile([7.0], 99) == 7.0
