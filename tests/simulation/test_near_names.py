"""Names that one site's database takes for equal, and another's does not."""

from __future__ import annotations

from typing import Any

import pytest

from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import Ref
from keystone_viaduct.testing.folding import fold
from tests.simulation.scene import Scene

NEAR = [("Auditor", "auditor"), ("José", "Jose"), ("blank", "blank  ")]


def region(scene: Scene, site: str, key: str, parent: str | None = None) -> Ref:
    """A region with this id."""
    return scene.put(site, "region", key, description="", parent_region_id=parent)


def carried(scene: Scene, site: str) -> dict[Ref, str]:
    """What that site carries, and why."""
    records = scene.store(site).data.records.values()
    return {record.ref: record.carried.reason for record in records if record.carried is not None}


@pytest.mark.parametrize(("one", "other"), NEAR)
def test_two_near_names_in_one_page_are_a_clash_at_a_hub_that_folds(
    scene: Scene, one: str, other: str
) -> None:
    scene.store("hub").fold = fold
    first = scene.put("west", "role", "r1", name=one, domain_id=None)
    second = scene.put("west", "role", "r2", name=other, domain_id=None)
    user = scene.user("west", "u1", one)
    twin = scene.user("west", "u2", other)
    scene.equal()
    rows = {ref: scene.row("south", ref) or {} for ref in (first, second, user, twin)}
    assert rows[first]["name"] == one and rows[second]["name"] == f"{other}~west"
    assert rows[user]["local.name"] == one and rows[twin]["local.name"] == f"{other}~west"
    assert {row.ref for row in scene.conflicts} == {second, twin}
    assert {row.sort for row in scene.conflicts} == {"clash"}


def test_a_child_that_is_called_as_its_parent_is_a_clash_as_any_other(scene: Scene) -> None:
    """The child stands first in the feed: it waits for its parent, whose name it takes."""
    scene.store("hub").fold = fold
    parent = scene.put("west", "project", "p1", name="bob", domain_id="default", parent_id="default")
    child = scene.put("west", "project", "p2", name="bob  ", domain_id="default", parent_id="p1")
    scene.site("west").state()
    scene.put("west", "project", "p1", description="edited after the child was made")
    scene.equal()
    names = {(scene.row("south", ref) or {})["name"] for ref in (parent, child)}
    assert names in ({"bob", "bob  ~west"}, {"bob~west", "bob  "})
    assert [row.sort for row in scene.conflicts] == ["clash"]


def test_a_free_name_is_one_that_is_free_to_the_database(scene: Scene) -> None:
    scene.store("hub").fold = fold
    scene.put("hub", "role", "r0", name="AUDITOR~WEST", domain_id=None)
    scene.put("hub", "role", "r1", name="Auditor", domain_id=None)
    second = scene.put("west", "role", "r2", name="auditor", domain_id=None)
    scene.equal()
    assert (scene.row("hub", second) or {})["name"] == "auditor~west~2"


def test_a_name_may_change_to_one_that_is_near_to_it(scene: Scene) -> None:
    scene.store("hub").fold = fold
    scene.store("south").fold = fold
    role = scene.put("west", "role", "r", name="Auditor", domain_id=None)
    scene.sync()
    scene.put("west", "role", "r", name="auditor")
    scene.equal()
    assert (scene.row("south", role) or {})["name"] == "auditor" and not scene.conflicts


def test_near_names_may_be_exchanged_for_others_in_one_page(scene: Scene) -> None:
    """One gives its name up, another takes a near one."""
    for site in ("hub", "south"):
        scene.store(site).fold = fold
    first = scene.user("west", "u1", "Ada")
    scene.sync()
    scene.user("west", "u1", "bob")
    second = scene.user("west", "u2", "ADA")
    scene.equal()
    assert [(scene.row("south", ref) or {})["local.name"] for ref in (first, second)] == ["bob", "ADA"]


