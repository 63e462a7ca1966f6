"""What is deleted where it is not in use stays where somebody has begun to use it, whoever is heard first."""

from __future__ import annotations

from typing import Any

import pytest

from keystone_viaduct.sync.charter import Charter, Delegation, Edition
from keystone_viaduct.sync.model import Ref
from keystone_viaduct.sync.site.purge import Retention
from tests.simulation.scene import Scene

RULE = Ref("access_rule", "r")


@pytest.fixture
def rule(scene: Scene) -> Scene:
    """A user with an access rule that nothing uses, everywhere."""
    scene.user("hub", "u", "ada")
    scene.project("hub", "p", "web")
    fields = {"user_id": "u", "service": "compute", "path": "/servers", "method": "GET"}
    scene.put("hub", "access_rule", "r", **fields)
    scene.sync()
    return scene


def use(scene: Scene, site: str, key: str = "app", **fields: Any) -> Ref:
    """An application credential that is restricted by the rule."""
    given = {"user_id": "u", "project_id": "p", "name": key, "secret_hash": f"hash of {key}"}
    return scene.put(site, "application_credential", key, **given, access_rules=["r"], **fields)


def everywhere(scene: Scene, *refs: Ref) -> bool:
    return all(scene.row(site, ref) is not None for site in scene.fleet.nodes for ref in refs)


@pytest.mark.parametrize("limit", [1, 50])
@pytest.mark.parametrize("at", ["hub", "south"])
def test_a_deletion_that_is_heard_of_first_gives_way_to_a_new_user(rule: Scene, limit: int, at: str) -> None:
    app = use(rule, "west")
    rule.delete(at, RULE)
    if at == "south":
        rule.send("south", "hub")
    rule.send("west", "hub", limit)
    assert [e.reason for e in rule.store("hub").data.pending.values()] == ["reference"]
    rule.send("hub", "west", limit)
    rule.equal()
    assert everywhere(rule, RULE, app)
    assert [(c.ref, c.sort) for c in rule.conflicts] == [(RULE, "in-use")]


def test_what_both_have_is_deleted_with_what_it_was_made_for(rule: Scene) -> None:
    """The hub has had the credential, and has seen it go: the rule is not made anew, page by page."""
    app = use(rule, "west")
    rule.sync()
    rule.delete("hub", app)
    rule.delete("hub", RULE)
    rule.put("west", "user", "u", extra__email="news")
    rule.send("hub", "west", 1)
    rule.equal()
    assert not any(rule.row(site, ref) for site in rule.fleet.nodes for ref in (RULE, app))
    assert not rule.conflicts


def test_a_user_whose_owner_is_gone_goes_with_the_rule(rule: Scene) -> None:
    app = use(rule, "west")
    rule.delete("hub", RULE)
    rule.delete("hub", Ref("user", "u"))
    rule.equal()
    assert not any(rule.row(site, ref) for site in rule.fleet.nodes for ref in (RULE, app))
    assert (app, "dangling") in {(c.ref, c.sort) for c in rule.conflicts}


def test_a_site_that_may_not_make_the_rule_anew_loses_what_uses_it(rule: Scene) -> None:
    """It is refused and listed once, and nothing goes in circles."""
    limits = {"west": Delegation(kinds=frozenset({"application_credential"}))}
    rule.site("hub").write_charter(Charter(delegations=limits), Edition())
    rule.sync()
    app = use(rule, "west")
    rule.delete("hub", RULE)
    rule.equal()
    assert not any(rule.row(site, ref) for site in rule.fleet.nodes for ref in (RULE, app))
    assert "refused" in {c.sort for c in rule.conflicts if c.ref == RULE}
    assert {c.sort for c in rule.conflicts if c.ref == app} & {"dangling", "refused"}


def test_a_revived_rule_is_a_new_one_to_who_has_purged_its_tombstone(rule: Scene) -> None:
    app = use(rule, "west")
    rule.delete("hub", RULE)
    rule.send("hub", "south")
    rule.send("south", "hub")
    rule.purge("south", Retention())
    rule.equal()
    assert everywhere(rule, RULE, app)


def test_a_region_stays_with_the_endpoint_that_another_site_has_put_there(scene: Scene) -> None:
    region = scene.put("hub", "region", "r", description="land")
    scene.put("hub", "service", "s", type="compute")
    scene.sync()
    there = {"service_id": "s", "interface": "public", "url": "http://x", "region_id": "r", "enabled": True}
    endpoint = scene.put("west", "endpoint", "e", **there)
    scene.delete("south", region)
    scene.send("south", "hub")
    scene.equal()
    assert everywhere(scene, region, endpoint)
