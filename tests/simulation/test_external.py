"""Owners without rows: that nothing is there is no evidence of a deletion."""

from __future__ import annotations

import random

import pytest

from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.charter import Charter, Coverage, Delegation
from keystone_viaduct.sync.external import External, ExternalDrivers
from keystone_viaduct.sync.link.compare import Comparison
from keystone_viaduct.sync.model import Ref
from keystone_viaduct.sync.ports import Write
from keystone_viaduct.sync.site.nonce import seeded
from keystone_viaduct.sync.site.purge import Retention
from keystone_viaduct.sync.site.sequencer import sequence
from keystone_viaduct.testing.simulation import unseen
from keystone_viaduct.testing.simulation.fleet import SECOND
from tests.simulation.scene import Scene

DIGEST = "5f" * 32
JDOE = (External("user", "jdoe", "default"),)


def sweep(scene: Scene, site: str = "hub") -> None:
    """One whole round."""
    while scene.site(site).sweep(50).kind:
        pass


def everywhere(scene: Scene, *refs: Ref) -> bool:
    """Whether all sites have these."""
    return all(scene.row(site, ref) is not None for site in scene.fleet.nodes for ref in refs)


def set_charter(scene: Scene, charter: Charter) -> None:
    """Written by the operator at the hub."""
    scene.site("hub").write_charter(charter, scene.site("hub").charter().edition)


def mapped(scene: Scene, *sites: str) -> Ref:
    """Somebody of a domain whose driver's ids are mapped at these sites, with the row that says so."""
    scene.put("hub", "domain", "corp", name="corp", enabled=True)
    scene.sync()
    for site in sites:
        scene.store(site).drivers = ExternalDrivers({"corp": "ldap"})
    scene.fleet.directory |= {Ref("user", DIGEST)}
    for site in scene.fleet.nodes:
        scene.store(site).directory |= {Ref("user", DIGEST)}
    return scene.put(
        sites[0], "id_mapping", DIGEST, public_id=DIGEST, domain_id="corp", local_id="j", entity_type="user"
    )


@pytest.mark.parametrize("site", ["hub", "west"])
def test_what_an_external_user_is_given_and_has_arrives_everywhere_and_stays(scene: Scene, site: str) -> None:
    """Only where it is made is there a directory; all others have no row and no driver that could tell."""
    scene.directory(site, people=["jdoe"])
    scene.project("hub", "p", "web")
    scene.sync()
    grant, credential = scene.grant(site, "jdoe", "p"), scene.credential(site, "c", "jdoe")
    scene.sync()
    sweep(scene)
    scene.equal()
    assert everywhere(scene, grant, credential) and not scene.conflicts
    assert {scene.record(name, grant).external for name in scene.fleet.nodes} == {JDOE}
    assert {scene.record(name, grant).scope for name in scene.fleet.nodes} == {"default"}


def test_so_does_the_grant_of_an_external_group(scene: Scene) -> None:
    scene.directory("west", people=[], groups=["ops"])
    scene.project("hub", "p", "web")
    scene.sync()
    fields = {"type": "GroupProject", "actor_id": "ops", "target_id": "p", "role_id": "member"}
    key = REGISTRY["assignment"].make_key("GroupProject", "ops", "p", "member", False)
    grant = scene.put("west", "assignment", key, inherited=False, **fields)
    scene.sync()
    sweep(scene)
    scene.equal()
    assert everywhere(scene, grant) and not scene.conflicts


def test_an_orphan_under_an_sql_driver_is_one_as_before(scene: Scene) -> None:
    """The twin of it all: nobody's configuration knows such a user, and there is no row."""
    for name in scene.fleet.nodes:
        scene.store(name).directory |= {Ref("user", "nobody")}
    orphan = scene.credential("west", "c", "nobody")
    scene.sync()
    assert not any(scene.row(name, orphan) for name in scene.fleet.nodes)
    assert [(c.ref, c.sort) for c in scene.conflicts] == [(orphan, "dangling")]


