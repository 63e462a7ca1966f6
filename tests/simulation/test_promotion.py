"""A fleet whose hub is lost, moved, or there twice: the scenarios of rule 15 by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keystone_viaduct.errors import OldTerm, Refused
from keystone_viaduct.sync.charter import Charter, Coverage, Delegation, Edition
from keystone_viaduct.sync.link.link import Link
from keystone_viaduct.sync.link.replicator import Progress
from keystone_viaduct.sync.model import DELETED, Change, Conflict, Dot, Ref, Version
from keystone_viaduct.sync.ports import Write
from keystone_viaduct.sync.site.decisions import close
from keystone_viaduct.sync.site.purge import Retention
from tests.simulation.scene import Scene

PEOPLE = Coverage(kinds=frozenset({"user", "project"}))


@pytest.fixture
def scene() -> Scene:
    """A hub and two spokes, each of which knows the hub only."""
    scene = Scene("hub", "west", "south")
    for name in ("west", "south"):
        data = scene.store(name).data
        data.peers = {site: peer for site, peer in data.peers.items() if site == "hub"}
    scene.user("hub", "u0", "eve")
    scene.sync()
    return scene


def promote(scene: Scene, site: str) -> None:
    """Make it the hub, for the agent too."""
    scene.site(site).promote()
    scene.fleet.counts["promotions"] += 1
    scene.fleet.elect()


def test_promote_with_pending(scene: Scene) -> None:
    """What waits at the new hub for a reference that only another spoke has got is not given up."""
    scene.project("hub", "p1", "late")
    scene.send("hub", "south")
    grant = scene.grant("hub", "u0", "p1")
    page = scene.read("hub", "west")
    part = tuple(change for change in page.changes if change.ref == grant)
    scene.site("west").apply(replace(page, changes=part, at_head=False))
    assert [entry.change.ref for entry in scene.store("west").data.pending.values()] == [grant]
    scene.fleet.cut.add("hub")
    promote(scene, "west")
    assert scene.store("west").data.pending, "it waits until the others have shown what they have"
    scene.equal()
    assert scene.row("west", grant) is not None
    assert not scene.conflicts


def test_what_waits_goes_along_from_hub_to_hub(scene: Scene) -> None:
    """Though west follows a site of which it has never got the keys."""
    scene.project("hub", "p1", "late")
    grant = scene.grant("hub", "u0", "p1")
    page = scene.read("hub", "west")
    part = tuple(change for change in page.changes if change.ref == grant)
    west = scene.site("west")
    west.apply(replace(page, changes=part, at_head=False))
    data = scene.store("west").data
    data.peers = {"hub": data.peers["hub"]}
    for term, hub in ((2, "south"), (3, "hub")):
        west.follow(term, hub, None, (scene.signed(hub, term=term),))
        assert {entry.source for entry in scene.store("west").data.pending.values()} == {hub}


def test_backup_with_marks_at_a_new_hub_that_has_only_met_what_replaced_them(scene: Scene) -> None:
    """The mark's edit had been numbered, and was replaced before the site that is promoted read of it."""
    ref = Ref("user", "u0")
    scene.put("south", "user", "u0", extra__email="south")
    backup = scene.store("south").data.copy()
    assert backup.marks
    scene.send("south", "hub")
    scene.put("hub", "user", "u0", extra__email="hub")
    scene.send("hub", "west")
    scene.fleet.cut.add("hub")
    scene.put_back("south", backup)
    promote(scene, "west")
    scene.equal()
    row = scene.row("south", ref)
    assert row is not None and row["extra.email"] == "hub"
    (told,) = [conflict.explanation for conflict in scene.conflicts]
    assert "found unnumbered in a restored backup" in told, "it is no edit beside that of the hub"


def test_old_hub_returns(scene: Scene) -> None:
    """What was acknowledged at the lost hub and seen nowhere else comes back with it."""
    alone = scene.user("hub", "u1", "ada")
    promote(scene, "west")
    elsewhere = scene.user("south", "u2", "bob")
    scene.equal()
    assert scene.row("south", alone) is not None and scene.row("hub", elsewhere) is not None
    state = scene.store("hub").data.state
    assert (state.hub, state.term) == ("west", 2)


