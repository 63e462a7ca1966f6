"""Named scenarios of the protocol, each a trap into which a naive protocol falls."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from keystone_viaduct.errors import CheckpointMismatch, Refused
from keystone_viaduct.sync.charter import Charter, Delegation, Edition, PolicyRule
from keystone_viaduct.sync.link.replicator import Progress, Replicator
from keystone_viaduct.sync.model import Change, Dot, Page, Ref
from keystone_viaduct.sync.site import feed
from tests.simulation.scene import Scene


def test_edit_before_apply(scene: Scene) -> None:
    """An edit that is committed but unnumbered when a page arrives is not overwritten unseen."""
    ref = scene.user("hub", "u", "ada", extra__email="old")
    scene.sync()
    scene.put("hub", "user", "u", extra__email="hub")
    page = scene.read("hub", "west")
    scene.put("west", "user", "u", extra__phone="west")
    scene.site("west").apply(page)
    assert scene.row("west", ref)["extra.phone"] == "west"  # type: ignore[index]
    scene.equal()
    assert scene.row("hub", ref)["extra.phone"] == "west"  # type: ignore[index]
    assert scene.row("south", ref)["extra.email"] == "hub"  # type: ignore[index]
    assert not scene.conflicts


def test_name_swap(scene: Scene) -> None:
    """Two names swapped arrive as a set."""
    one, two = scene.user("hub", "u1", "ada"), scene.user("hub", "u2", "bob")
    scene.sync()
    scene.put("hub", "user", "u1", local__name="tmp")
    scene.put("hub", "user", "u2", local__name="ada")
    scene.put("hub", "user", "u1", local__name="bob")
    scene.send("hub", "west", limit=1)
    scene.equal()
    assert scene.row("west", one)["local.name"] == "bob"  # type: ignore[index]
    assert scene.row("west", two)["local.name"] == "ada"  # type: ignore[index]
    assert not scene.conflicts


def test_rename_then_reuse(scene: Scene) -> None:
    """A name given up and taken by another record is no clash, even when they come in different pages."""
    scene.user("west", "u1", "ada")
    scene.sync()
    new = scene.put("west", "user", "u1", local__name="ada-old")
    scene.put("west", "user", "u1", extra__email="later")
    other = scene.user("west", "u2", "ada")
    scene.put("west", "user", "u1", extra__email="latest")
    scene.send("west", "hub", limit=1)
    scene.equal()
    assert scene.row("hub", other)["local.name"] == "ada"  # type: ignore[index]
    assert scene.row("hub", new)["local.name"] == "ada-old"  # type: ignore[index]
    assert not scene.conflicts


def test_delete_recreate_same_name(scene: Scene) -> None:
    """A name freed by a deletion may be used by a new record in the same page."""
    old = scene.user("hub", "u1", "ada")
    scene.sync()
    scene.delete("hub", old)
    new = scene.user("hub", "u2", "ada")
    scene.equal()
    assert scene.row("west", old) is None
    assert scene.row("west", new)["local.name"] == "ada"  # type: ignore[index]


def test_name_clash_is_decided_at_the_hub_only(scene: Scene) -> None:
    """The same name made at two spokes: the hub renames the later comer, nobody loses a record."""
    first, second = scene.user("west", "u1", "ada"), scene.user("south", "u2", "ada")
    scene.equal()
    names = {scene.row("hub", ref)["local.name"] for ref in (first, second)}  # type: ignore[index]
    assert names == {"ada", "ada~south"} or names == {"ada", "ada~west"}
    assert [conflict.sort for conflict in scene.conflicts] == ["clash"]


def test_grant_to_deleted_user(scene: Scene) -> None:
    """A grant made in a region to a user that the hub has deleted meanwhile goes, listed."""
    user = scene.user("hub", "u", "ada")
    scene.project("hub", "p", "web")
    scene.sync()
    scene.delete("hub", user)
    grant = scene.grant("west", "u", "p")
    scene.equal()
    assert scene.row("west", grant) is None
    assert scene.row("west", user) is None
    assert grant in {conflict.ref for conflict in scene.conflicts}


def test_delete_takes_dependents_along_visibly(scene: Scene) -> None:
    """A region deletes a user; a grant that the hub made meanwhile goes with it, listed."""
    user = scene.user("hub", "u", "ada")
    scene.project("hub", "p", "web")
    scene.sync()
    scene.delete("west", user)
    grant = scene.grant("hub", "u", "p")
    scene.equal()
    assert scene.row("south", grant) is None
    assert [(c.sort, c.ref) for c in scene.conflicts] == [("dependent", grant)]


def test_project_in_deleted_domain(scene: Scene) -> None:
    """A project made in a domain that is gone has nowhere to be."""
    domain = scene.put("hub", "domain", "acme", name="acme", enabled=False)
    scene.sync()
    scene.delete("hub", domain)
    project = scene.project("west", "p", "web", domain_id="acme", parent_id="acme")
    scene.equal()
    assert scene.row("west", project) is None
    assert project in {conflict.ref for conflict in scene.conflicts}


def test_fields_changed_on_one_side_are_merged(scene: Scene) -> None:
    """A password changed in a region and a description changed at the hub both survive, and nobody calls it
    a conflict.
    """
    ref = scene.user("hub", "u", "ada", extra__email="old")
    scene.sync()
    scene.put("west", "user", "u", passwords=[{"hash": "new"}])
    scene.put("hub", "user", "u", extra__email="new")
    scene.equal()
    row = scene.row("south", ref)
    assert row is not None
    assert row["passwords"] == [{"hash": "new"}]
    assert row["extra.email"] == "new"
    assert not scene.conflicts


def test_same_field_changed_on_both_sides_is_listed(scene: Scene) -> None:
    """The hub's value wins, the region's is kept in the list."""
    ref = scene.user("hub", "u", "ada", extra__email="old")
    scene.sync()
    scene.put("west", "user", "u", extra__email="west")
    scene.put("hub", "user", "u", extra__email="hub")
    scene.equal()
    assert scene.row("west", ref)["extra.email"] == "hub"  # type: ignore[index]
    (conflict,) = scene.conflicts
    assert conflict.fields == ("extra.email",)
    assert conflict.lost == {"extra.email": "west"}
    assert conflict.site == "west"


@pytest.mark.parametrize(
    ("policy", "winner"), [("latest", "west"), ("spoke:west", "west"), ("spoke:south", "hub")]
)
def test_policies_choose_the_winner(policy: str, winner: str) -> None:
    """``latest`` goes by stamps, ``spoke:<site>`` by who wrote."""
    scene = Scene("hub", "west", "south", policy=policy)
    ref = scene.user("hub", "u", "ada", extra__email="old")
    scene.sync()
    scene.put("hub", "user", "u", extra__email="hub")
    scene.put("west", "user", "u", extra__email="west")
    scene.equal()
    assert scene.row("south", ref)["extra.email"] == winner  # type: ignore[index]


def test_hold_converges_and_stays_open() -> None:
    """An operator decides later; meanwhile all sites have the hub's value."""
    scene = Scene("hub", "west", policy="hold")
    ref = scene.user("hub", "u", "ada", extra__email="old")
    scene.sync()
    scene.put("west", "user", "u", extra__email="west")
    scene.put("hub", "user", "u", extra__email="hub")
    scene.equal()
    assert scene.row("west", ref)["extra.email"] == "hub"  # type: ignore[index]
    assert [conflict.open for conflict in scene.conflicts] == [True]