def test_an_orphan_made_under_sql_is_one_at_a_hub_with_a_directory_too(scene: Scene) -> None:
    """The site that makes a record says what its owners are, not the one that gets it."""
    scene.directory("hub", people=[])
    for name in scene.fleet.nodes:
        scene.store(name).directory |= {Ref("user", "nobody")}
    orphan = scene.credential("west", "c", "nobody")
    scene.sync()
    assert not any(scene.row(name, orphan) for name in scene.fleet.nodes)


def test_what_a_site_made_before_it_was_told_of_its_directory_stays(scene: Scene) -> None:
    """A sweep goes by the configuration of today."""
    scene.project("hub", "p", "web")
    for name in scene.fleet.nodes:
        scene.store(name).directory |= {Ref("user", "jdoe")}
    grant = scene.grant("hub", "jdoe", "p")
    scene.store("hub").run(lambda tx: sequence(tx, tx.state(), scene.clock.now()))
    assert scene.record("hub", grant).external == ()
    scene.directory("hub", people=["jdoe"])
    sweep(scene)
    assert scene.row("hub", grant) is not None
    scene.store("hub").drivers = ExternalDrivers()
    sweep(scene)
    assert scene.row("hub", grant) is None


def test_a_user_whose_row_was_seen_to_go_is_gone_also_where_there_is_a_directory(scene: Scene) -> None:
    """West has a directory for the same domain, and knows that this user was a row."""
    scene.directory("hub", "west", people=[])
    user = scene.user("hub", "u", "ada")
    scene.sync()
    credential = scene.credential("west", "c", "u")
    assert scene.record("west", user).external == ()
    scene.delete("hub", user)
    scene.sync()
    sweep(scene)
    scene.equal()
    assert not any(scene.row(name, credential) for name in scene.fleet.nodes)
    for name in scene.fleet.nodes:
        scene.store(name).directory |= {user}
    late = scene.credential("west", "c2", "u")
    scene.sync()
    assert scene.row("hub", late) is None and scene.row("west", late) is None


def test_rows_that_vanish_unseen_do_not_make_their_owner_external(scene: Scene) -> None:
    scene.directory("hub", people=["u"])
    user = scene.user("hub", "u", "ada")
    scene.sync()
    del scene.store("hub").data.rows[user]
    credential = scene.credential("hub", "c", "u")
    scene.site("hub").read("west", scene.site("west").standing("hub").checkpoint, 50)
    assert scene.record("hub", credential).external == ()


def test_the_row_of_a_log_in_comes_and_goes_and_takes_nothing_along(scene: Scene) -> None:
    """Deleting a domain Keystone removes the shadows of its users (``_domain_deleted``), nothing else."""
    scene.directory("west", people=["jdoe"])
    scene.project("hub", "p", "web")
    scene.sync()
    before = scene.grant("west", "jdoe", "p")
    shadow = scene.shadow("west", "jdoe")
    scene.sync()
    after = scene.credential("west", "c", "jdoe")
    scene.sync()
    assert everywhere(scene, shadow, before, after)
    scene.delete("west", shadow)
    scene.sync()
    sweep(scene)
    scene.equal()
    assert everywhere(scene, before, after) and not scene.conflicts
    assert not any(scene.row(name, shadow) for name in scene.fleet.nodes)
    scene.purge("hub", Retention())
    again = scene.grant("south", "jdoe", "p")
    sweep(scene)
    scene.equal()
    assert everywhere(scene, before, after, again)


def test_nor_does_it_take_what_the_hub_only_carries_of_the_user(scene: Scene) -> None:
    """A membership has a real foreign key to the row: that goes, carried or not."""
    scene.directory("hub", people=["jdoe"])
    scene.fleet.nodes["hub"].store.narrow("#")
    shadow = scene.shadow("hub", "jdoe")
    scene.sync()
    credential = scene.credential("west", "c#", "jdoe")
    scene.put("west", "group", "g#", domain_id="default", name="ops")
    key = REGISTRY["membership"].make_key("jdoe", "g#")
    member = scene.put("west", "membership", key, user_id="jdoe", group_id="g#")
    scene.sync()
    assert scene.record("hub", credential).rowless and scene.record("hub", member).rowless
    scene.delete("hub", shadow)
    scene.sync()
    assert scene.row("west", credential) is not None and scene.row("west", member) is None
    assert [(c.ref, c.sort) for c in scene.conflicts] == [(member, "dependent")]