def test_a_deletion_that_only_another_spoke_has_seen_stays(scene: Scene) -> None:
    """Long absence past the purge, and a promotion: no zombie."""
    gone = Ref("user", "u0")
    scene.delete("hub", gone)
    scene.send("hub", "south")
    scene.send("south", "hub")
    data = scene.store("hub").data
    data.peers = {name: replace(peer, live=name != "west") for name, peer in data.peers.items()}
    scene.send("hub", "south")
    scene.site("hub").purge(0)
    promote(scene, "west")
    scene.equal()
    assert scene.row("west", gone) is None


def deleted_out_of_sight(scene: Scene, site: str) -> Ref:
    """A user that a site has deleted; the hub knows of it, the other spoke does not, and the site has no
    tombstone any more.
    """
    gone = Ref("user", "u0")
    scene.delete(site, gone)
    scene.send(site, "hub")
    scene.send("hub", site)
    scene.send(site, "hub")
    assert scene.purge(site, Retention()).tombstones == 1
    return gone


def test_knowledge_of_what_was_purged_waits_for_the_answer(scene: Scene) -> None:
    """West, promoted, has a user whose deletion south knows of by its knowledge alone: west is not to claim
    that it knows of the deletion before south has answered what it was shown.
    """
    gone = Ref("user", "u0")
    scene.delete("hub", gone)
    scene.send("hub", "south")
    scene.send("south", "hub")
    scene.send("hub", "south")
    deletion = scene.record("south", gone).fields[DELETED].dot
    assert scene.purge("south", Retention()).tombstones == 1
    promote(scene, "west")
    link = scene.fleet.link("south")
    while link.step(link.up) is Progress.MORE:
        pass
    assert not scene.store("west").data.state.all_knowledge.includes(deletion)
    scene.talk("south")
    assert scene.store("west").data.state.all_knowledge.includes(deletion)
    scene.equal()
    assert scene.row("west", gone) is None


def test_a_new_hub_believes_the_old_one_what_nobody_else_can_show(scene: Scene) -> None:
    """West has deleted a user and purged the tombstone. South, promoted, knows of west's edits and still has
    the user: when the old hub shows the tombstone, that is no forgery.
    """
    gone = deleted_out_of_sight(scene, "west")
    charter = scene.site("hub").charter()
    scene.site("hub").write_charter(replace(charter, coverages={"west": PEOPLE}), charter.edition)
    scene.send("hub", "west")
    scene.fleet.cut.add("hub")
    promote(scene, "south")
    scene.talk("west")
    scene.equal()
    assert all(scene.row(site, gone) is None for site in ("hub", "west", "south"))


def test_what_the_old_hub_has_deleted_goes_though_the_new_one_has_forgotten_that(scene: Scene) -> None:
    """South has made a user, which it is not to hold any more, and shows it to west, the new hub: that can't
    know whether it was deleted, and takes it. The old hub has shown its tombstone, and shows it again.
    """
    user = scene.user("south", "u", "ada")
    scene.sync()
    scene.delete("hub", user)
    hub = scene.site("hub")
    nothing = Coverage(domains=frozenset())
    hub.write_charter(replace(hub.charter(), coverages={"south": nothing}), hub.charter().edition)
    for source, target in (("hub", "west"), ("west", "hub"), ("hub", "west")):
        scene.send(source, target)
    assert scene.purge("west", Retention()).tombstones == 1
    promote(scene, "west")
    scene.talk("hub")
    scene.talk("south")
    assert scene.row("west", user)
    scene.equal()
    assert all(scene.row(site, user) is None for site in ("hub", "west", "south"))


def test_a_deletion_that_meets_a_creation_which_knew_nothing_of_it_is_listed(scene: Scene) -> None:
    """West has deleted its user, by a slow clock, and hears as the new hub that the old one made it, too."""
    user = scene.user("west", "u", "ada")
    scene.site("west").state()
    row = scene.row("west", user)
    scene.clock.advance(1_000_000)
    scene.user("hub", "u", "ada")
    scene.send("west", "hub")
    scene.store("west").edit([Write(user, row, None)], 0)
    scene.send("hub", "west")
    promote(scene, "west")
    scene.equal()
    assert scene.row("west", user)
    assert (DELETED,) in [conflict.fields for conflict in scene.conflicts if conflict.ref == user]


