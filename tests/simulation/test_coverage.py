"""What a site holds: named scenarios of selective sync, eviction and growth."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from keystone_viaduct.errors import CheckpointMismatch, FenceMismatch
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.charter import Coverage, Delegation
from keystone_viaduct.sync.link.compare import Comparison
from keystone_viaduct.sync.link.link import Link
from keystone_viaduct.sync.model import Change, Dot, FieldState, Pending, Ref, Version, origin_of, site_of
from keystone_viaduct.sync.site.content import digests
from keystone_viaduct.sync.site.nonce import seeded
from keystone_viaduct.sync.site.proof import REFUSABLE
from keystone_viaduct.sync.site.purge import Retention
from keystone_viaduct.sync.site.reasons import ASIDE
from keystone_viaduct.sync.wire.page import page_to_json
from keystone_viaduct.testing.simulation.watch import Watch
from tests.simulation.scene import Scene

ACME = Coverage(domains=frozenset({"acme"}))


@pytest.fixture
def scene() -> Iterator[Scene]:
    """A hub with two domains and two spokes that still hold everything."""
    with seeded(random.Random(7)):
        made = Scene("hub", "west", "south")
        made.put("hub", "domain", "acme", name="acme", enabled=True)
        made.sync()
        yield made


def cover(scene: Scene, site: str, coverage: Coverage) -> None:
    """Set the coverage of a site at the hub."""
    hub = scene.site("hub")
    charter = hub.charter()
    hub.write_charter(replace(charter, coverages={**charter.coverages, site: coverage}), charter.edition)


def acme_user(scene: Scene, site: str, key: str, **fields: object) -> Ref:
    """A user of the domain acme."""
    return scene.user(site, key, key, **{"domain_id": "acme", "local__domain_id": "acme", **fields})


def join(scene: Scene, site: str, user: str, group: str) -> Ref:
    """A membership."""
    key = REGISTRY["membership"].make_key(user, group)
    return scene.put(site, "membership", key, user_id=user, group_id=group)


def held(scene: Scene, site: str) -> set[Ref]:
    """What a site's tables hold."""
    return set(scene.store(site).data.rows)


def test_users_of_other_domains_never_leave_the_hub(scene: Scene) -> None:
    cover(scene, "west", ACME)
    scene.sync()
    scene.user("hub", "stranger", "ada", extra__email="ada@there.example")
    scene.put("hub", "credential", "c", user_id="stranger", type="totp", blob="sesame")
    mine = acme_user(scene, "hub", "mine")
    page = scene.read("hub", "west")
    told = repr(page_to_json(page, "", lambda value, context: f"{context}={value}"))
    assert "mine" in told
    assert not [word for word in ("stranger", "there.example", "sesame", "'default'") if word in told]
    scene.equal()
    assert mine in held(scene, "west")
    assert Ref("user", "stranger") in held(scene, "south")


def test_a_reference_out_of_scope_takes_its_record_out_of_scope(scene: Scene) -> None:
    cover(scene, "west", ACME)
    scene.user("hub", "theirs", "ada")
    acme_user(scene, "hub", "mine")
    scene.put("hub", "group", "crew", name="crew", domain_id="acme")
    project = scene.project("hub", "p", "tower", domain_id="acme", parent_id="acme")
    foreign, own = scene.grant("hub", "theirs", "p"), scene.grant("hub", "mine", "p")
    strange, usual = join(scene, "hub", "theirs", "crew"), join(scene, "hub", "mine", "crew")
    scene.equal()
    assert {project, own, usual} <= held(scene, "west")
    assert not {foreign, strange} & held(scene, "west")
    assert scene.record("hub", foreign).scope == "acme/default"


def test_records_of_the_whole_fleet_follow_kinds_only(scene: Scene) -> None:
    cover(scene, "west", Coverage(frozenset({"user", "service"}), frozenset({"acme"})))
    scene.put("hub", "service", "compute", type="compute", enabled=True)
    scene.put("hub", "region", "one", description="", parent_region_id=None)
    acme_user(scene, "hub", "mine")
    scene.equal()
    assert held(scene, "west") == {Ref("domain", "acme"), Ref("service", "compute"), Ref("user", "mine")}


