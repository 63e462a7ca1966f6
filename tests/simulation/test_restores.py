"""Databases put back from a backup: once, twice, with marks in them, and after they went on alone."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from keystone_viaduct.sync.charter import Charter, Delegation, Edition
from keystone_viaduct.sync.link.replicator import IDLE_STEPS, Progress
from keystone_viaduct.sync.model import ABSENT, Dot
from keystone_viaduct.sync.ports import Write
from keystone_viaduct.sync.site.nonce import seeded
from tests.simulation.scene import Scene


@pytest.mark.parametrize("site", ["hub", "west"])
def test_double_restore_same_backup(scene: Scene, site: str) -> None:
    """Each life after the backup is told from the others, though all began alike."""
    ref = scene.user(site, "u", "ada", extra__email="old")
    scene.sync()
    data = scene.store(site).data.copy()
    scene.put(site, "user", "u", extra__email="first life")
    scene.sync()
    scene.put_back(site, data)
    scene.put(site, "user", "u", extra__phone="second life")
    scene.sync()
    lives = {scene.store(site).data.state.incarnation}
    scene.put_back(site, data)
    scene.put(site, "user", "u", extra__room="third life")
    scene.equal()
    lives |= {scene.store(site).data.state.incarnation, f"{site}-1"}
    assert len(lives) == 3
    row = scene.row("south", ref) or {}
    assert row["extra.email"] == "first life"
    assert row["extra.phone"] == "second life"
    assert row["extra.room"] == "third life"


def test_fork_numbered_past_checkpoint(scene: Scene) -> None:
    """The restored hub numbers other edits past the position that west has read, and south reads them."""
    mail, phone = scene.user("hub", "u1", "ada"), scene.user("hub", "u2", "bob")
    scene.sync()
    data = scene.store("hub").data.copy()
    scene.put("hub", "user", "u1", extra__email="lost life")
    scene.send("hub", "west")
    scene.put_back("hub", data)
    for number in range(3):
        scene.put("hub", "user", "u2", extra__phone=f"second branch {number}")
        scene.send("hub", "south")
    scene.equal()
    assert (scene.row("south", mail) or {})["extra.email"] == "lost life"
    assert (scene.row("west", phone) or {})["extra.phone"] == "second branch 2"


def test_backup_with_marks(scene: Scene) -> None:
    """An edit that lies unnumbered in the backup is old: what the hub has made of it since stays, listed."""
    ref = scene.user("hub", "u", "ada", extra__email="old")
    scene.sync()
    scene.put("west", "user", "u", extra__email="in the backup")
    data = scene.store("west").data.copy()
    scene.sync()
    scene.put("hub", "user", "u", extra__email="since then")
    scene.sync()
    scene.put_back("west", data)
    scene.equal()
    assert (scene.row("west", ref) or {})["extra.email"] == "since then"
    assert [conflict.lost for conflict in scene.conflicts] == [{"extra.email": "in the backup"}]


def test_what_was_emptied_stays_empty_in_a_backup_with_marks(scene: Scene) -> None:
    """West has emptied a field; another edit of that record lies unnumbered in the backup."""
    ref = scene.user("hub", "u", "ada", extra__email="old", extra__phone="1")
    scene.sync()
    row = dict(scene.row("west", ref) or {})
    scene.clock.advance(1_000_000)
    emptied = {name: value for name, value in row.items() if name != "extra.email"}
    scene.store("west").edit([Write(ref, row, emptied)], scene.clock.now())
    scene.site("west").state()
    scene.put("west", "user", "u", extra__phone="2")
    data = scene.store("west").data.copy()
    scene.sync()
    scene.put_back("west", data)
    link = scene.fleet.link("west")
    while scene.store("west").data.state.incarnation == data.state.incarnation:
        link.step(link.up)
    assert scene.record("west", ref).fields["extra.email"].digest == ABSENT
    scene.sync()
    assert all("extra.email" not in (scene.row(site, ref) or {}) for site in ("hub", "west", "south"))


def test_a_field_that_was_emptied_under_a_clock_set_back_is_listed(scene: Scene) -> None:
    """The mark is older than the last reading, by a clock that jumped: it is taken for a lost life's."""
    ref = scene.user("hub", "u", "ada", extra__email="old")
    scene.sync()
    data = scene.store("west").data.copy()
    scene.put("hub", "user", "u", extra__phone="1")
    scene.sync()
    scene.put_back("west", data)
    row = dict(scene.row("west", ref) or {})
    emptied = {name: value for name, value in row.items() if name != "extra.email"}
    scene.store("west").edit([Write(ref, row, emptied)], scene.clock.now() - 3_600_000_000)
    scene.equal()
    assert (scene.row("west", ref) or {})["extra.email"] == "old"
    assert [conflict.lost for conflict in scene.conflicts] == [{"extra.email": None}]