def test_a_former_hub_that_is_away_shows_anew_what_was_deleted(scene: Scene) -> None:
    """The hub has handed over and been read; it has yet to read. Then the tombstone goes."""
    gone = Ref("user", "u0")
    scene.site("hub").resign("west")
    promote(scene, "west")
    scene.delete("west", gone)
    scene.talk("south")
    scene.send("hub", "west")
    data = scene.store("west").data
    data.peers = {name: replace(peer, live=name != "hub") for name, peer in data.peers.items()}
    assert scene.purge("west", Retention()).tombstones == 1
    scene.equal()
    assert scene.row("hub", gone) is None and scene.row("south", gone) is None


def test_a_deletion_that_nobody_could_judge_gives_way_and_is_listed() -> None:
    """West has deleted a group that only the old hub has; the new one, for which west is limited, has never
    seen it, and the next one has it from the old hub again.
    """
    scene = Scene("hub", "west", "south", "east")
    group = scene.put("west", "group", "g", name="g", domain_id="default")
    scene.send("west", "hub")
    promote(scene, "south")
    scene.delete("west", group)
    south = scene.site("south")
    limits = {"west": Delegation(domains=frozenset({"default"}))}
    south.write_charter(replace(south.charter(), delegations=limits), south.charter().edition)
    scene.talk("west")
    promote(scene, "east")
    scene.talk("hub")
    scene.equal()
    assert scene.row("east", group) is not None
    assert [row.fields for row in scene.conflicts if row.ref == group] == [(DELETED,)]


def test_a_limited_site_is_not_believed_what_its_maker_is_yet_to_show(scene: Scene) -> None:
    """South, limited, has a project of west's from a hub that west has been. West shows it to the next hub
    under another dot, and its own later edit is no conflict.
    """
    promote(scene, "west")
    project = scene.project("west", "p", "web")
    scene.talk("south")
    scene.site("hub").promote(2)
    scene.fleet.elect()
    hub = scene.site("hub")
    limits = {"south": Delegation(domains=frozenset({"default"}))}
    hub.write_charter(replace(hub.charter(), delegations=limits), hub.charter().edition)
    scene.put("west", "project", "p", name="renamed")
    scene.talk("south")
    scene.equal()
    assert scene.row("hub", project)["name"] == "renamed"  # type: ignore[index]


def test_one_creation_that_two_sites_tell_of_is_one(scene: Scene) -> None:
    """South has what the hub made; the hub does not know that, and comes back in a new life: what it made it
    makes known under another dot, and an edit of south's is no conflict with it.
    """
    project = scene.project("hub", "p", "web")
    page = scene.read("hub", "south")
    scene.site("south").apply(page)
    promote(scene, "south")
    scene.site("hub").promote(2)
    scene.fleet.elect()
    scene.put("south", "project", "p", extra__cost="7")
    scene.equal()
    assert scene.row("hub", project)["extra.cost"] == "7"  # type: ignore[index]
    assert not scene.conflicts


@pytest.mark.parametrize("domain", ["default", "acme"])
def test_what_a_limited_former_hub_heard_before_the_new_hubs_new_life(scene: Scene, domain: str) -> None:
    """A late page of the site that was promoted meanwhile: nobody can show those edits any more, and the old
    hub, limited now, is believed what it might do itself.
    """
    project = scene.project("west", "p1", "late")
    page = scene.read("west", "hub")
    promote(scene, "west")
    scene.site("hub").apply(page)
    scene.put("hub", "project", "p1", description="at the old hub")
    limits = {"hub": Delegation(domains=frozenset({domain}))}
    west = scene.site("west")
    west.write_charter(replace(west.charter(), delegations=limits), west.charter().edition)
    scene.equal()
    found = scene.row("west", project) or {}
    assert (found.get("description") == "at the old hub") is (domain == "default")