def test_scope_leave_return(scene: Scene) -> None:
    """What leaves a site is no deletion for the fleet, and comes back as it is by then."""
    ref = acme_user(scene, "west", "u", extra__email="one")
    grant = scene.grant(
        "west", "u", scene.project("west", "p", "tower", domain_id="acme", parent_id="acme").key
    )
    scene.sync()
    cover(scene, "west", Coverage(domains=frozenset({"default"})))
    scene.equal()
    assert not {ref, grant} & held(scene, "west")
    stub = scene.record("west", ref)
    assert stub.evicted and not stub.unknown and stub.version == scene.record("hub", ref).version
    assert {ref, grant} <= held(scene, "hub") & held(scene, "south")
    scene.put("south", "user", "u", extra__email="two")
    scene.sync()
    cover(scene, "west", Coverage())
    scene.equal()
    assert scene.row("west", ref)["extra.email"] == "two"  # type: ignore[index]
    assert grant in held(scene, "west")
    assert not scene.conflicts


def test_what_was_deleted_while_it_was_evicted_does_not_come_back(scene: Scene) -> None:
    ref = acme_user(scene, "hub", "u")
    scene.sync()
    cover(scene, "west", Coverage(domains=frozenset({"default"})))
    scene.sync()
    scene.delete("hub", ref)
    scene.sync()
    for name in ("hub", "south"):
        scene.site(name).purge(0)
    cover(scene, "west", Coverage())
    scene.equal()
    assert ref not in scene.store("west").data.records
    assert ref not in held(scene, "hub")


def test_what_is_made_anew_after_its_tombstone_was_forgotten_is_no_gap_in_knowledge(scene: Scene) -> None:
    """South has not heard of the deletion yet. West, which holds a part only, says nothing of what was."""
    cover(scene, "west", ACME)
    user = acme_user(scene, "hub", "u")
    scene.equal()
    scene.delete("west", user)
    scene.talk("west")
    scene.purge("west", Retention())
    acme_user(scene, "west", "u")
    scene.site("west").read("hub", None, 50)
    assert not scene.record("west", user).version.includes(scene.record("south", user).birth)
    Watch().look(scene.fleet, ["west"])
    scene.equal()
    assert scene.row("south", user) is not None and not scene.conflicts


@pytest.mark.parametrize("grows", [False, True], ids=["does not hold it", "is to hold it again"])
def test_what_is_made_anew_where_it_was_evicted_replaces_nothing_unseen(scene: Scene, grows: bool) -> None:
    """Nobody there could see what the others have: the two were made apart."""
    region = scene.put("hub", "region", "r", description="land")
    scene.sync()
    cover(scene, "west", Coverage(kinds=frozenset({"user"})))
    scene.sync()
    assert scene.record("west", region).evicted
    if grows:
        cover(scene, "west", Coverage())
    scene.put("west", "region", "r", description="made anew")
    scene.equal()
    assert scene.row("hub", region)["description"] == "land"  # type: ignore[index]
    assert [(c.ref, c.sort, c.lost) for c in scene.conflicts] == [
        (region, "concurrent", {"description": "made anew"})
    ]


@pytest.mark.parametrize("grows", [False, True], ids=["does not hold it", "is to hold it again"])
def test_what_is_made_anew_and_deleted_where_it_was_evicted_never_was(scene: Scene, grows: bool) -> None:
    """The deletion does not mean what the others have: nobody there could see that."""
    region = scene.put("hub", "region", "r", description="land")
    scene.sync()
    cover(scene, "west", Coverage(kinds=frozenset({"user"})))
    scene.sync()
    if grows:
        cover(scene, "west", Coverage())
    scene.put("west", "region", "r", description="made anew")
    scene.delete("west", region)
    scene.equal()
    assert scene.row("hub", region)["description"] == "land"  # type: ignore[index]
    assert (scene.row("west", region) is None) is not grows
    assert scene.conflicts == []