def test_equal_concurrent_creates_converge_silently(scene: Scene) -> None:
    """The same grant made at two sites is one grant."""
    scene.user("hub", "u", "ada")
    scene.project("hub", "p", "web")
    scene.sync()
    grant = scene.grant("west", "u", "p")
    scene.grant("south", "u", "p")
    scene.equal()
    assert scene.row("hub", grant) is not None
    assert not scene.conflicts


def test_deletes_win_for_grants(scene: Scene) -> None:
    """Revoked at one site and made anew at another that had not heard of it: revoked."""
    scene.user("hub", "u", "ada")
    scene.project("hub", "p", "web")
    grant = scene.grant("hub", "u", "p")
    scene.sync()
    scene.delete("west", grant)
    scene.equal()
    assert scene.row("south", grant) is None


def test_regrant_after_delete_is_a_new_grant(scene: Scene) -> None:
    """A grant that is made again after its deletion was seen stays."""
    scene.user("hub", "u", "ada")
    scene.project("hub", "p", "web")
    grant = scene.grant("hub", "u", "p")
    scene.sync()
    scene.delete("west", grant)
    scene.sync()
    scene.grant("south", "u", "p")
    scene.equal()
    assert scene.row("west", grant) is not None


def test_delete_against_update_goes_by_policy(scene: Scene) -> None:
    """The region deleted what the hub changed: the hub's version comes back, and the list says so."""
    user = scene.user("hub", "u", "ada")
    scene.sync()
    scene.delete("west", user)
    scene.put("hub", "user", "u", extra__email="new")
    scene.equal()
    assert scene.row("west", user) is not None
    assert [conflict.fields for conflict in scene.conflicts] == [("@deleted",)]