def test_what_the_old_hub_kept_back_is_no_deletion_for_the_new_one() -> None:
    """West knew of the group's edit and was not to hold it; by east's older charter it holds everything."""
    scene = Scene("hub", "west", "south", "east")
    hub = scene.site("hub")
    hub.write_charter(replace(hub.charter(), coverages={"west": PEOPLE}), hub.charter().edition)
    group = scene.put("south", "group", "g", name="g", domain_id="default")
    scene.send("south", "hub")
    scene.send("hub", "west")
    promote(scene, "east")
    scene.talk("west")
    assert scene.store("west").data.state.covered.is_full
    scene.equal()
    assert scene.row("west", group) is not None and scene.row("south", group) is not None
    assert not scene.conflicts


def test_orderly_hand_over(scene: Scene) -> None:
    """The hub resigns, the successor takes over, and nobody begins a conflict."""
    scene.sync()
    assert scene.site("hub").resign("south").term == 2
    promote(scene, "south")
    late = scene.user("hub", "u3", "dan")
    scene.equal()
    assert scene.row("west", late) is not None and not scene.conflicts


def test_two_hubs_at_once(scene: Scene) -> None:
    """Two spokes promoted in one term: all agree on one of them, and what both decided is kept."""
    promote(scene, "south")
    scene.site("west").promote()
    first, second = scene.user("south", "u4", "cyd"), scene.user("west", "u5", "fay")
    scene.fleet.elect()
    assert scene.fleet.hub == "west"
    scene.equal()
    assert {scene.store(name).data.state.hub for name in scene.fleet.nodes} == {"west"}
    assert scene.row("hub", first) is not None and scene.row("hub", second) is not None


def test_the_charter_of_a_hub_that_lost_to_another_of_its_term_does_not_count(scene: Scene) -> None:
    """It is of a later edition than the charter of the one that stays, which has signed no such edition."""
    promote(scene, "south")
    lost = Charter(delegations={"hub": Delegation(domains=frozenset({"acme"}))})
    scene.site("south").write_charter(lost, scene.site("south").charter().edition)
    scene.site("west").promote()
    scene.fleet.elect()
    scene.equal()
    kept = scene.site("west").charter()
    assert all(scene.site(name).charter() == kept for name in scene.fleet.nodes)
    assert not scene.site("south").charter().limited
    chosen = Charter(delegations={"south": Delegation(domains=frozenset({"acme"}))})
    scene.site("west").write_charter(chosen, scene.site("west").charter().edition)
    scene.user("west", "u", "ada")
    scene.sync()
    assert scene.site("hub").charter().limited == {"south"}


def test_promotion_back(scene: Scene) -> None:
    """The first hub is promoted again once it has followed."""
    promote(scene, "west")
    scene.sync()
    promote(scene, "hub")
    scene.user("south", "u6", "gus")
    scene.equal()
    assert scene.store("west").data.state.term == 3


def test_an_old_hub_decides_nothing(scene: Scene) -> None:
    """Its agent goes on, but a spoke that has heard of the new hub refuses it."""
    promote(scene, "west")
    link = Link(scene.site("west"), scene.site("south"))
    while scene.store("south").data.state.term == 1:
        link.step(link.down)
    old = Link(scene.site("hub"), scene.site("south"))
    with pytest.raises(OldTerm) as refusal:
        old.step(old.down)
    assert refusal.value.fields["hub"] == "west"
    assert scene.store("hub").data.state.is_hub


def test_a_limited_spoke_can_not_be_the_hub(scene: Scene) -> None:
    """Neither by promotion nor by saying so."""
    charter = scene.site("hub").charter()
    limits = replace(
        charter,
        coverages={"south": Coverage(kinds=frozenset({"user"}))},
        delegations={"west": Delegation(domains=frozenset({"default"}))},
    )
    scene.site("hub").write_charter(limits, charter.edition)
    scene.sync()
    for spoke in ("west", "south"):
        with pytest.raises(Refused):
            scene.site(spoke).promote()
    with pytest.raises(Refused):
        scene.site("hub").follow(2, "west", None)
    assert scene.store("hub").data.state.term == 1