def test_coverage_grow(scene: Scene) -> None:
    """Knowledge covers what a limited site has never seen; that must not make it a deletion when it comes."""
    cover(scene, "west", ACME)
    scene.sync()
    unseen = scene.user("south", "unseen", "ada")
    other = scene.user("hub", "other", "bob")
    acme_user(scene, "west", "mine")
    scene.sync()
    knowledge = scene.store("west").data.state.all_knowledge
    assert knowledge.includes(scene.record("hub", unseen).birth)
    assert not scene.store("west").data.state.is_complete
    cover(scene, "west", Coverage())
    scene.equal()
    assert {unseen, other} <= held(scene, "west") & held(scene, "hub")
    assert scene.store("west").data.state.is_complete
    assert not scene.conflicts


def test_what_was_deleted_and_purged_while_a_site_grew_is_deleted_there(scene: Scene) -> None:
    """Nothing but a comparison tells of it: the feed does not name it any more."""
    cover(scene, "west", ACME)
    role = scene.put("hub", "role", "auditor", name="auditor", domain_id=None)
    scene.sync()
    cover(scene, "west", Coverage())
    scene.fleet.link("west").down.restart()
    with pytest.raises(FenceMismatch):
        scene.site("west").apply(scene.read("hub", "west"))
    scene.delete("south", role)
    scene.send("south", "hub")
    scene.send("hub", "south")
    scene.send("south", "hub")
    data = scene.store("hub").data
    data.peers = {name: replace(peer, live=name != "west") for name, peer in data.peers.items()}
    scene.send("hub", "south")
    assert scene.purge("hub", Retention()).tombstones == 1
    scene.equal()
    assert role not in held(scene, "west")


def test_another_hub_does_not_take_for_known_what_a_site_has_evicted(scene: Scene) -> None:
    """South is promoted before it has heard of west's user, which west has evicted: the old hub has it."""
    ref = acme_user(scene, "west", "mine")
    cover(scene, "west", Coverage(domains=frozenset({"default"})))
    for _ in range(4):
        scene.send("west", "hub")
        scene.fleet.link("west").step(scene.fleet.link("west").down)
    assert scene.record("west", ref).evicted
    scene.site("south").promote()
    scene.fleet.elect()
    scene.talk("west")
    for site in ("south", "west"):
        assert not scene.store(site).data.state.all_knowledge.includes(scene.record("hub", ref).birth)
    scene.equal()
    assert all(ref in held(scene, site) for site in ("hub", "south", "west"))
    assert not scene.conflicts


def test_a_coverage_that_moves_on_half_way_is_reached_all_the_same(scene: Scene) -> None:
    for number in range(8):
        scene.user("hub", f"u{number}", f"name-{number}")
        acme_user(scene, "hub", f"a{number}")
    cover(scene, "west", ACME)
    scene.sync()
    cover(scene, "west", Coverage())
    west, hub = scene.site("west"), scene.site("hub")
    link = Link(hub, west, 3)
    for _ in range(12):
        link.step(link.down)
    cover(scene, "west", Coverage(domains=frozenset({"default"})))
    link.step(link.down)
    cover(scene, "west", Coverage())
    scene.equal()
    assert held(scene, "west") == held(scene, "hub")


def test_evict_with_local_edit(scene: Scene) -> None:
    """What was edited here goes to the hub before it goes from here, and what it needs stays as long."""
    ref = acme_user(scene, "hub", "u", extra__email="one")
    project = scene.project("hub", "p", "tower", domain_id="acme", parent_id="acme")
    scene.sync()
    cover(scene, "west", Coverage(domains=frozenset({"default"})))
    scene.put("west", "user", "u", extra__email="two")
    grant = scene.grant("west", "u", "p")
    scene.send("hub", "west")
    assert {ref, project, grant} <= held(scene, "west")
    scene.equal()
    assert not {ref, project, grant} & held(scene, "west")
    assert scene.row("south", ref)["extra.email"] == "two"  # type: ignore[index]
    assert grant in held(scene, "hub")
    assert not scene.conflicts