def test_a_deletion_is_not_undone_by_a_creation_in_a_backup(scene: Scene) -> None:
    """Created and not yet numbered when the backup was made; deleted at the hub since."""
    ref = scene.user("west", "u", "ada")
    data = scene.store("west").data.copy()
    scene.sync()
    scene.delete("hub", ref)
    scene.sync()
    scene.put_back("west", data)
    scene.equal()
    assert scene.row("west", ref) is None
    assert scene.row("south", ref) is None


def test_a_deletion_in_a_backup_that_gives_way_is_listed(scene: Scene) -> None:
    """Deleted and not yet numbered in the backup; the hub has it again since."""
    user = scene.user("hub", "u", "ada")
    scene.sync()
    scene.delete("west", user)
    data = scene.store("west").data.copy()
    scene.sync()
    scene.user("hub", "u", "ada", extra__email="created anew")
    scene.sync()
    scene.put_back("west", data)
    scene.equal()
    assert scene.row("west", user) is not None
    assert "@deleted" in {field for conflict in scene.conflicts for field in conflict.fields}


def test_a_record_that_moved_on_before_its_first_reading_is_not_lost(scene: Scene) -> None:
    """The hub passed the place that the record had in the backup, while it lay further on in the feed."""
    first = scene.user("west", "u1", "ada", extra__email="in the backup")
    for number in range(2, 5):
        scene.user("west", f"u{number}", f"user {number}")
    scene.site("west").state()
    data = scene.store("west").data.copy()
    scene.put("west", "user", "u1", extra__email="moved on")
    page = scene.read("west", "hub", limit=3)
    assert first not in {change.ref for change in page.changes}
    scene.site("hub").apply(page)
    scene.put_back("west", data)
    scene.fleet.excused |= {edit for edit in scene.fleet.ledger.edits if edit.value == "'moved on'"}
    scene.sync()
    assert (scene.row("hub", first) or {})["extra.email"] == "in the backup"


def test_a_site_that_joins_later_takes_what_a_backup_has_no_birth_for() -> None:
    """Records numbered with the zero dot are new to who never had them, not deleted there."""
    with seeded(random.Random(7)):
        scene = Scene("hub", "west", "south")
    ref = scene.user("hub", "u", "ada")
    data = scene.store("hub").data.copy()
    scene.send("hub", "west")
    scene.put_back("hub", data)
    scene.equal()
    assert scene.row("south", ref) is not None
    assert not scene.conflicts


def test_a_target_restored_while_there_is_nothing_to_bring_is_noticed(scene: Scene) -> None:
    """The agent goes on with what it knows of the hub, which has forgotten the last page."""
    ends = scene.fleet.link("west")
    while ends.step(ends.up) is not Progress.IDLE:
        pass
    data = scene.store("hub").data.copy()
    ref = scene.user("west", "u", "ada")
    while ends.step(ends.up) is not Progress.IDLE:
        pass
    scene.put_back("hub", data)
    for _ in range(IDLE_STEPS + 3):
        ends.step(ends.up)
    assert scene.row("hub", ref) is not None


def unsigned(scene: Scene) -> None:
    """As if its sites were of a release that signs nothing."""
    for name in scene.fleet.nodes:
        store = scene.store(name)
        store.signer, store.data.state = None, replace(store.data.state, lineage=())


