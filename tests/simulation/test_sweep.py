"""What no trigger saw is found, and deletions in large numbers wait for a person."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keystone_viaduct.sync.link.compare import Comparison
from keystone_viaduct.sync.model import Held, Reason, Ref, SweepState, Version
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site import sweep as sweeping
from keystone_viaduct.sync.site.guard import Guard
from keystone_viaduct.sync.site.purge import Retention
from keystone_viaduct.sync.site.sweep import Decided
from keystone_viaduct.testing.simulation.fleet import SECOND
from tests.simulation.scene import Scene

DAY = 24 * 3600 * SECOND


def sweep(scene: Scene, site: str, limit: int = 7) -> SweepState:
    """One whole round."""
    while True:
        place = scene.site(site).sweep(limit)
        if not place.kind:
            return place


def lose(scene: Scene, site: str, *refs: Ref) -> None:
    """Rows vanish and no trigger fires."""
    for ref in refs:
        del scene.store(site).data.rows[ref]


def by_hand(scene: Scene, ref: Ref) -> None:
    """A row of the hub is deleted in a SQL shell, and what refers to it is forgotten."""
    scene.fleet.ledger.wrote(0, "hub", ref, scene.row("hub", ref), None, {})
    lose(scene, "hub", ref)


def held(scene: Scene, site: str) -> set[Ref]:
    """What waits for a person."""
    return set(scene.store(site).data.held)


def crowd(scene: Scene, number: int) -> list[Ref]:
    """Users, everywhere."""
    refs = [scene.user("hub", f"u{n:03}", f"user {n}") for n in range(number)]
    scene.sync()
    return refs


def mend(scene: Scene, spoke: str = "west") -> None:
    """What the agent does now and then."""
    found = Comparison(scene.site("hub"), scene.site(spoke))
    found.find()
    for _ in found.showing(found.missed):
        pass
    scene.sync()


def test_a_sweep_of_a_sound_site_finds_nothing_and_looks_at_everything(scene: Scene) -> None:
    crowd(scene, 20)
    head = scene.site("west").state().head
    place = sweep(scene, "west")
    assert (place.found, place.deleted, place.checked) == (0, 0, 2 * 22)
    assert place.finished and scene.site("west").state().head == head


def test_a_sweep_finds_what_no_trigger_saw(scene: Scene) -> None:
    """A changed row, a new row, a row that is gone."""
    refs = crowd(scene, 20)
    rows = scene.store("west").data.rows
    rows[refs[3]] = {**rows[refs[3]], "extra.email": "by hand"}
    new = Ref("user", "new")
    rows[new] = {**rows[refs[3]], "id": "new", "local.name": "new"}
    lose(scene, "west", refs[5])
    scene.sync()
    assert scene.row("hub", new) is None, "no feed shows it"
    place = sweep(scene, "west")
    assert (place.found, place.deleted) == (2, 1)
    scene.sync()
    assert scene.row("south", refs[3])["extra.email"] == "by hand"  # type: ignore[index]
    assert scene.row("south", new) is not None
    assert scene.row("south", refs[5]) is None
    assert not scene.conflicts


def test_a_sweep_goes_on_where_it_was(scene: Scene) -> None:
    crowd(scene, 20)
    places = [scene.site("west").sweep(6)]
    while places[-1].kind:
        places.append(scene.site("west").sweep(6))
    assert [place.key for place in places if place.kind == "user" and not place.by_rows] == [
        "",
        "u005",
        "u011",
        "u017",
    ]


def test_an_edit_that_has_a_mark_is_left_to_it(scene: Scene) -> None:
    refs = crowd(scene, 5)
    scene.put("west", "user", refs[0].key, extra__email="x")
    scene.delete("west", refs[1])
    place = sweep(scene, "west")
    assert (place.found, place.deleted) == (0, 0)
    scene.equal()


def test_mass_delete_guard(scene: Scene) -> None:
    """A table emptied where no trigger sees it deletes nothing until somebody confirms."""
    refs = crowd(scene, 30)
    lose(scene, "west", *refs)
    place = sweep(scene, "west")
    assert place.deleted == 0
    assert held(scene, "west") == set(refs)
    scene.sync()
    assert all(scene.row("hub", ref) is not None for ref in refs)
    assert scene.site("west").confirm(frozenset({"project"})) == 0
    assert scene.site("west").confirm() == 30
    scene.sync()
    assert not any(scene.row(site, ref) for ref in refs for site in ("hub", "west", "south"))
    assert not held(scene, "west")


@pytest.mark.parametrize("site", ["west", "hub"])
def test_what_was_not_meant_comes_back_from_another_site(scene: Scene, site: str) -> None:
    refs = crowd(scene, 30)
    scene.grant("hub", refs[0].key, scene.project("hub", "p", "web").key)
    scene.sync()
    lose(scene, site, *refs)
    sweep(scene, site)
    assert scene.site(site).discard() == 30
    mend(scene)
    assert all(scene.row(site, ref) is not None for ref in refs)
    scene.equal()
    sweep(scene, site)
    assert not held(scene, site)
    assert not scene.conflicts


def test_rows_that_are_put_back_are_not_held_any_more(scene: Scene) -> None:
    refs = crowd(scene, 30)
    rows = dict(scene.store("hub").data.rows)
    lose(scene, "hub", *refs)
    sweep(scene, "hub")
    scene.store("hub").data.rows = rows
    sweep(scene, "hub")
    assert not held(scene, "hub")
    scene.equal()


def test_a_reader_from_the_start_does_not_take_what_is_held_for_deleted(scene: Scene) -> None:
    """Pages leave it out, and name it as an exception, so nobody's knowledge covers it; all else is known."""
    refs = crowd(scene, 30)
    rows = dict(scene.store("hub").data.rows)
    lose(scene, "hub", *refs)
    anew = scene.store("south").data
    anew.rows, anew.records, anew.checkpoints = {}, {}, {}
    anew.state = replace(anew.state, knowledge=Version())
    scene.send("hub", "south")
    assert held(scene, "hub") == set(refs), "the reader found it before any sweep"
    scene.sync()
    page = scene.read("hub", "south")
    assert page.at_head and set(page.exceptions) == set(refs)
    south = scene.store("south").data.state
    assert set(south.exceptions) == set(refs)
    assert south.knowledge.covers(page.knowledge.clipped(south.origin, 0)), "the rest is known"
    scene.store("hub").data.rows = rows
    sweep(scene, "hub")
    mend(scene, "south")
    scene.equal()
    assert all(scene.row("south", ref) is not None for ref in refs), "nobody took them for deleted"
    assert not scene.store("south").data.state.exceptions


