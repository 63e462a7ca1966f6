"""What a site's tables can't hold is its record all the same: kept in full, handed on, tried again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keystone_viaduct.kinds.raw import Raw
from keystone_viaduct.kinds.value import JSON
from keystone_viaduct.sync.charter import Charter, Coverage, Delegation
from keystone_viaduct.sync.model import Ref
from keystone_viaduct.sync.site.purge import Retention
from keystone_viaduct.testing.folding import fold
from tests.simulation.scene import Scene

POO = "\N{PILE OF POO}"


def refuses(scene: Scene, site: str, *values: str) -> None:
    """From now on that site's database can't hold these values."""
    scene.store(site).unstorable = frozenset(values)


def carried(scene: Scene, site: str) -> dict[Ref, str]:
    """What that site carries, and why."""
    records = scene.store(site).data.records.values()
    return {record.ref: record.carried.reason for record in records if record.carried is not None}


def test_what_the_hub_cannot_hold_is_handed_on_and_never_reverted(scene: Scene) -> None:
    user = scene.user("hub", "u", "ada", extra__email="old")
    scene.sync()
    refuses(scene, "hub", POO)
    scene.put("west", "user", "u", extra__email=POO, extra__phone="1")
    other = scene.user("west", "u2", "bob", extra__email=POO)
    scene.equal()
    assert scene.row("south", user)["extra.email"] == POO  # type: ignore[index]
    assert scene.row("south", other) is not None
    assert scene.row("hub", user)["extra.email"] == "old"  # type: ignore[index]
    assert scene.row("hub", user)["extra.phone"] == "1"  # type: ignore[index]
    assert scene.row("hub", other) is None
    assert carried(scene, "hub") == {user: "unstorable", other: "unstorable"}
    assert not scene.conflicts


def test_what_a_spoke_cannot_hold_is_carried_and_stops_nothing(scene: Scene) -> None:
    """Its knowledge goes on, and what it can hold of a record that it has is written."""
    refuses(scene, "west", POO)
    user = scene.user("hub", "u", "ada", extra__email=POO)
    other = scene.user("hub", "u2", "bob")
    scene.sync()
    assert scene.row("west", user) is None
    assert scene.row("west", other) is not None
    assert not scene.store("west").data.pending
    assert scene.store("west").data.state.all_knowledge.covers(scene.record("hub", user).version)
    scene.put("hub", "user", "u", extra__email="short")
    scene.equal()
    assert scene.row("west", user)["extra.email"] == "short"  # type: ignore[index]
    assert not carried(scene, "west")


def test_what_needs_a_record_that_is_carried_is_carried_with_it_and_comes_with_it(scene: Scene) -> None:
    refuses(scene, "west", POO)
    scene.user("hub", "u", "ada", extra__email=POO)
    scene.project("hub", "p", "web")
    grant = scene.grant("hub", "u", "p")
    scene.equal()
    assert scene.row("west", grant) is None
    assert carried(scene, "west") == {Ref("user", "u"): "unstorable", grant: "reference"}
    scene.put("hub", "user", "u", extra__email="short")
    scene.equal()
    assert scene.row("west", grant) is not None
    assert not carried(scene, "west")


def test_a_tombstone_ends_what_is_carried_and_takes_what_is_carried_along(scene: Scene) -> None:
    """At the hub, too, where no row tells that something belongs to it."""
    refuses(scene, "hub", POO)
    user = scene.user("west", "u", "ada")
    scene.sync()
    secret = scene.put("west", "credential", "c", user_id="u", type="totp", blob=POO)
    scene.send("west", "hub")
    assert carried(scene, "hub") == {secret: "unstorable"}
    scene.delete("south", user)
    scene.equal()
    assert scene.record("hub", secret).deleted
    assert scene.row("west", secret) is None
    assert not carried(scene, "hub")
    assert [(conflict.ref, conflict.sort) for conflict in scene.conflicts] == [(secret, "dependent")]


def test_an_edit_of_a_carried_field_counts_and_another_leaves_it_alone(scene: Scene) -> None:
    user = scene.user("hub", "u", "ada", extra__email="old")
    scene.sync()
    refuses(scene, "west", POO)
    scene.put("hub", "user", "u", extra__email=POO)
    scene.sync()
    scene.put("west", "user", "u", extra__phone="1")
    scene.equal()
    assert scene.row("hub", user)["extra.email"] == POO  # type: ignore[index]
    assert scene.row("hub", user)["extra.phone"] == "1"  # type: ignore[index]
    scene.put("west", "user", "u", extra__email="new")
    scene.sync()
    assert scene.row("hub", user)["extra.email"] == "new"  # type: ignore[index]
    assert not carried(scene, "west")


def test_a_row_that_a_site_makes_of_what_it_carries_is_an_edit_of_it(scene: Scene) -> None:
    """A region of the same id, made by somebody who could not see the other."""
    refuses(scene, "west", POO)
    region = scene.put("hub", "region", "r", description=POO)
    scene.sync()
    scene.put("west", "region", "r", description="plain")
    scene.sync()
    assert scene.row("hub", region) == scene.row("west", region)
    assert scene.row("hub", region)["description"] == "plain"  # type: ignore[index]
    assert not carried(scene, "west")


def test_a_sweep_takes_nothing_that_is_carried_for_deleted(scene: Scene) -> None:
    refuses(scene, "west", POO)
    user = scene.user("hub", "u", "ada", extra__email=POO)
    scene.sync()
    for site in ("west", "hub"):
        for _ in range(200):
            if not scene.site(site).sweep(10).kind:
                break
    scene.equal()
    assert carried(scene, "west") == {user: "unstorable"}


def test_what_is_carried_survives_purge_and_the_office_of_hub(scene: Scene) -> None:
    refuses(scene, "west", POO)
    user = scene.user("hub", "u", "ada", extra__email=POO)
    gone = scene.user("south", "u2", "bob")
    scene.sync()
    scene.delete("south", gone)
    scene.sync()
    for site in ("hub", "west", "south"):
        scene.purge(site, Retention())
    assert gone not in scene.store("west").data.records
    scene.site("west").promote()
    scene.fleet.elect()
    scene.put("south", "user", "u", extra__phone="1")
    scene.equal()
    assert scene.row("hub", user)["extra.phone"] == "1"  # type: ignore[index]
    assert carried(scene, "west") == {user: "unstorable"}


def test_what_leaves_a_sites_coverage_is_carried_no_more(scene: Scene) -> None:
    refuses(scene, "west", POO)
    user = scene.user("hub", "u", "ada", extra__email=POO)
    scene.sync()
    charter = Charter(coverages={"west": Coverage(domains=frozenset({"acme"}))})
    scene.site("hub").write_charter(charter, scene.site("hub").charter().edition)
    scene.equal()
    assert scene.record("west", user).evicted
    assert not carried(scene, "west")


@pytest.mark.parametrize("limit", [1, 50])
def test_a_name_that_the_hub_tells_apart_and_a_spoke_does_not_is_carried_until_it_is_free(
    scene: Scene, limit: int
) -> None:
    first = scene.user("hub", "u1", "Ada")
    scene.sync()
    scene.store("west").fold = fold
    second = scene.user("hub", "u2", "ada", extra__email="hers")
    third = scene.user("hub", "u3", "bob")
    scene.send("hub", "west", limit)
    scene.put("hub", "user", "u3", local__name="ADA", extra__phone="1")
    scene.equal()
    assert carried(scene, "west") == {second: "name", third: "name"}
    assert scene.row("west", third)["local.name"] == "bob"  # type: ignore[index]
    assert scene.row("west", third)["extra.phone"] == "1"  # type: ignore[index]
    scene.put("hub", "user", "u1", local__name="eve")
    scene.put("hub", "user", "u3", local__name="dan")
    scene.equal()
    assert not carried(scene, "west")
    assert scene.row("west", first)["local.name"] == "eve"  # type: ignore[index]
    assert not scene.conflicts


@pytest.mark.parametrize("order", [("west", "south"), ("south", "west")])
@pytest.mark.parametrize("name", [POO, "plain"])
def test_two_records_of_one_name_that_the_hub_only_carries_are_a_clash_as_any_other(
    scene: Scene, order: tuple[str, str], name: str
) -> None:
    """Whether it is the name that it can't hold, or something else of one of them."""
    refuses(scene, "hub", POO)
    roles = {
        site: scene.put(site, "role", f"r-{site}", name=name, domain_id=None, description=POO)
        for site in order
    }
    users = {site: scene.user(site, f"u-{site}", name, extra__email=POO) for site in order}
    for site in order:
        scene.talk(site)
    scene.equal()
    first, second = order
    for refs, field in ((roles, "name"), (users, "local.name")):
        told = {site: (scene.row("west", refs[site]) or {})[field] for site in order}
        assert told == {first: name, second: f"{name}~{second}"}
        assert scene.row("south", refs[first]) == scene.row("west", refs[first])
    assert {row.ref for row in scene.conflicts} == {roles[second], users[second]}
    assert {row.sort for row in scene.conflicts} == {"clash"}
    assert not carried(scene, "west") and not carried(scene, "south")


