"""Releases with other fields in one fleet: named scenarios of what is carried, adopted and left alone."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from keystone_viaduct.errors import StoreError
from keystone_viaduct.sync.charter import Charter, Delegation
from keystone_viaduct.sync.model import Ref
from keystone_viaduct.sync.site.nonce import seeded
from keystone_viaduct.testing.memory import MemoryStore, MemoryTransaction
from tests.simulation.scene import Scene

OLD = frozenset({"id", "rules"})
NEW = OLD | {"schema_version"}


@pytest.fixture
def scene() -> Iterator[Scene]:
    """A hub and two spokes; ``west`` has no column for the schema version of a mapping."""
    with seeded(random.Random(7)):
        made = Scene("hub", "west", "south")
        memory(made, "west").known = {"mapping": OLD}
        made.sync()
        yield made


def memory(scene: Scene, site: str) -> MemoryStore:
    """The store of a site."""
    store = scene.store(site)
    assert isinstance(store, MemoryStore)
    return store


def mapping(scene: Scene, site: str, **fields: object) -> Ref:
    """A mapping."""
    return scene.put(site, "mapping", "m", **{"rules": [], **fields})


def edit_old(scene: Scene, rules: object) -> None:
    """West changes the mapping by what it has columns for."""
    mapping(scene, "west", rules=rules)


def test_upgrade_adopts_unknown(scene: Scene) -> None:
    """What was only carried is in the tables after the upgrade, and no edit comes of it."""
    ref = mapping(scene, "hub", schema_version="2.0")
    scene.sync()
    assert "schema_version" not in (scene.row("west", ref) or {})
    assert scene.record("west", ref).unknown == {"schema_version": "2.0"}
    memory(scene, "west").known = {}
    head = scene.store("west").data.state.head
    edit_old(scene, [1])
    scene.site("west").state()
    row = scene.row("west", ref) or {}
    assert row["schema_version"] == "2.0"
    assert not scene.record("west", ref).unknown
    assert scene.store("west").data.state.head == head + 1
    scene.equal()
    assert (scene.row("south", ref) or {})["rules"] == [1]
    assert (scene.row("hub", ref) or {})["schema_version"] == "2.0"


def test_an_edit_after_the_upgrade_counts_more_than_what_was_carried(scene: Scene) -> None:
    ref = mapping(scene, "hub", schema_version="2.0")
    scene.sync()
    memory(scene, "west").known = {}
    mapping(scene, "west", schema_version="3.0")
    scene.sync()
    assert {(scene.row(site, ref) or {})["schema_version"] for site in ("hub", "west", "south")} == {"3.0"}
    assert not scene.conflicts


def test_what_the_new_column_cannot_hold_is_carried_beside_the_row(scene: Scene) -> None:
    """The row can be edited in that field, and that is an edit; what it can hold of the rest is written."""
    memory(scene, "west").known = {"mapping": frozenset({"id"})}
    scene.site("west").state()
    ref = mapping(scene, "hub", rules=["a"], schema_version="2.0🐧")
    scene.sync()
    memory(scene, "west").unstorable = frozenset("🐧")
    memory(scene, "west").known = {}
    scene.site("west").state()
    record = scene.record("west", ref)
    assert (scene.row("west", ref) or {})["rules"] == ["a"] and not record.unknown
    assert record.carried is not None and record.carried.document == {"schema_version": "2.0🐧"}
    scene.equal()
    mapping(scene, "west", schema_version="3.0")
    scene.equal()
    assert {(scene.row(site, ref) or {})["schema_version"] for site in ("hub", "west", "south")} == {"3.0"}


def test_what_an_older_site_changes_leaves_the_unknown_alone(scene: Scene) -> None:
    ref = mapping(scene, "hub", schema_version="2.0")
    scene.sync()
    edit_old(scene, ["west"])
    scene.sync()
    for site in ("hub", "south"):
        assert scene.row(site, ref) == {"id": "m", "rules": ["west"], "schema_version": "2.0"}


def test_a_dropped_column_empties_nothing_elsewhere(scene: Scene) -> None:
    """The upgraded site lacks the value, and says so: no deletion, and nothing waits for ever."""
    memory(scene, "west").known = {}
    ref = mapping(scene, "hub", schema_version="2.0")
    scene.sync()
    data = memory(scene, "west").data
    data.rows[ref] = {name: value for name, value in data.rows[ref].items() if name in OLD}
    memory(scene, "west").known = {"mapping": OLD}
    edit_old(scene, ["after the drop"])
    scene.sync()
    for site in ("hub", "south"):
        assert scene.row(site, ref) == {"id": "m", "rules": ["after the drop"], "schema_version": "2.0"}
    assert scene.row("west", ref) == {"id": "m", "rules": ["after the drop"]}
    assert not scene.conflicts


def test_what_went_with_a_deletion_does_not_come_back_with_the_next_life() -> None:
    """South sets a field that neither hub nor west has a column for, and deletes the mapping. At a hub that
    was restored to before, east's edit keeps it alive: the field is gone, and west is not to bring it back.
    """
    scene = Scene("hub", "west", "south", "east")
    for site in ("hub", "west"):
        memory(scene, site).known = {"mapping": OLD}
    ref = mapping(scene, "hub")
    scene.sync()
    backup = scene.store("hub").data.copy()
    mapping(scene, "south", schema_version="2.0")
    scene.send("south", "hub")
    scene.send("hub", "west")
    assert scene.record("west", ref).unknown == {"schema_version": "2.0"}
    scene.delete("south", ref)
    scene.store("hub").data = backup
    mapping(scene, "east", rules=["east"])
    scene.fleet.restorations += 1
    scene.fleet.forked.add(backup.state.origin)
    for site in ("east", "south"):
        scene.talk(site)
    scene.equal()
    assert all(scene.row(site, ref) == {"id": "m", "rules": ["east"]} for site in ("hub", "south", "east"))
    assert not scene.record("west", ref).unknown


def test_what_the_hub_has_lost_with_a_column_comes_back_from_a_spoke(
    scene: Scene,
) -> None:
    """The hub alone had the last value. Who still has the one before gives it back: nobody has another."""
    ref = mapping(scene, "hub", schema_version="2.0")
    scene.sync()
    mapping(scene, "hub", schema_version="3.0")
    scene.site("hub").state()
    data = memory(scene, "hub").data
    data.rows[ref] = {name: value for name, value in data.rows[ref].items() if name in OLD}
    memory(scene, "hub").known = {"mapping": OLD}
    mapping(scene, "south", rules=["south"])
    scene.send("south", "hub")
    assert scene.record("hub", ref).unknown == {"schema_version": "2.0"}
    scene.sync()
    for site in ("south", "hub"):
        row = {**(scene.row(site, ref) or {}), **scene.record(site, ref).unknown}
        assert row == {"id": "m", "rules": ["south"], "schema_version": "2.0"}


def test_what_the_hub_refuses_goes_back_although_it_has_no_column_for_it(scene: Scene) -> None:
    """South may not change mappings; the hub's release does not know the field that it has set."""
    ref = mapping(scene, "hub", rules=[1])
    charter = scene.site("hub").charter()
    limited = Charter(delegations={"south": Delegation(kinds=frozenset({"user"}))})
    scene.site("hub").write_charter(limited, charter.edition)
    memory(scene, "hub").known = {"mapping": OLD}
    scene.sync()
    mapping(scene, "south", rules=[1], schema_version="2.0")
    scene.equal()
    assert scene.row("south", ref) == {"id": "m", "rules": [1]}
    assert [conflict.sort for conflict in scene.conflicts] == ["refused"]


def test_a_process_of_before_the_upgrade_numbers_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapping(scene, "hub", schema_version="2.0")
    scene.sync()
    memory(scene, "west").known = {}
    scene.site("west").state()
    memory(scene, "west").known = {"mapping": OLD}
    monkeypatch.setattr(MemoryTransaction, "release_is_current", lambda tx: False)
    with pytest.raises(StoreError, match="as it was before") as caught:
        scene.site("west").state()
    assert caught.value.hint and "restart" in caught.value.hint