def test_nor_does_a_backup_in_which_its_going_is_not_numbered_yet(scene: Scene) -> None:
    """What the user stores then belongs to somebody external, also where nobody can look that up later."""
    scene.directory("hub", people=["jdoe"])
    shadow = scene.shadow("hub", "jdoe")
    scene.sync()
    scene.delete("hub", shadow)
    backup = scene.store("hub").data.copy()
    scene.sync()
    scene.put_back("hub", backup)
    scene.fleet.restored = "hub"
    credential = scene.credential("hub", "c", "jdoe")
    scene.equal()
    assert scene.record("south", credential).external == JDOE
    scene.site("south").promote()
    scene.fleet.elect()
    scene.sync()
    scene.purge("south", Retention())
    sweep(scene, "south")
    scene.equal()
    assert everywhere(scene, credential) and not [c for c in scene.conflicts if c.ref == credential]


def test_what_needs_a_user_whose_coming_is_not_decided_waits_too(scene: Scene) -> None:
    """A row that came and went at west may have been a shadow; the hub tells of a user of its own."""
    scene.directory("west", people=["jdoe"])
    user = scene.user("west", "u", "ada")
    scene.delete("west", user)
    scene.user("hub", "u", "ada")
    credential = scene.credential("hub", "c", "u")
    scene.send("hub", "west")
    assert scene.row("west", user) is None and scene.row("west", credential) is None
    scene.equal()


def test_nor_does_a_row_that_is_lost_wanted_back_and_given_up(scene: Scene) -> None:
    """The operator first says that its going was not meant; nobody has it, and then he says that it was."""
    scene.directory("hub", people=[f"u{n}" for n in range(4)])
    shadows = [scene.shadow("hub", f"u{n}") for n in range(4)]
    credential = scene.credential("hub", "c", "u0")
    scene.store("hub").run(lambda tx: sequence(tx, tx.state(), scene.clock.now()))
    for shadow in shadows:
        del scene.store("hub").data.rows[shadow]
    sweep(scene)
    assert scene.site("hub").discard() == 4
    sweep(scene)
    assert scene.site("hub").confirm() == 4
    scene.sync()
    sweep(scene)
    assert scene.record("south", shadows[0]).deleted and everywhere(scene, credential)


def test_who_knows_a_shadow_by_its_row_alone_says_so_too(scene: Scene) -> None:
    """South has no directory, and its Keystone lets everybody's credential be made for anybody."""
    scene.directory("west", people=["jdoe"])
    shadow = scene.shadow("west", "jdoe")
    scene.sync()
    credential = scene.credential("south", "c", "jdoe")
    scene.sync()
    assert {scene.record(name, credential).external for name in scene.fleet.nodes} == {JDOE}
    scene.delete("west", shadow)
    scene.sync()
    for name in scene.fleet.nodes:
        scene.purge(name, Retention())
    sweep(scene)
    scene.equal()
    assert everywhere(scene, credential) and not scene.conflicts


def test_purged_id_mappings_take_nothing_along(scene: Scene) -> None:
    """``keystone-manage mapping_purge``: the same public ids are made again when users are next met."""
    mapping = mapped(scene, "west")
    scene.project("hub", "p", "web")
    scene.sync()
    grant, credential = scene.grant("west", DIGEST, "p"), scene.credential("west", "c", DIGEST)
    scene.sync()
    assert scene.record("hub", grant).external == (External("user", DIGEST, "corp"),)
    known = scene.credential("south", "c3", DIGEST)
    scene.sync()
    scene.delete("west", mapping)
    scene.sync()
    sweep(scene)
    scene.purge("hub", Retention())
    later, elsewhere = scene.credential("west", "c2", DIGEST), known
    scene.sync()
    sweep(scene)
    assert everywhere(scene, elsewhere)
    scene.equal()
    assert everywhere(scene, grant, credential, later) and not scene.conflicts
    assert scene.record("hub", later).external == (External("user", DIGEST, "corp"),)


