"""The simulation of whole fleets; longer runs by ``python -m keystone_viaduct.testing.simulate``."""

from __future__ import annotations

import pytest

from keystone_viaduct.testing.simulate import run
from keystone_viaduct.testing.simulation.fleet import Counts


@pytest.mark.parametrize("block", range(6))
def test_fleets_converge_and_lose_nothing(block: int) -> None:
    total = Counts()
    for seed in range(block * 50, block * 50 + 50):
        total.add(run(seed, sites=6, steps=150))
    assert total.acknowledged > 2000
    assert min(total.conflicts, total.crashes, total.cuts, total.replays) > 50


@pytest.mark.parametrize("block", range(2))
def test_fleets_with_a_site_restored_from_backups_lose_nothing(block: int) -> None:
    total = Counts()
    for seed in range(10_000 + block * 50, 10_000 + block * 50 + 50):
        total.add(run(seed, sites=4, steps=150, restores=True))
    assert total.restores > 20