def test_two_sources_one_pending_key(scene: Scene) -> None:
    """The same record waits from two sources; each source's change is kept and retried on its own."""
    scene.user("west", "u", "ada")
    scene.project("hub", "p", "web")
    scene.sync()
    grant = scene.grant("west", "u", "p")
    scene.grant("south", "u", "p")
    scene.put("west", "user", "u", extra__email="x")
    scene.send("south", "hub", limit=1)
    scene.send("west", "hub", limit=1)
    scene.equal()
    assert scene.row("south", grant) is not None


def test_double_agent_page(scene: Scene) -> None:
    """Two agents bring the same page: the second is refused and nothing is applied twice."""
    scene.user("hub", "u", "ada")
    page = scene.read("hub", "west")
    scene.site("west").apply(page)
    with pytest.raises(CheckpointMismatch):
        scene.site("west").apply(page)
    scene.equal()


def test_clock_jump_latest() -> None:
    """A clock set back does not let an older edit win over one that had seen it."""
    scene = Scene("hub", "west", policy="latest")
    ref = scene.user("hub", "u", "ada", extra__email="old")
    scene.sync()
    scene.clock.advance(-3_600_000_000)
    scene.put("west", "user", "u", extra__email="after the jump")
    scene.equal()
    assert scene.row("hub", ref)["extra.email"] == "after the jump"  # type: ignore[index]


def test_a_mark_without_row_and_record_is_a_tombstone(scene: Scene) -> None:
    """Created and deleted between two readings: the others learn that the key was used and is free."""
    ref = scene.user("west", "u", "ada")
    scene.delete("west", ref)
    scene.equal()
    assert scene.record("hub", ref).deleted
    assert scene.record("hub", Ref("user", "u")).version == scene.record("south", ref).version


def test_unchanged_rows_make_no_echo(scene: Scene) -> None:
    """A mark whose record holds the same as before is dropped."""
    ref = scene.user("hub", "u", "ada")
    scene.sync()
    head = scene.site("west").state().head
    scene.store("west").run(lambda tx: tx.add_marks([ref], scene.clock.now()))
    assert scene.site("west").state().head == head


def test_reading_leaves_out_what_is_being_changed(scene: Scene) -> None:
    """A record whose row is already newer than its record is not sent under the old version."""
    ref = scene.user("hub", "u", "ada", extra__email="old")
    scene.sync()
    scene.put("hub", "user", "u", extra__email="numbered")
    scene.site("hub").state()
    data = scene.store("hub").data
    data.rows[ref] = {**data.rows[ref], "extra.email": "no trigger saw this"}
    page = scene.read("hub", "west")
    assert ref not in {change.ref for change in page.changes}
    assert not page.at_head
    scene.sync()
    assert scene.row("west", ref)["extra.email"] == "no trigger saw this"  # type: ignore[index]