def test_a_comparison_and_a_promotion_lose_nothing_of_external_users(scene: Scene) -> None:
    scene.directory("west", people=["jdoe"])
    scene.project("hub", "p", "web")
    scene.sync()
    grant, credential = scene.grant("west", "jdoe", "p"), scene.credential("south", "c", "jdoe")
    for name in scene.fleet.nodes:
        scene.store(name).drivers = ExternalDrivers({"default": "ldap"}, "default")
    scene.sync()
    for spoke in ("west", "south"):
        found = Comparison(scene.site("hub"), scene.site(spoke))
        found.find()
        assert not found.missed
    scene.site("hub").forget("west")
    scene.site("west").forget("hub")
    scene.sync()
    scene.site("south").promote()
    scene.fleet.elect()
    scene.sync()
    sweep(scene, "south")
    scene.equal()
    assert everywhere(scene, grant, credential) and not scene.conflicts


def test_a_refused_shadow_is_no_evidence_either(scene: Scene) -> None:
    """South may not change the domain of the user who logs in there; the hub puts its row back."""
    scene.directory("hub", "west", "south", people=["jdoe"])
    scene.put("hub", "domain", "acme", name="acme", enabled=True)
    scene.project("hub", "p", "web")
    scene.sync()
    limited = {"south": Delegation(domains=frozenset({"acme"}), roles=frozenset({"member"}))}
    set_charter(scene, Charter(delegations=limited))
    scene.sync()
    grant = scene.grant("west", "jdoe", "p")
    scene.sync()
    shadow = scene.shadow("south", "jdoe")
    scene.sync()
    sweep(scene)
    late = scene.credential("west", "c", "jdoe")
    scene.sync()
    sweep(scene)
    assert scene.row("hub", shadow) is None and everywhere(scene, grant, late)
    assert scene.record("hub", late).scope == "default"


def test_a_site_that_is_limited_to_domains_gets_the_grants_of_their_external_users_only(scene: Scene) -> None:
    scene.directory("west", people=["jdoe"])
    scene.put("hub", "domain", "acme", name="acme", enabled=True)
    scene.project("hub", "p", "web", domain_id="acme", parent_id="acme")
    scene.project("hub", "d", "data")
    scene.sync()
    coverages = {"south": Coverage(domains=frozenset({"acme"}))}
    set_charter(scene, Charter(coverages=coverages))
    grant, other = scene.grant("west", "jdoe", "p"), scene.grant("west", "jdoe", "d")
    credential = scene.credential("west", "c", "jdoe")
    scene.sync()
    assert scene.record("hub", grant).scope == "acme/default"
    assert not any(scene.row("south", ref) for ref in (grant, other, credential))
    coverages = {"south": Coverage(domains=frozenset({"acme", "default"}))}
    set_charter(scene, Charter(coverages=coverages))
    scene.clock.advance(SECOND)
    scene.equal()
    assert everywhere(scene, grant, other, credential)


def test_a_row_that_is_shown_after_it_came_and_went_says_whose_it_was(scene: Scene) -> None:
    """West is put back to when its own user was there: no shadow, so what he gets there goes with him."""
    scene.directory("west", people=["jdoe"])
    user = scene.user("west", "u", "ada")
    backup = scene.store("west").data.copy()
    scene.delete("west", user)
    scene.sync()
    assert scene.record("hub", user).external, "as far as anybody knows it may have been a shadow"
    scene.fleet.restorations += 1
    scene.store("west").data = backup
    credential = scene.credential("west", "c", "u")
    scene.sync()
    sweep(scene)
    assert scene.row("hub", user) is None and not any(scene.row(s, credential) for s in scene.fleet.nodes)
    assert [(c.ref, c.sort) for c in scene.conflicts if c.ref == credential] == [(credential, "dangling")]