def test_at_a_spoke_that_folds_the_later_one_is_carried_and_stops_nothing(scene: Scene) -> None:
    scene.store("south").fold = fold
    first = scene.put("west", "role", "r1", name="Auditor", domain_id=None)
    second = scene.put("west", "role", "r2", name="auditor", domain_id=None)
    user = scene.user("west", "u", "ada")
    scene.equal()
    assert scene.row("south", first) and scene.row("south", user) and not scene.row("south", second)
    assert carried(scene, "south") == {second: "name"} and not scene.conflicts
    scene.put("west", "role", "r1", name="Inspector")
    scene.equal()
    assert (scene.row("south", second) or {})["name"] == "auditor" and not carried(scene, "south")


@pytest.mark.parametrize("folding", ["hub", "south"])
def test_keys_that_a_database_takes_for_equal_are_carried_there_and_lost_nowhere(
    scene: Scene, folding: str
) -> None:
    """A key can't be changed, so nothing is decided: each is a record in its own right elsewhere."""
    scene.store(folding).fold = fold
    first, second = region(scene, "west", "RegionOne"), region(scene, "west", "regionone")
    below = region(scene, "west", "below", "regionone")
    user = scene.user("west", "u", "ada")
    scene.equal()
    assert scene.row(folding, first) and scene.row(folding, user)
    assert carried(scene, folding) == {second: "name", below: "reference"}
    others = [site for site in ("hub", "west", "south") if site != folding]
    assert all(scene.row(site, ref) for site in others for ref in (first, second, below))
    assert not scene.conflicts
    scene.delete("west", first)
    scene.equal()
    assert scene.row("hub", second) and scene.row("south", below) and not carried(scene, folding)


@pytest.mark.parametrize("kind", ["service", "endpoint_group"])
def test_keys_of_kinds_without_names_of_their_own(scene: Scene, kind: str) -> None:
    scene.store("hub").fold = fold
    known: dict[str, dict[str, Any]] = {
        "service": {"type": "compute", "enabled": True},
        "endpoint_group": {"name": "all", "filters": {"interface": "public"}},
    }
    fields = known[kind]
    assert REGISTRY[kind].rename is None
    first = scene.put("west", kind, "Key", **fields)
    second = scene.put("south", kind, "key", **fields)
    scene.equal()
    assert all(scene.row(site, ref) for site in ("west", "south") for ref in (first, second))
    assert list(carried(scene, "hub").values()) == ["name"] and not scene.conflicts


def test_a_value_that_is_the_very_same_is_a_clash_everywhere_and_decided(scene: Scene) -> None:
    """A remote id of two identity providers: no kind of theirs has a name to change."""
    fields: dict[str, Any] = {"enabled": True, "domain_id": "default", "remote_ids": ["https://idp"]}
    for site, key in (("west", "one"), ("south", "two")):
        scene.put(site, "identity_provider", key, **fields)
    scene.equal()
    assert [row.sort for row in scene.conflicts] == ["clash"] and not carried(scene, "hub")


def test_a_key_may_be_replaced_by_a_near_one_with_all_that_refers_to_it(scene: Scene) -> None:
    """What stays still refers to the old region by a foreign key when the new one is written."""
    scene.store("south").fold = fold
    region(scene, "west", "RegionOne")
    scene.put("west", "service", "s", type="compute", enabled=True)
    endpoint = scene.put(
        "west", "endpoint", "e", interface="public", service_id="s", region_id="RegionOne", url="u"
    )
    scene.sync()
    second = region(scene, "west", "regionone")
    scene.put("west", "endpoint", "e", region_id="regionone")
    scene.delete("west", Ref("region", "RegionOne"))
    scene.equal()
    for site in ("hub", "west", "south"):
        assert (scene.row(site, endpoint) or {})["region_id"] == "regionone"
        assert scene.row(site, second)
    assert not carried(scene, "south")
