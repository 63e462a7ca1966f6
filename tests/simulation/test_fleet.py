"""The simulation of whole fleets; longer runs by ``python -m keystone_viaduct.testing.simulate``."""

from __future__ import annotations

import pytest

from keystone_viaduct.sync.model import Document, Ref
from keystone_viaduct.testing.simulate import Setting, run, shares
from keystone_viaduct.testing.simulation.counts import Counts
from keystone_viaduct.testing.simulation.events import BY_HAND
from tests.simulation.scene import Scene

SIX = Setting(sites=6)


def test_fleets_converge_and_lose_nothing() -> None:
    total = Counts()
    for seed in range(7000, 7100):
        total.update(run(seed, SIX))
    assert not total.short_of(shares(SIX), 100)


def test_fleets_whose_rows_change_where_no_trigger_sees_it() -> None:
    setting = Setting(sites=6, also=BY_HAND)
    total = Counts()
    for seed in range(7000, 7100):
        total.update(run(seed, setting))
    assert not total.short_of(shares(setting), 100)


def test_the_same_fleets_over_sqlite() -> None:
    """The real store, Keystone's own tables, triggers: two short runs, for many take their time."""
    setting = Setting(sites=3, steps=80, store="sqlite")
    total = Counts()
    for seed in range(2):
        total.update(run(seed, setting))
    assert total["acknowledged"] > 20


@pytest.mark.parametrize("numbered", [False, True])
def test_what_is_made_over_a_tombstone_and_gone_before_it_is_numbered_never_was(
    scene: Scene, numbered: bool
) -> None:
    """Its deletion does not mean what another site has made anew meanwhile; one of what was numbered does."""
    region = Ref("region", "r")
    made: Document = {"id": "r", "description": "land"}

    def write(step: int, site: str, new: Document | None) -> None:
        scene.clock.advance(1_000_000)
        assert scene.fleet.cloud.write(
            site, scene.fleet.nodes[site].store, step, scene.clock.now(), region, new
        )

    write(1, "hub", made)
    scene.sync()
    write(2, "hub", None)
    scene.sync()
    write(3, "west", made)
    write(4, "hub", made)
    if numbered:
        scene.read("hub", "south")
    write(5, "hub", None)
    scene.equal()
    assert (scene.row("south", region) is None) is numbered
    assert [row.sort for row in scene.conflicts] == ["concurrent"] * numbered


@pytest.mark.parametrize("numbered", [False, True])
def test_what_was_emptied_before_its_record_was_numbered_was_never_there(
    scene: Scene, numbered: bool
) -> None:
    scene.put("hub", "region", "r1", description="land")
    scene.sync()
    region, store = Ref("region", "r"), scene.fleet.nodes["west"].store
    for step, parent in enumerate(({"parent_region_id": "r1"}, {}), start=1):
        scene.clock.advance(1_000_000)
        new: Document = {"id": "r", "description": "land", **parent}
        assert scene.fleet.cloud.write("west", store, step, scene.clock.now(), region, new)
        if numbered:
            scene.sync()
    emptied = [edit for edit in scene.fleet.ledger.edits if edit.value == repr(None)]
    assert bool(emptied) is numbered