def test_a_user_that_the_hub_holds_was_no_shadow_whatever_his_tombstone_says() -> None:
    """West is put back to before it had numbered its own user, and deletes him with what he has."""
    with seeded(random.Random(7)):
        scene = Scene("hub", "west", "south", policy="latest")
    scene.directory("west", people=["jdoe"])
    user = scene.user("west", "u", "ada")
    backup = scene.store("west").data.copy()
    scene.sync()
    scene.put_back("west", backup)
    scene.delete("west", user)
    credential = scene.credential("hub", "c", "u")
    scene.equal()
    assert not any(scene.row(site, ref) for site in scene.fleet.nodes for ref in (user, credential))
    assert "dependent" in {row.sort for row in scene.conflicts if row.ref == credential}


def limited(scene: Scene, domains: set[str], external: str = "") -> None:
    """West may change what lies in these domains and grant one role; the rest is the hub's."""
    scene.put("hub", "domain", "acme", name="acme", enabled=True)
    scene.project("hub", "p", "web")
    scene.sync()
    given = {"west": Delegation(domains=frozenset(domains), roles=frozenset({"member"}))}
    set_charter(scene, Charter(delegations=given, external=external))
    scene.sync()


@pytest.mark.parametrize("known_by", ["charter", "configuration"])
def test_a_limited_site_gives_roles_to_external_users_of_its_domain(scene: Scene, known_by: str) -> None:
    """And takes them back. The hub knows that the domain is external by its charter or by its own drivers."""
    limited(scene, {"default"}, "default" if known_by == "charter" else "")
    scene.directory("west", *(["hub"] if known_by == "configuration" else []), people=["jdoe"])
    grant, credential = scene.grant("west", "jdoe", "p"), scene.credential("west", "c", "jdoe")
    scene.sync()
    sweep(scene)
    assert everywhere(scene, grant, credential) and not scene.conflicts
    scene.delete("west", grant)
    scene.equal()
    assert scene.row("hub", grant) is None and not scene.conflicts


@pytest.mark.parametrize(
    ("domains", "external", "key"),
    [
        ({"default"}, "", "jdoe"),
        ({"acme"}, "default", "jdoe"),
        ({"default"}, "acme", "jdoe"),
        ({"default"}, "default", DIGEST),
    ],
    ids=["nobody says it is external", "not delegated", "another domain is", "a mapped id"],
)
def test_what_a_limited_site_says_of_other_owners_is_not_believed(
    scene: Scene, domains: set[str], external: str, key: str
) -> None:
    limited(scene, domains, external)
    scene.directory("west", people=[key])
    refused = scene.grant("west", key, "p")
    scene.sync()
    assert not any(scene.row(name, refused) for name in scene.fleet.nodes)
    assert {(c.ref, c.sort) for c in scene.conflicts} == {(refused, "refused")}


def test_a_charter_and_a_hub_that_name_different_domains_vouch_for_none(scene: Scene) -> None:
    """One id must not mean two people."""
    limited(scene, {"default", "acme"}, "acme")
    scene.directory("hub", "west", people=["jdoe"])
    refused = scene.grant("west", "jdoe", "p")
    scene.sync()
    assert scene.row("hub", refused) is None and [c.sort for c in scene.conflicts] == ["refused"]


def test_a_limited_site_can_not_pass_an_sql_user_of_another_domain_for_external(scene: Scene) -> None:
    limited(scene, {"default"}, "default")
    scene.user("hub", "u", "ada", domain_id="acme", local__domain_id="acme")
    scene.sync()
    scene.directory("west", people=["u"])
    del scene.store("west").data.rows[Ref("user", "u")], scene.store("west").data.records[Ref("user", "u")]
    forged = scene.credential("west", "c", "u")
    scene.sync()
    assert scene.record("hub", forged).deleted and [c.sort for c in scene.conflicts] == ["refused"]


def test_a_refused_revocation_leaves_the_grant_of_an_external_user_as_it_is(scene: Scene) -> None:
    """West may not take it away, and what the hub puts back says of its owner what it said before."""
    scene.directory("hub", people=["jdoe"])
    scene.put("hub", "domain", "acme", name="acme", enabled=True)
    scene.put("hub", "role", "auditor", name="auditor", domain_id=None)
    scene.project("hub", "p", "web")
    scene.sync()
    grant = scene.grant("hub", "jdoe", "p")
    set_charter(scene, Charter(delegations={"west": Delegation(domains=frozenset({"acme"}))}))
    scene.sync()
    scene.delete("west", grant)
    scene.sync()
    sweep(scene)
    assert everywhere(scene, grant) and {c.sort for c in scene.conflicts} == {"refused"}
    assert {scene.record(name, grant).external for name in scene.fleet.nodes} == {JDOE}