@pytest.mark.parametrize("signs", [True, False])
def test_a_hub_restored_to_an_earlier_charter_is_heard_again(scene: Scene, signs: bool) -> None:
    """The spoke has a later edition than the hub now has. If it is signed, it is the hub's again; else the
    hub's own counts. Pages go on.
    """
    if not signs:
        unsigned(scene)
    ref = scene.user("hub", "u", "ada")
    scene.site("hub").write_charter(Charter(), Edition())
    scene.sync()
    data = scene.store("hub").data.copy()
    scene.site("hub").write_charter(Charter(), scene.site("hub").charter().edition)
    scene.put("hub", "user", "u", extra__email="read by all")
    scene.sync()
    scene.put_back("hub", data)
    scene.put("hub", "user", "u", extra__phone="after the restore")
    scene.equal()
    assert (scene.row("west", ref) or {})["extra.phone"] == "after the restore"
    assert (
        scene.site("west").charter().edition == scene.site("hub").charter().edition == (1, 2 if signs else 1)
    )


@pytest.mark.parametrize("signs", [True, False])
def test_a_hub_restored_to_an_earlier_charter_alone_is_heard_again(scene: Scene, signs: bool) -> None:
    """Nothing but the charter was changed since the backup, so that no position tells of the restore."""
    if not signs:
        unsigned(scene)
    data = scene.store("hub").data.copy()
    limited = Charter(delegations={"west": Delegation(domains=frozenset({"default"}))})
    scene.site("hub").write_charter(limited, Edition())
    scene.sync()
    scene.put_back("hub", data)
    scene.user("hub", "u", "ada")
    scene.equal()
    wanted = replace(limited, edition=Edition(1, 1)) if signs else Charter()
    assert scene.site("west").charter() == scene.site("hub").charter() == wanted


def test_a_charter_that_was_signed_and_that_no_site_has_read_is_lost_with_the_hub(scene: Scene) -> None:
    """South has followed west, which told it the newest statement; the charter comes with the first page.
    Nobody did anything by it, so that it stops nobody that the restored hub does not know it any more.
    """
    scene.site("west").promote()
    scene.fleet.elect()
    west = scene.site("west")
    earlier, data = west.charter(), scene.store("west").data.copy()
    limits = {"hub": Delegation(domains=frozenset({"default"}))}
    west.write_charter(replace(earlier, delegations=limits), earlier.edition)
    scene.site("south").follow(2, "west", None, scene.store("west").data.state.lineage)
    scene.put_back("west", data)
    scene.user("west", "u", "ada")
    scene.equal()
    assert [scene.site(name).charter() for name in ("hub", "west", "south")] == [earlier] * 3


@pytest.mark.parametrize("delegation", [Delegation(), Delegation(domains=frozenset({"default"}))])
def test_what_only_a_lost_life_could_show_is_believed_from_others(
    scene: Scene, delegation: Delegation
) -> None:
    """What west once claimed is lost with the hub, and west began another life: nobody can show it."""
    hub = scene.site("hub")
    ref = scene.user("hub", "u", "ada")
    scene.sync()
    data = scene.store("hub").data.copy()
    dot = Dot("west#lost", 7)
    for site in ("hub", "south"):
        record = scene.record(site, ref)
        scene.store(site).data.records[ref] = replace(record, version=record.version.plus(dot))
    scene.put_back("hub", data)
    hub.write_charter(Charter(delegations={"south": delegation}), Edition())
    scene.put("south", "user", "u", extra__phone="1")
    scene.equal()
    assert (scene.row("west", ref) or {})["extra.phone"] == "1"


def test_what_a_restored_site_makes_anew_is_another_creation(scene: Scene) -> None:
    """The lost life made the record with a field that its next one left out: the later counts, listed."""
    data = scene.store("west").data.copy()
    ref = scene.project("west", "p", "plan", extra__cost="of the lost life")
    scene.send("west", "hub")
    scene.put_back("west", data)
    scene.project("west", "p", "plan")
    scene.equal()
    assert "extra.cost" not in (scene.row("south", ref) or {})
    assert [conflict.lost for conflict in scene.conflicts] == [{"extra.cost": "of the lost life"}]