def test_who_is_full_under_a_hub_that_signs_nothing_may_be_the_next_one() -> None:
    """What the first hub had signed of south, and nobody has read, is no longer so under west's charter."""
    scene = Scene("hub", "west", "south")
    scene.store("west").signer = None
    for name in ("hub", "west", "south"):
        data = scene.store(name).data
        data.state = replace(data.state, lineage=())
        data.peers = {
            site: replace(peer, signing_key="") if site == "west" else peer
            for site, peer in data.peers.items()
        }
    scene.sync()
    hub = scene.site("hub")
    hub.write_charter(replace(hub.charter(), coverages={"south": PEOPLE}), hub.charter().edition)
    promote(scene, "west")
    scene.talk("hub")
    scene.site("south").promote(2)
    scene.fleet.elect()
    made = scene.user("south", "u1", "ada")
    scene.equal()
    assert scene.row("hub", made) is not None and scene.row("west", made) is not None


def test_a_site_that_was_restored_before_it_heard_of_the_new_hub_is_found_out(scene: Scene) -> None:
    """The register of sites tells the new hub how far the old one had read each feed."""
    backup = scene.store("south").data.copy()
    lost = scene.user("south", "u7", "hal")
    scene.sync()
    scene.store("south").data = backup
    made = scene.user("south", "u8", "ida")
    promote(scene, "west")
    scene.sync()
    assert scene.row("south", lost) is not None and scene.row("west", made) is not None


def contested(scene: Scene) -> Conflict:
    """A user whose address two sites have changed at the same time: what was listed."""
    user = Ref("user", "u0")
    scene.put("hub", "user", "u0", extra__email="the hub's")
    scene.put("west", "user", "u0", extra__email="the spoke's")
    scene.sync()
    return next(row for row in scene.conflicts if row.ref == user)


def listed(scene: Scene, site: str) -> dict[str, Conflict]:
    """The list of conflicts there; positions are each site's own."""
    return {row.id: replace(row, seq=0) for row in scene.store(site).data.conflicts}


def test_the_list_of_conflicts_is_at_the_new_hub(scene: Scene) -> None:
    """With what was lost, and with what an operator has made of it."""
    row = contested(scene)
    assert row.lost["extra.email"] == "the spoke's"
    assert listed(scene, "west") == listed(scene, "south") == listed(scene, "hub") != {}
    now = scene.clock.now()
    scene.store("hub").run(lambda tx: close(tx, [row.id], "kept", now))
    scene.sync()
    assert listed(scene, "south")[row.id].resolution == "kept"
    before = listed(scene, "hub")
    promote(scene, "south")
    assert listed(scene, "south") == before
    scene.equal()
    assert listed(scene, "west") == listed(scene, "hub") == listed(scene, "south")


def test_what_the_lost_hub_alone_had_listed_comes_back_with_it(scene: Scene) -> None:
    """And reaches the other spokes, too."""
    scene.put("hub", "user", "u0", extra__email="the hub's")
    scene.put("west", "user", "u0", extra__email="the spoke's")
    scene.send("west", "hub")
    alone = {row.id for row in scene.conflicts}
    promote(scene, "south")
    assert alone and not scene.conflicts
    scene.equal()
    assert alone <= set(listed(scene, "south"))
    assert listed(scene, "west") == listed(scene, "hub") == listed(scene, "south")


def test_a_limited_spoke_is_not_told_what_was_lost(scene: Scene) -> None:
    """Nor is believed about it."""
    charter = scene.site("hub").charter()
    limits = replace(charter, delegations={"west": Delegation(domains=frozenset({"default"}))})
    scene.site("hub").write_charter(limits, charter.edition)
    scene.sync()
    row = contested(scene)
    assert row.id in listed(scene, "south") and not listed(scene, "west")
    page = scene.read("west", "hub")
    forged = replace(row, id="forged", seq=1)
    scene.site("hub").apply(replace(page, conflicts=(forged,)))
    assert "forged" not in listed(scene, "hub")


def test_a_long_list_travels_page_by_page(scene: Scene) -> None:
    """With pages that hold fewer changes than there are conflicts."""
    for number in range(7):
        scene.user("hub", f"c{number}", f"name {number}")
    scene.sync()
    for number in range(7):
        scene.put("hub", "user", f"c{number}", extra__email="the hub's")
        scene.put("west", "user", f"c{number}", extra__email="the spoke's")
    scene.send("west", "hub")
    assert len(scene.conflicts) == 7
    scene.send("hub", "south", limit=2)
    assert listed(scene, "south") == listed(scene, "hub")