def test_what_a_limited_site_hands_to_a_new_hub_keeps_what_its_maker_said(scene: Scene) -> None:
    scene.directory("hub", people=["jdoe"])
    credential = scene.credential("hub", "c", "jdoe")
    scene.put("hub", "domain", "acme", name="acme", enabled=True)
    set_charter(scene, Charter(delegations={"west": Delegation(domains=frozenset({"acme"}))}))
    scene.talk("west")
    scene.site("south").promote()
    scene.fleet.elect()
    scene.talk("west")
    scene.sync()
    sweep(scene, "south")
    scene.equal()
    assert everywhere(scene, credential) and not scene.conflicts


def test_a_log_in_and_a_grant_are_numbered_together_after_the_row_has_gone_again(scene: Scene) -> None:
    scene.directory("west", people=["jdoe"])
    scene.project("hub", "p", "web")
    shadow = scene.shadow("west", "jdoe")
    scene.sync()
    grant = scene.grant("west", "jdoe", "p")
    scene.delete("west", shadow)
    scene.equal()
    sweep(scene)
    assert everywhere(scene, grant) and not scene.conflicts
    scene.shadow("west", "jdoe")
    scene.delete("west", shadow)
    scene.equal()
    sweep(scene)
    assert everywhere(scene, grant) and not scene.conflicts


def test_a_row_that_came_and_went_before_it_was_numbered_says_nothing_of_its_user(scene: Scene) -> None:
    """Of a first log-in whose shadow is gone before anybody has read the feed."""
    scene.directory("west", "south", people=["jdoe"])
    credential = scene.credential("south", "c", "jdoe")
    scene.sync()
    shadow = scene.shadow("west", "jdoe")
    scene.delete("west", shadow)
    scene.equal()
    sweep(scene)
    later = scene.credential("south", "c2", "jdoe")
    scene.sync()
    assert everywhere(scene, credential, later) and not scene.conflicts
    assert scene.record("hub", later).scope == "default"


@pytest.mark.parametrize("drivers", [ExternalDrivers(), ExternalDrivers({"corp": "ldap"})])
def test_who_came_and_went_under_an_id_that_no_directory_gives_takes_along_what_he_owned(
    scene: Scene, drivers: ExternalDrivers
) -> None:
    """His row was put back by hand to before he was made, and his credential was not."""
    scene.store("west").drivers = drivers
    user = scene.user("west", "u", "ada")
    credential = scene.credential("west", "c", "u")
    gone = Write(user, scene.row("west", user), None)
    assert unseen.write_by_hand(scene.fleet, "west", [gone])
    scene.sync()
    sweep(scene)
    scene.equal()
    assert not any(scene.row(name, credential) for name in scene.fleet.nodes)
    assert [conflict.ref for conflict in scene.conflicts] == [credential]


def test_who_was_seen_to_go_takes_along_what_a_site_took_for_external(scene: Scene) -> None:
    """South knew nothing of that user, and its driver might; the hub has no row of the user any more."""
    scene.directory("south", people=["u"])
    for name in scene.fleet.nodes:
        scene.store(name).directory |= {Ref("user", "u")}
    credential = scene.credential("south", "c", "u")
    user = scene.user("west", "u", "ada")
    scene.talk("west")
    scene.delete("west", user)
    scene.sync()
    sweep(scene)
    assert not any(scene.row(name, credential) for name in scene.fleet.nodes)
    assert [(c.ref, c.sort) for c in scene.conflicts] in (
        [(credential, "dependent")],
        [(credential, "dangling")],
    )
    late = scene.credential("south", "c2", "u")
    scene.sync()
    assert not any(scene.row(name, late) for name in scene.fleet.nodes)