def test_a_site_with_many_marks_is_numbered_a_part_a_read(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was there before the site was initialised is not numbered in one endless transaction."""
    monkeypatch.setattr(feed, "MOST_MARKS", 500)
    refs = [scene.user("hub", f"u{number}", f"user {number}") for number in range(1200)]
    page = scene.read("hub", "west", limit=2000)
    assert len(page.changes) < len(refs)
    assert not page.at_head
    scene.send("hub", "west", limit=2000)
    assert all(scene.row("west", ref) for ref in refs)
    scene.equal()


def test_a_page_read_ahead_is_the_one_that_follows(scene: Scene) -> None:
    """Read ahead while the target applies; dropped where the target does not stand before it any more."""
    refs = [scene.user("hub", f"u{number}", f"user {number}") for number in range(20)]
    with ThreadPoolExecutor(1) as ahead:
        replicator = Replicator(scene.site("hub"), scene.site("west"), 6, ahead=ahead)
        assert replicator.step() is Progress.MORE
        scene.send("hub", "west", limit=3)
        while replicator.step() is Progress.MORE:
            pass
    assert all(scene.row("west", ref) for ref in refs)
    scene.equal()


def test_the_hubs_charter_reaches_every_site() -> None:
    scene = Scene("hub", "west", "south")
    rules = (PolicyRule("latest", kinds=frozenset({"user"})),)
    written = scene.site("hub").write_charter(Charter(policies=rules), Edition())
    scene.sync()
    assert written.edition.number == 1
    assert [scene.site(name).charter() for name in ("hub", "west", "south")] == [written] * 3


def test_a_charter_is_written_at_the_hub_and_over_the_one_that_was_read() -> None:
    scene = Scene("hub", "west")
    with pytest.raises(Refused, match="not the hub"):
        scene.site("west").write_charter(Charter(), Edition())
    scene.site("hub").write_charter(Charter(), Edition())
    with pytest.raises(Refused, match="edition 1"):
        scene.site("hub").write_charter(Charter(), Edition())


def _delegated(domain: str = "d1") -> Scene:
    """A fleet whose west may change one domain and grant the role member."""
    scene = Scene("hub", "west", "south")
    for name in ("d1", "d2"):
        scene.put("hub", "domain", name, name=name, enabled=True)
    scene.put("hub", "role", "admin", name="admin", domain_id=None)
    rights = Delegation(domains=frozenset({domain}), roles=frozenset({"member"}))
    scene.site("hub").write_charter(Charter(delegations={"west": rights}), Edition())
    scene.sync()
    return scene


def _edited_at_west() -> tuple[Scene, Ref, Page, Change]:
    """A user of the hub's whose address west has changed, and the page that says so."""
    scene = Scene("hub", "west", "south")
    ref = scene.user("hub", "u", "ada", extra__email="old")
    scene.sync()
    scene.put("west", "user", "u", extra__email="forged")
    page = scene.read("west", "hub")
    (change,) = page.changes
    return scene, ref, page, change


def test_forged_version() -> None:
    """West shows an edit as the south's: it waits until the south shows it, which is never."""
    scene, ref, page, change = _edited_at_west()
    dot = Dot("south#south-1", 999)
    fields = {**change.fields, "extra.email": change.fields["extra.email"]._replace(dot=dot)}
    forged = replace(change, version=change.version.plus(dot), fields=fields)
    scene.site("hub").apply(replace(page, changes=(forged,)))
    assert [entry.reason for entry in scene.store("hub").data.pending.values()] == ["unproven"]
    assert scene.row("hub", ref)["extra.email"] == "old"  # type: ignore[index]
    scene.put("south", "user", "u", extra__phone="south")
    scene.send("south", "hub")
    assert scene.row("hub", ref)["extra.phone"] == "south"  # type: ignore[index]
    scene.put("west", "user", "u", extra__email="honest")
    scene.equal()
    assert scene.row("south", ref)["extra.email"] == "honest"  # type: ignore[index]


@pytest.mark.parametrize("claimed", ["hub", "south"])
def test_an_edit_claimed_before_it_was_made_is_never_believed(claimed: str) -> None:
    """West shows an edit as another site's next one; when that makes it, of something else, it goes back."""
    scene, ref, page, change = _edited_at_west()
    state = scene.store(claimed).data.state
    dot = Dot(state.origin, state.head + 2)
    fields = {**change.fields, "extra.email": change.fields["extra.email"]._replace(dot=dot)}
    forged = replace(change, version=change.version.plus(dot), fields=fields)
    scene.site("hub").apply(replace(page, changes=(forged,)))
    for number in range(3):
        scene.user(claimed, f"u{number}", f"user {number}")
    scene.send("south", "hub")
    scene.sync()
    assert (scene.row("hub", ref) or {})["extra.email"] == "old"
    assert [conflict.sort for conflict in scene.conflicts] == ["refused"]


def test_an_edit_claimed_under_the_number_of_a_deletion_is_never_believed() -> None:
    """West shows an edit as the hub's next one, which is the deletion of that record."""
    scene, ref, page, change = _edited_at_west()
    state, record = scene.store("hub").data.state, scene.record("hub", ref)
    dot = Dot(state.origin, state.head + 1)
    fields = {**record.fields, "extra.email": change.fields["extra.email"]._replace(dot=dot)}
    forged = replace(change, version=record.version.plus(dot), fields=fields)
    scene.site("hub").apply(replace(page, changes=(forged,)))
    scene.delete("hub", ref)
    scene.site("hub").state()
    scene.send("hub", "south")
    assert scene.record("hub", ref).version == forged.version
    scene.fleet.link("west").step(scene.fleet.link("west").up)
    scene.equal()
    assert scene.row("hub", ref) is None
    assert "refused" in {conflict.sort for conflict in scene.conflicts}


def test_what_a_spoke_tells_of_another_waits_until_that_one_shows_it(scene: Scene) -> None:
    """The hub was restored to before an edit of the south's. West has it, too, and shows it first."""
    ref = scene.lost_at_the_hub()
    scene.equal()
    row = scene.row("hub", ref)
    assert row is not None
    assert (row["extra.email"], row["extra.phone"]) == ("south", "west")


def test_delegation_escalation() -> None:
    """What west has no right to do goes back and is listed; what it may do is done."""
    scene = _delegated()
    ann = scene.user("hub", "ann", "ann", domain_id="d1", local__domain_id="d1")
    boss = scene.user("hub", "boss", "boss", domain_id="d2", local__domain_id="d2", extra__email="old")
    scene.project("hub", "web", "web", domain_id="d1", parent_id="d1")
    scene.sync()
    scene.put("west", "user", "boss", extra__email="evil")
    scene.put("west", "user", "ann", extra__email="new")
    weak = scene.grant("west", "ann", "web")
    strong = Ref("assignment", "UserProject/ann/web/admin/0")
    grant = {"type": "UserProject", "actor_id": "ann", "target_id": "web", "role_id": "admin"}
    scene.put("west", "assignment", strong.key, **grant, inherited=False)
    scene.equal()
    assert scene.row("west", boss)["extra.email"] == "old"  # type: ignore[index]
    assert scene.row("south", ann)["extra.email"] == "new"  # type: ignore[index]
    assert scene.row("south", weak) is not None
    assert scene.row("west", strong) is None
    listed = {conflict.ref: conflict for conflict in scene.conflicts}
    assert {conflict.sort for conflict in listed.values()} == {"refused"}
    assert listed[boss].lost["extra.email"] == "evil"
    assert "domain d2 is not delegated" in listed[boss].explanation
    assert "role admin may not be granted" in listed[strong].explanation


def test_partial_reject_dependents() -> None:
    """A user that is refused takes along what came with him in the same page, and nothing else."""
    scene = _delegated()
    scene.project("hub", "web", "web", domain_id="d1", parent_id="d1")
    scene.sync()
    wrong = scene.user("west", "eve", "eve", domain_id="d2", local__domain_id="d2")
    right = scene.user("west", "ann", "ann", domain_id="d1", local__domain_id="d1")
    grants = [scene.grant("west", user, "web") for user in ("eve", "ann")]
    seed = scene.put("west", "credential", "c", user_id="eve", type="totp", blob="seed")
    scene.equal()
    assert [scene.row("west", ref) is None for ref in (wrong, grants[0], seed)] == [True] * 3
    assert [scene.row("south", ref) is None for ref in (right, grants[1])] == [False] * 2
    assert {conflict.ref for conflict in scene.conflicts} == {wrong, grants[0], seed}


def test_a_refused_creation_does_not_stand_in_the_way_of_another_sites() -> None:
    """The grant that west may not make is made by the south at the same time, which may."""
    scene = _delegated()
    scene.user("hub", "boss", "boss", domain_id="d2", local__domain_id="d2")
    scene.project("hub", "vault", "vault", domain_id="d2", parent_id="d2")
    scene.sync()
    grant = scene.grant("west", "boss", "vault")
    scene.send("west", "hub")
    scene.grant("south", "boss", "vault")
    scene.equal()
    assert scene.row("west", grant) is not None
    assert [conflict.sort for conflict in scene.conflicts] == ["refused", "concurrent"]


def test_a_deletion_that_nobody_could_judge_gives_way_and_is_listed() -> None:
    """West, limited, deletes what the hub has lost in a restored backup; the south still has it."""
    scene = _delegated()
    data = scene.store("hub").data.copy()
    gone = scene.user("hub", "ann", "ann", domain_id="d1", local__domain_id="d1")
    scene.sync()
    scene.delete("west", gone)
    scene.put_back("hub", data)
    ends = scene.fleet.link("west")
    for _ in range(30):
        ends.step(ends.up)
        ends.step(ends.down)
    assert scene.record("hub", gone).deleted
    scene.equal()
    assert scene.row("west", gone) is not None
    assert [conflict.fields for conflict in scene.conflicts] == [("@deleted",)]


def test_revert_races_edit(scene: Scene) -> None:
    """While the hub's revert of one field is on its way, the region edits another: that one survives."""
    user = scene.user("hub", "u", "ada", extra__email="old")
    charter = Charter(delegations={"west": Delegation(domains=frozenset())})
    scene.site("hub").write_charter(charter, scene.site("hub").charter().edition)
    scene.sync()
    scene.put("west", "user", "u", extra__email="new")
    scene.send("west", "hub")
    page = scene.read("hub", "west")
    scene.put("west", "user", "u", extra__phone="meanwhile")
    scene.site("west").apply(page)
    scene.site("hub").write_charter(Charter(), scene.site("hub").charter().edition)
    scene.equal()
    row = scene.row("south", user) or {}
    assert (row["extra.email"], row["extra.phone"]) == ("old", "meanwhile")
    assert [conflict.sort for conflict in scene.conflicts] == ["refused"]


def test_mixed_workers_one_schema(scene: Scene) -> None:
    """Workers of two releases take turns at one database; what the older has no column for is not lost."""
    old = {"project": frozenset({"id", "name", "domain_id", "parent_id", "enabled"})}
    store = scene.store("west")
    ref = scene.project("hub", "p", "web", description="first")
    store.known = old
    scene.send("hub", "west")
    store.known = {}
    scene.put("west", "project", "p", name="by the newer")
    scene.sync()
    store.known = old
    scene.put("west", "project", "p", enabled=False)
    scene.sync()
    store.known = {}
    scene.put("hub", "project", "p", description="second")
    scene.equal()
    row = scene.row("west", ref) or {}
    assert (row["name"], row["enabled"], row["description"]) == ("by the newer", False, "second")


def test_caught_up_with_the_hub(scene: Scene) -> None:
    """A spoke notes when it last had all of the hub's feed; the hub notes nothing."""
    before = scene.clock.now()
    assert scene.store("west").data.state.caught_up <= before
    scene.user("hub", "u", "ada")
    scene.user("hub", "v", "grace")
    scene.clock.advance(1_000_000)
    scene.site("west").apply(scene.read("hub", "west", limit=1))
    assert scene.store("west").data.state.caught_up <= before
    scene.site("west").apply(scene.read("hub", "west"))
    assert scene.store("west").data.state.caught_up == scene.clock.now()
    scene.clock.advance(1_000_000)
    scene.site("west").apply(scene.read("hub", "west"))
    assert scene.store("west").data.state.caught_up == scene.clock.now()
    scene.sync()
    assert scene.store("hub").data.state.caught_up == 0