@pytest.mark.parametrize("first", ["row", "carried"])
def test_a_name_that_one_has_in_the_tables_and_the_other_only_beside_them_is_a_clash(
    scene: Scene, first: str
) -> None:
    refuses(scene, "hub", POO)
    refs = {
        "row": scene.put("west", "role", "row", name="same", domain_id=None),
        "carried": scene.put("south", "role", "carried", name="same", domain_id=None, description=POO),
    }
    for site in ("west", "south") if first == "row" else ("south", "west"):
        scene.talk(site)
    scene.equal()
    (second,) = refs.keys() - {first}
    assert (scene.row("south", refs[first]) or {})["name"] == "same"
    assert (scene.row("south", refs[second]) or {})["name"].startswith("same~")
    assert [row.ref for row in scene.conflicts] == [refs[second]]


def test_what_the_hub_carries_is_decided_though_an_edit_of_it_is_refused(scene: Scene) -> None:
    """A row of the hub has got its name since it was carried."""
    refuses(scene, "hub", POO)
    role = scene.put("west", "role", "carried", name="same", domain_id=None, description=POO)
    scene.send("west", "hub")
    assert carried(scene, "hub") == {role: "unstorable"}
    scene.put("hub", "role", "row", name="same", domain_id=None)
    limits = {"west": Delegation(domains=frozenset({"acme"}))}
    hub = scene.site("hub")
    hub.write_charter(replace(hub.charter(), delegations=limits), hub.charter().edition)
    scene.put("west", "role", "carried", description=f"{POO} again")
    scene.equal()
    names = {(scene.row("south", ref) or {}).get("name") for ref in (role, Ref("role", "row"))}
    assert len(names) == 2 and "same" in names
    assert not scene.store("hub").data.pending