def test_a_position_that_only_a_comparison_told_of_lets_nothing_go(scene: Scene) -> None:
    """The hub was restored and compared with west, and has not read yet what west alone has."""
    data = scene.store("hub").data.copy()
    acme_user(scene, "hub", "read by west")
    acme_user(scene, "hub", "read by nobody")
    scene.site("west").apply(scene.read("hub", "west", 1))
    lost = {edit for edit in scene.fleet.ledger.edits if edit.ref.key == "read by nobody"}
    scene.fleet.excused |= lost
    scene.put_back("hub", data)
    ref = scene.project("west", "p", "tower")
    cover(scene, "west", Coverage(domains=frozenset()))
    ends = scene.fleet.link("west")
    for _ in range(30):
        ends.step(ends.down)
    assert ref not in held(scene, "hub") and ref in held(scene, "west")
    scene.equal()
    assert ref in held(scene, "hub") and ref not in held(scene, "west")


def refused_user(scene: Scene) -> Ref:
    """West, which may change acme, has made a user in the default domain; it has not heard of the refusal."""
    hub = scene.site("hub")
    limits = {"west": Delegation(domains=frozenset({"acme"}))}
    hub.write_charter(replace(hub.charter(), delegations=limits), hub.charter().edition)
    ref = scene.user("west", "u", "ada")
    scene.send("west", "hub")
    assert scene.record("hub", ref).deleted
    return ref


def test_an_edit_is_judged_before_its_record_goes_from_a_site_that_is_to_hold_less(scene: Scene) -> None:
    ref = refused_user(scene)
    scene.put("west", "user", "u", extra__email="later")
    cover(scene, "west", Coverage(domains=frozenset()))
    scene.send("hub", "west")
    scene.equal()
    assert ref not in held(scene, "west")
    assert "later" in [row.lost.get("extra.email") for row in scene.conflicts if row.ref == ref]


def test_a_comparison_in_which_the_coverage_has_changed_is_made_again(scene: Scene) -> None:
    """West was asked for all it has, and the hub then told of users only: west is not to believe that it has
    been compared in all, for it would take the region for deleted.
    """
    region = scene.put("hub", "region", "r", description="", parent_region_id=None)
    comparing = Comparison(scene.site("hub"), scene.site("west")).starting_over()
    for _ in ("standings", "standings", "summaries", "summaries"):
        next(comparing)
    cover(scene, "west", Coverage(kinds=frozenset({"user"})))
    with pytest.raises(FenceMismatch, match="has changed since it began"):
        list(comparing)
    cover(scene, "west", Coverage())
    scene.equal()
    assert ref_is_everywhere(scene, region)


def ref_is_everywhere(scene: Scene, ref: Ref) -> bool:
    """Whether all three sites have a row of it."""
    return all(scene.row(site, ref) for site in ("hub", "west", "south"))


def test_a_refusal_outlives_a_comparison(scene: Scene) -> None:
    """The hub does not count the tombstone among what west holds, for nobody knows where the record lay."""
    cover(scene, "west", Coverage(domains=frozenset({"default"})))
    scene.sync()
    ref = refused_user(scene)
    for _ in Comparison(scene.site("hub"), scene.site("west")).starting_over():
        pass
    scene.equal()
    assert ref not in held(scene, "west")


def moved_by_a_lie(scene: Scene, ref: Ref) -> None:
    """West, which may change acme, sends its page with a lie on it: that the record lies in acme."""
    hub = scene.site("hub")
    limits = {"west": Delegation(domains=frozenset({"acme"}), roles=frozenset({"member"}))}
    hub.write_charter(replace(hub.charter(), delegations=limits), hub.charter().edition)
    page, state = scene.read("west", "hub"), scene.store("hub").data.state
    record = scene.record("hub", ref)
    document = {**(scene.row("hub", ref) or {}), "domain_id": "acme"}
    dot = Dot(f"west#{page.upto.incarnation}", page.upto.seq)
    digest = digests(state.fleet_secret, ref.kind, document)["domain_id"]
    fields = {**record.fields, "domain_id": FieldState(scene.clock.now(), dot, digest)}
    lie = Change(ref, dot.seq, record.version.plus(dot), record.birth, fields, document, "acme")
    hub.apply(replace(page, changes=(*page.changes, lie)))
    assert scene.row("hub", ref) != document