def test_what_is_held_in_front_does_not_hide_a_kind(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """12 users and 12 projects wait, and are looked at 5 at a time."""
    monkeypatch.setattr("keystone_viaduct.sync.site.sweep.BATCH", 5)
    users = crowd(scene, 12)
    projects = [scene.project("hub", f"p{number:02}", f"web {number}") for number in range(12)]
    scene.sync()
    lose(scene, "hub", *users, *projects)
    sweep(scene, "hub")
    assert held(scene, "hub") == {*users, *projects}
    assert scene.site("hub").confirm(frozenset({"user"})) == 12
    assert scene.site("hub").discard(frozenset({"project"})) == 12
    mend(scene)
    sweep(scene, "hub")
    assert not held(scene, "hub")
    assert all(scene.row("hub", ref) for ref in projects)
    assert not any(scene.row(site, ref) for ref in users for site in ("hub", "west", "south"))


def test_what_is_found_after_a_decision_began_was_not_decided(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, *refs = crowd(scene, 30)
    lose(scene, "west", *refs)
    sweep(scene, "west")
    lose(scene, "west", late)
    confirm = sweeping.confirm

    def meanwhile(
        tx: Transaction, /, *, kinds: frozenset[str] | None, after: Held | None, now: int
    ) -> Decided:
        decided = confirm(tx, kinds=kinds, after=after, now=now)
        if not tx.held_of([late]):
            scene.clock.advance(1)
            tx.hold([Held(late, Reason.MISSING, scene.clock.now())])
        return decided

    monkeypatch.setattr(sweeping, "BATCH", 10)
    monkeypatch.setattr(sweeping, "confirm", meanwhile)
    assert scene.site("west").confirm() == 29
    assert held(scene, "west") == {late}


@pytest.mark.parametrize("meant", [False, True])
def test_what_was_found_before_the_clock_was_set_back_is_decided(scene: Scene, meant: bool) -> None:
    refs = crowd(scene, 30)
    lose(scene, "west", *refs)
    sweep(scene, "west")
    scene.clock.advance(-DAY)
    site = scene.site("west")
    assert (site.confirm() if meant else site.discard()) == 30


def test_a_few_deletions_need_nobody() -> None:
    guard = Guard(count=50, share=0.2)
    assert not guard.stops(2, 2)
    assert guard.stops(3, 4)
    assert not guard.stops(20, 100)
    assert guard.stops(21, 100)
    assert not guard.stops(50, 100_000)
    assert guard.stops(51, 100_000)


def test_a_dangling_record_at_the_hub_is_deleted_and_listed(scene: Scene) -> None:
    """A user deleted by hand, with grants left behind, would block its tombstone at every spoke."""
    user = scene.user("hub", "u", "ada")
    scene.project("hub", "p", "web")
    grant = scene.grant("hub", "u", "p")
    scene.sync()
    by_hand(scene, user)
    scene.store("hub").run(lambda tx: tx.add_marks([user], scene.clock.now()))
    scene.send("hub", "west")
    assert scene.row("west", user) is not None, "the grant holds it"
    sweep(scene, "hub")
    scene.equal()
    assert scene.row("west", user) is None and scene.row("hub", grant) is None
    assert [(c.ref, c.sort) for c in scene.conflicts] == [(grant, "dangling")]


def test_many_dangling_records_wait_for_a_person(scene: Scene) -> None:
    user = scene.user("hub", "u", "ada")
    projects = [scene.project("hub", f"p{n}", f"web {n}") for n in range(60)]
    grants = {scene.grant("hub", "u", project.key) for project in projects}
    scene.sync()
    by_hand(scene, user)
    scene.store("hub").run(lambda tx: tx.add_marks([user], scene.clock.now()))
    scene.site("hub").state()
    sweep(scene, "hub", 500)
    assert held(scene, "hub") == grants
    assert {item.reason for item in scene.store("hub").data.held.values()} == {Reason.DANGLING}
    assert scene.site("hub").confirm() == 60
    scene.equal()
    assert not any(scene.row("south", ref) for ref in grants)


def test_old_things_go_and_a_peer_that_is_away_is_not_waited_for(scene: Scene) -> None:
    refs = crowd(scene, 3)
    keep = Retention(tombstones=7 * DAY, lost=30 * DAY, away=10 * DAY)
    scene.delete("hub", refs[0])
    scene.sync()
    assert scene.purge("hub", keep).tombstones == 0, "too young"
    scene.clock.advance(8 * DAY)
    scene.delete("hub", refs[1])
    scene.send("hub", "south")
    scene.send("south", "hub")
    scene.send("hub", "south")
    cleaned = scene.purge("hub", keep)
    assert (cleaned.tombstones, cleaned.away) == (1, ())
    assert cleaned.batches > 0
    scene.clock.advance(8 * DAY)
    scene.send("hub", "south")
    cleaned = scene.purge("hub", keep)
    assert (cleaned.tombstones, cleaned.away, cleaned.oldest) == (1, ("west",), None)
    scene.equal()
    assert scene.row("west", refs[1]) is None
    assert scene.store("hub").data.peers["west"].live
    assert scene.purge("hub", keep).away == ()


def test_tombstones_that_can_not_go_hide_none_that_can(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three have a mark, and so an edit that was not looked at; they are the first, and a batch is of two."""
    monkeypatch.setattr("keystone_viaduct.sync.site.purge.BATCH", 2)
    refs = crowd(scene, 8)
    for ref in refs:
        scene.delete("hub", ref)
    scene.sync()
    scene.store("hub").run(lambda tx: tx.add_marks(refs[:3], scene.clock.now()))
    assert scene.site("hub").purge(0) == 5
    left = [record.ref for record in scene.store("hub").data.records.values() if record.deleted]
    assert sorted(left) == refs[:3]


def test_what_closed_conflicts_have_lost_goes_after_its_time(scene: Scene) -> None:
    ref = scene.user("hub", "u", "ada", extra__email="old")
    scene.sync()
    scene.put("west", "user", "u", extra__email="west")
    scene.put("hub", "user", "u", extra__email="hub")
    scene.equal()
    keep = Retention(lost=30 * DAY)
    assert scene.purge("hub", keep).lost == 0
    scene.clock.advance(31 * DAY)
    assert scene.purge("hub", keep).lost == 1
    assert [(c.ref, c.lost) for c in scene.conflicts] == [(ref, {})]


def test_a_site_restored_to_before_the_forgotten_nonces_compares(scene: Scene) -> None:
    """It presents a position that nobody can check any more: that is no sign that the hub was restored."""
    refs = crowd(scene, 5)
    data = scene.store("west").data.copy()
    for number in range(5):
        scene.put("hub", "user", refs[number].key, extra__email="x")
        scene.sync()
    scene.clock.advance(DAY)
    assert scene.purge("hub", Retention()).batches > 2
    life = scene.site("hub").state().incarnation
    scene.fleet.restorations += 1
    scene.store("west").data = data
    scene.equal()
    assert scene.site("hub").state().incarnation == life


def test_spokes_keep_tombstones_as_long_as_the_hub_if_they_are_told(scene: Scene) -> None:
    refs = crowd(scene, 3)
    scene.delete("hub", refs[0])
    scene.sync()
    stamp = scene.purge("hub", Retention(tombstones=DAY)).oldest
    assert stamp is not None
    assert scene.purge("west", Retention(before=stamp)).tombstones == 0
    assert scene.purge("west", Retention()).tombstones == 1
    peer = scene.store("west").data.peers["hub"]
    assert peer == replace(peer, live=True)