def test_equal_rules_that_the_hub_only_carries_become_one(scene: Scene) -> None:
    """Their user can't be held there, so nor can they."""
    refuses(scene, "hub", POO)
    scene.user("west", "u", "ada", extra__email=POO)
    scene.sync()
    assert carried(scene, "hub")
    rule = {"service": "compute", "path": "/v2.1/servers", "method": "GET", "user_id": "u"}
    refs = [scene.put(site, "access_rule", f"a-{site}", **rule) for site in ("west", "south")]
    scene.equal()
    there = [ref for ref in refs if scene.row("west", ref)]
    assert len(there) == 1 and scene.row("south", there[0])


def test_an_edit_to_the_value_that_is_carried_is_an_edit_all_the_same(scene: Scene) -> None:
    """Its maker has seen another one; who knows only of the carried value has not seen this edit."""
    first = scene.put("hub", "region", "a", description="", parent_region_id=None)
    second = scene.put("hub", "region", "b", description="", parent_region_id=None)
    scene.put("hub", "region", "c", description="", parent_region_id=None)
    scene.sync()
    scene.put("west", "region", "a", parent_region_id="b")
    scene.put("hub", "region", "b", parent_region_id="a")
    scene.send("hub", "west")
    scene.send("hub", "south")
    assert carried(scene, "west") == {second: "cycle"}
    scene.put("west", "region", "a", parent_region_id=None)
    scene.put("west", "region", "b", parent_region_id="a")
    scene.put("south", "region", "b", parent_region_id="c")
    scene.equal()
    assert scene.row("hub", first)["parent_region_id"] is None  # type: ignore[index]
    lost = [row.lost for row in scene.conflicts if row.ref == second]
    assert len(lost) == 1 and lost[0].keys() == {"parent_region_id"}