def test_a_lie_about_a_domain_takes_along_nothing_that_lies_in_it(scene: Scene) -> None:
    """A grant belongs to its group's domain, too, also on the page that pretends that it is another."""
    group = scene.put("hub", "group", "g", name="g", domain_id="default")
    scene.sync()
    key = REGISTRY["assignment"].make_key("GroupDomain", "g", "acme", "member", False)
    said = {"actor_id": "g", "target_id": "acme", "role_id": "member", "inherited": False}
    for site in ("hub", "west"):
        grant = scene.put(site, "assignment", key, type="GroupDomain", **said)
    moved_by_a_lie(scene, group)
    assert scene.record("hub", grant).scope == "acme/default"


def test_a_refusal_reaches_its_maker_whatever_was_said_of_its_domain(scene: Scene) -> None:
    cover(scene, "west", Coverage(domains=frozenset({"default"})))
    user = scene.user("hub", "u", "ada")
    scene.sync()
    credential = scene.put("west", "credential", "c", user_id="u", type="ec2", project_id=None)
    moved_by_a_lie(scene, user)
    assert scene.row("hub", credential) is None
    scene.equal()
    assert credential not in held(scene, "west")


def test_what_waits_at_the_hub_is_not_evicted(scene: Scene) -> None:
    """The hub has read it, but does not have it: its name is taken, and West's head is not reached."""
    acme_user(scene, "hub", "u1", local__name="dan")
    ref = acme_user(scene, "west", "u2", local__name="dan")
    acme_user(scene, "west", "u3")
    scene.site("hub").apply(scene.read("west", "hub", 1))
    cover(scene, "west", Coverage(domains=frozenset({"default"})))
    scene.send("hub", "west")
    assert ref in held(scene, "west")
    scene.site("hub").forget("west")
    scene.equal()
    assert ref in held(scene, "hub") and ref not in held(scene, "west")


def test_a_restored_hub_keeps_what_its_maker_has_evicted_since(scene: Scene) -> None:
    """West made it and has let it go; the south still has it, and the hub has lost it: no deletion."""
    cover(scene, "west", Coverage(domains=frozenset({"default"})))
    data = scene.store("hub").data.copy()
    ref = acme_user(scene, "west", "u")
    scene.sync()
    assert ref not in held(scene, "west") and ref in held(scene, "south")
    scene.put_back("hub", data)
    scene.equal()
    assert ref in held(scene, "hub") & held(scene, "south")


def lose_at_the_hub_and_its_maker(scene: Scene, ref: Ref) -> None:
    """West changes a user and evicts it by a later charter, and the hub is put back to before both."""
    data = scene.store("hub").data.copy()
    scene.put("west", "user", ref.key, extra__email="new")
    scene.sync()
    cover(scene, "west", Coverage(domains=frozenset({"default"})))
    scene.sync()
    assert ref not in held(scene, "west")
    scene.put_back("hub", data)


def test_a_restored_hub_gets_back_what_its_maker_has_evicted_and_the_charter_that_says_why(
    scene: Scene,
) -> None:
    """Two sites still have West's edit, and what the hub has signed of its charter."""
    ref = acme_user(scene, "hub", "u", extra__email="old")
    scene.sync()
    lose_at_the_hub_and_its_maker(scene, ref)
    scene.equal()
    assert ref not in held(scene, "west")
    for name in ("hub", "south"):
        assert scene.row(name, ref)["extra.email"] == "new"  # type: ignore[index]