def test_a_creation_that_two_lives_of_one_site_show_is_one(scene: Scene) -> None:
    """West's record comes by the old hub under its first number and from west under a second: one creation.

    So a field that the old hub has added since is no conflict, and is not lost to any policy.
    """
    made = scene.project("west", "p1", "ada")
    scene.send("west", "hub")
    promote(scene, "south")
    scene.put("hub", "project", "p1", extra__cost="added at the old hub")
    scene.equal()
    assert (scene.row("west", made) or {})["extra.cost"] == "added at the old hub"
    assert not scene.conflicts


def test_a_former_hub_can_be_promoted_again_though_no_spoke_has_shown_it_anything(scene: Scene) -> None:
    """Its successor may have been put back to before it had joined; then nobody else has anything."""
    data = scene.store("hub").data
    data.state = replace(data.state, knowledge=Version())
    promote(scene, "west")
    scene.site("hub").follow(2, "west", None, scene.store("west").data.state.lineage)
    scene.site("hub").promote(2)
    assert scene.store("hub").data.state.term == 3


def test_a_record_may_wait_for_what_two_sites_have_shown_of_it() -> None:
    """The old hub's tombstone of a role, and what a limited site says of it: neither is known here yet."""
    scene = Scene("hub", "west", "south", "east")
    scene.user("hub", "u0", "eve")
    role = scene.put("hub", "role", "auditor", name="auditor", domain_id=None)
    scene.sync()
    limits = {"south": Delegation(domains=frozenset({"default"}))}
    scene.site("hub").write_charter(Charter(delegations=limits), Edition())
    scene.send("hub", "west")
    scene.project("west", "p", "web")
    grant = scene.grant("west", "u0", "p", "auditor")
    scene.delete("hub", role)
    scene.send("hub", "west")
    gone = scene.record("hub", role).fields[DELETED].dot
    promote(scene, "west")
    scene.site("south").follow(2, "west", None, scene.store("west").data.state.lineage)
    page, there = scene.read("south", "west"), scene.record("south", role)
    dot = Dot("east#1", 5)
    claimed = {**there.fields, "name": there.fields["name"]._replace(dot=dot)}
    row, version = scene.row("south", role) or {}, there.version.plus(dot)
    lie = Change(role, page.upto.seq, version, there.birth, claimed, row, there.scope)
    scene.site("west").apply(replace(page, changes=(lie,), at_head=True))
    assert {e.reason for e in scene.store("west").data.pending.values()} == {"referred", "unproven"}
    assert not scene.store("west").data.state.knows(role).includes(gone)
    scene.site("west").forget("south")
    scene.equal()
    assert scene.row("west", grant) is None


def test_what_a_site_lacks_of_its_own_past_is_nothing_that_it_holds_back(scene: Scene) -> None:
    """South's tombstone includes an edit of West's earlier life, which West has by another name: West waits
    for South's word on its grant, and South does not wait for West.
    """
    project = scene.project("west", "p", "web")
    scene.sync()
    scene.put("west", "project", "p", description="seen by the old hub only")
    scene.site("hub").apply(scene.read("west", "hub"))
    promote(scene, "south")
    scene.talk("west")
    scene.talk("hub")
    grant = scene.grant("west", "u0", "p")
    scene.delete("south", project)
    scene.send("south", "west")
    assert scene.store("west").data.state.exceptions[project]
    scene.equal()
    assert scene.row("west", grant) is None and scene.row("west", project) is None


def test_a_new_hub_decides_what_it_left_to_the_old_one(scene: Scene) -> None:
    """The hub's edit, which contradicts West's own, waits at West for the hub's word. The hub is put back to
    before it, and West is promoted: nobody else will say anything of it.
    """
    backup = scene.store("hub").data.copy()
    user = scene.put("hub", "user", "u0", extra__email="the hub's")
    scene.put("west", "user", "u0", extra__email="west's")
    scene.send("hub", "west")
    assert [entry.reason for entry in scene.store("west").data.pending.values()] == ["conflict"]
    scene.put_back("hub", backup)
    promote(scene, "west")
    scene.equal()
    assert [row.ref for row in scene.conflicts] == [user]
    assert not scene.store("west").data.pending