def test_two_of_one_thing_that_the_hub_only_carries_become_one(scene: Scene) -> None:
    """Their user has no row at the hub, so neither has one: that is no reason not to decide."""
    refuses(scene, "hub", POO)
    scene.user("west", "u", "ada", extra__email=POO)
    scene.sync()
    rule = {"user_id": "u", "service": "compute", "path": "/v2.1/servers", "method": "GET"}
    for site, key in (("west", "one"), ("south", "two")):
        scene.put(site, "access_rule", key, **rule)
        app = {"name": key, "secret_hash": "h", "user_id": "u", "roles": [], "access_rules": [key]}
        scene.put(site, "application_credential", key, **app)
    scene.equal()
    left = [key for key in ("one", "two") if scene.row("west", Ref("access_rule", key)) is not None]
    assert len(left) == 1 and [row.sort for row in scene.conflicts] == ["equal"]
    for key in ("one", "two"):
        assert (scene.row("south", Ref("application_credential", key)) or {})["access_rules"] == left
    assert not any(carried(scene, site) for site in ("west", "south"))


def test_what_the_hub_carries_for_good_is_not_edited_by_being_looked_at(scene: Scene) -> None:
    """Three keys that only its database takes for equal: nothing is to be decided, and nothing numbered."""
    scene.store("hub").fold = fold
    made = [scene.put("west", "region", key, description=key) for key in ("one", "One", "ONE")]
    scene.site("west").read("hub", None, 50)
    versions = [scene.record("west", ref).version for ref in made]
    scene.equal()
    assert len(carried(scene, "hub")) == 2 and not scene.conflicts
    assert [scene.record("south", ref).version for ref in made] == versions


def test_what_loses_its_row_waits_where_a_row_that_needs_it_can_not_go(scene: Scene) -> None:
    """At west b lies below a, and c below b; that west has moved c the hub is yet to decide. The hub has
    deleted a, and puts b below c: a circle. So b can't be written, its row can't stay, and c's row needs it.
    """
    for key in ("a", "b", "c"):
        scene.put("hub", "region", key, description="", parent_region_id=None)
    scene.sync()
    scene.put("west", "region", "b", parent_region_id="a")
    scene.talk("west")
    scene.put("west", "region", "c", parent_region_id="b")
    scene.put("hub", "region", "c", description="the hub's")
    scene.put("hub", "region", "b", parent_region_id="c")
    scene.delete("hub", Ref("region", "a"))
    scene.send("hub", "west")
    scene.equal()
    assert all(scene.row("south", Ref("region", key)) for key in ("b", "c"))


@pytest.mark.parametrize("value", [2**64, Raw('"\\ud83d"'), {"deep": [-(2**63) - 1]}])
def test_what_keystone_could_not_read_again_stays_at_its_site(scene: Scene, value: JSON) -> None:
    """There it stands in the row already; every other site keeps it beside its own."""
    role = scene.put("hub", "role", "r", name="auditor", domain_id=None, extra__note="old")
    scene.sync()
    scene.put("west", "role", "r", extra__note=value, extra__phone="1")
    scene.equal()
    assert scene.row("west", role)["extra.note"] == value  # type: ignore[index]
    for site in ("hub", "south"):
        assert scene.row(site, role)["extra.note"] == "old"  # type: ignore[index]
        assert scene.row(site, role)["extra.phone"] == "1"  # type: ignore[index]
        assert carried(scene, site) == {role: "unstorable"}
    scene.put("south", "role", "r", extra__phone="2")
    scene.equal()
    assert scene.row("west", role)["extra.note"] == value  # type: ignore[index]
    assert scene.row("west", role)["extra.phone"] == "2"  # type: ignore[index]
    assert not carried(scene, "west")
    scene.put("hub", "role", "r", extra__note="new")
    scene.equal()
    assert all(scene.row(site, role)["extra.note"] == "new" for site in ("hub", "west", "south"))  # type: ignore[index]
    assert not any(carried(scene, site) for site in ("hub", "west", "south"))