def test_a_restored_hub_takes_back_what_its_maker_has_evicted_with_a_charter_that_is_lost_too(
    scene: Scene,
) -> None:
    """Of sites that do not sign: the hub and West have lost it, and nobody knows why West has."""
    for name in ("hub", "west", "south"):
        scene.store(name).signer = None
        scene.store(name).run(lambda tx: tx.save_state(replace(tx.state(), lineage=())))
    ref = acme_user(scene, "hub", "u", extra__email="old")
    scene.sync()
    lose_at_the_hub_and_its_maker(scene, ref)
    scene.equal()
    assert scene.row("west", ref)["extra.email"] == "new"  # type: ignore[index]


def test_two_sites_that_say_what_is_refused_do_not_wait_for_each_other() -> None:
    """The same, but both sites that still have the edit are limited: it is refused, and listed."""
    scene = Scene("hub", "west", "south", "east")
    scene.put("hub", "domain", "acme", name="acme", enabled=True)
    ref = acme_user(scene, "hub", "u", extra__email="old")
    limit = Delegation(domains=frozenset({"default"}))
    charter = scene.site("hub").charter()
    limits = dict.fromkeys(("south", "east"), limit)
    scene.site("hub").write_charter(replace(charter, delegations=limits), charter.edition)
    scene.sync()
    lose_at_the_hub_and_its_maker(scene, ref)
    scene.talk("south")
    scene.talk("east")
    waiting = scene.store("hub").data.pending.values()
    assert [entry.reason for entry in waiting if entry.change.ref == ref] == ["unproven", "unproven"]
    scene.equal()
    assert scene.row("south", ref)["extra.email"] == "old"  # type: ignore[index]
    assert ("refused", "new") in {(c.sort, c.lost.get("extra.email")) for c in scene.conflicts}


def test_what_is_made_outside_of_the_coverage_goes_to_the_hub_and_leaves(scene: Scene) -> None:
    cover(scene, "west", ACME)
    scene.sync()
    scene.put("west", "domain", "new", name="new", enabled=True)
    ref = scene.user("west", "u", "ada", domain_id="new", local__domain_id="new")
    scene.equal()
    assert ref in held(scene, "hub") & held(scene, "south")
    assert ref not in held(scene, "west")


def test_a_record_that_moves_to_another_domain_leaves_and_enters_sites(scene: Scene) -> None:
    ref = acme_user(scene, "hub", "u", extra__email="one")
    scene.put("hub", "group", "crew", name="crew", domain_id="acme")
    membership = join(scene, "hub", "u", "crew")
    credential = scene.put("hub", "credential", "c", user_id="u", type="totp", blob="sesame")
    cover(scene, "west", ACME)
    cover(scene, "south", Coverage(domains=frozenset({"default"})))
    scene.equal()
    assert {ref, membership, credential} <= held(scene, "west")
    scene.put("hub", "user", "u", domain_id="default", local__domain_id="default")
    scene.equal()
    assert not {ref, membership, credential} & held(scene, "west")
    assert {ref, credential} <= held(scene, "south")
    assert membership not in held(scene, "south")
    scene.put("hub", "user", "u", domain_id="acme", local__domain_id="acme")
    scene.equal()
    assert {ref, membership, credential} <= held(scene, "west")
    assert not {ref, credential} & held(scene, "south")


def test_a_key_that_is_taken_outside_of_the_coverage_is_a_conflict_and_no_overwriting(scene: Scene) -> None:
    kinds = frozenset({"user"})
    cover(scene, "west", Coverage(kinds))
    ref = scene.put("hub", "region", "one", description="at the hub", parent_region_id=None)
    scene.sync()
    assert ref not in held(scene, "west")
    scene.put("west", "region", "one", description="at west", parent_region_id=None)
    scene.equal()
    assert scene.row("hub", ref)["description"] == "at the hub"  # type: ignore[index]
    assert [conflict.lost["description"] for conflict in scene.conflicts] == ["at west"]


def test_an_older_page_of_another_coverage_is_not_applied(scene: Scene) -> None:
    cover(scene, "west", ACME)
    scene.sync()
    scene.user("hub", "unseen", "ada")
    narrow = scene.read("hub", "west")
    cover(scene, "west", Coverage())
    scene.sync()
    with pytest.raises(CheckpointMismatch):
        scene.site("west").apply(narrow)
    scene.equal()


def test_a_refused_record_that_was_made_without_a_field_is_listed_with_that(scene: Scene) -> None:
    """West has made it without what the hub made it with, and may not: that was said, and is lost."""
    charter = scene.site("hub").charter()
    limits = {"west": Delegation(domains=frozenset({"acme"}))}
    scene.site("hub").write_charter(replace(charter, delegations=limits), charter.edition)
    scene.sync()
    scene.put("hub", "region", "r1", description="one")
    scene.sync()
    region = scene.put("hub", "region", "r2", description="two", parent_region_id="r1")
    scene.put("west", "region", "r2", description="two")
    scene.equal()
    assert scene.row("hub", region)["parent_region_id"] == "r1"  # type: ignore[index]
    (row,) = (conflict for conflict in scene.conflicts if conflict.ref == region)
    assert row.sort == "refused" and "parent_region_id" in row.fields


def by_a_lost_life(change: Change) -> Change:
    """The same, as the life of its maker's database before this one had numbered it."""

    def renamed(dot: Dot) -> Dot:
        return Dot(origin_of(site_of(dot.origin), "lost"), dot.seq)

    dots = [state.dot for state in change.fields.values()]
    version = Version(
        {origin: seq for origin, seq in change.version.entries.items() if site_of(origin) == "hub"}
    )
    for dot in dots:
        version = version.plus(renamed(dot))
    fields = {name: state._replace(dot=renamed(state.dot)) for name, state in change.fields.items()}
    return replace(change, version=version, birth=renamed(change.birth), fields=fields)


@pytest.mark.parametrize("named", [lambda change: change, by_a_lost_life], ids=["as it is", "by a lost life"])
def test_a_change_that_a_former_hub_has_shown_waits_no_longer_than_its_maker_s(
    scene: Scene, named: Callable[[Change], Change]
) -> None:
    """South was the hub and has shown west's group; it has forgotten it since, and knows of the gap only
    what the hub says: that the group waits. West may have numbered it anew, in its next life.
    """
    hub, store = scene.site("hub"), scene.store("hub")
    limits = {"west": Delegation(domains=frozenset({"acme"}))}
    hub.write_charter(replace(hub.charter(), delegations=limits), hub.charter().edition)
    scene.sync()
    group = scene.put("west", "group", "g", name="bob", domain_id="default")
    (change,) = scene.read("west", "hub").changes
    store.run(lambda tx: tx.save_pending("south", [Pending("south", named(change), ASIDE)], []))
    scene.send("west", "hub")
    assert {entry.reason for entry in store.data.pending.values()} == {ASIDE, REFUSABLE}
    scene.send("hub", "south")
    assert group in scene.store("south").data.state.exceptions
    scene.equal()
    assert group not in held(scene, "west") and not store.data.pending
    assert [row.sort for row in scene.conflicts if row.ref == group] == ["refused"]


def test_the_answer_to_what_was_made_outside_waits_as_long_as_something_refers_to_it(scene: Scene) -> None:
    """West may change regions only. It makes a user, and gives it a credential before it hears that the hub
    has refused the user: the deletion, of which nobody says where it belongs, waits and comes through.
    """
    cover(scene, "west", ACME)
    hub = scene.site("hub")
    limits = {"west": Delegation(kinds=frozenset({"region"}))}
    hub.write_charter(replace(hub.charter(), delegations=limits), hub.charter().edition)
    scene.sync()
    user = acme_user(scene, "west", "odd")
    page = scene.read("west", "hub")
    scene.site("hub").apply(page)
    credential = scene.credential("west", "c", "odd")
    scene.send("hub", "west")
    assert [entry.change.ref for entry in scene.store("west").data.pending.values()] == [user]
    scene.equal()
    assert not {user, credential} & held(scene, "west")
