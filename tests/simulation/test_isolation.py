"""One record that fails in a way that nobody has foreseen is found, put aside and named; all else goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from keystone_viaduct.errors import CredentialUnreadable
from keystone_viaduct.sync.charter import Charter, Coverage
from keystone_viaduct.sync.model import Held, Reason, Record, Ref, Unreadable
from keystone_viaduct.sync.ports import Write
from keystone_viaduct.sync.site import Site, excepted, feed, isolating
from keystone_viaduct.sync.site.isolating import culprits, in_words
from keystone_viaduct.sync.site.purge import Retention
from keystone_viaduct.testing.folding import fold
from keystone_viaduct.testing.simulation.crashing import Unforeseen
from tests.simulation.scene import Scene


def fails(scene: Scene, site: str, *refs: Ref) -> None:
    """From now on that site can't write these."""
    scene.fleet.nodes[site].process.failing = set(refs)


def unreadable(scene: Scene, site: str, *refs: Ref) -> None:
    """From now on that site can't read these."""
    scene.fleet.nodes[site].process.unreadable = set(refs)


def pending(scene: Scene, site: str) -> dict[Ref, str]:
    """What waits there, and why."""
    return {entry.change.ref: entry.reason for entry in scene.store(site).data.pending.values()}


def records_of(scene: Scene, site: str) -> list[Record]:
    """All that it carries."""
    return [record for record in scene.store(site).data.records.values() if record.carried is not None]


def carried(scene: Scene, site: str) -> dict[Ref, tuple[str, str]]:
    """What that site carries, the reason, and the error."""
    records = scene.store(site).data.records.values()
    return {r.ref: (r.carried.reason, r.carried.why) for r in records if r.carried is not None}


@pytest.mark.parametrize("site", ["hub", "west"])
def test_what_fails_when_it_is_written_is_carried_and_named(scene: Scene, site: str) -> None:
    """Handed on, too: where it does not fail it is written."""
    source = "west" if site == "hub" else "hub"
    crowd = [scene.user(source, f"u{n}", f"user {n}") for n in range(30)]
    bad, worse = crowd[7], crowd[23]
    fails(scene, site, bad, worse)
    scene.sync()
    assert [ref for ref in crowd if scene.row(site, ref) is None] == [bad, worse]
    assert carried(scene, site) == dict.fromkeys((bad, worse), ("quarantined", "Unforeseen"))
    assert not scene.store(site).data.pending
    assert scene.row("south", bad) is not None
    since = {r.ref: r.carried and r.carried.since for r in records_of(scene, site)}
    scene.clock.advance(1_000_000)
    assert scene.site(site).retry() == 2
    assert carried(scene, site).keys() == {bad, worse}
    assert {r.ref: r.carried and r.carried.since for r in records_of(scene, site)} == since, "not anew"
    fails(scene, site)
    assert scene.site(site).retry() == 2
    assert scene.row(site, bad) is not None, "at once, though nobody has anything to say"
    scene.equal()


def test_a_change_of_a_record_that_is_there_leaves_its_row_alone(scene: Scene) -> None:
    user = scene.user("hub", "u", "ada", extra__email="old")
    scene.sync()
    fails(scene, "west", user)
    scene.put("hub", "user", "u", extra__email="new")
    other = scene.user("hub", "u2", "bob")
    scene.sync()
    assert scene.row("west", user)["extra.email"] == "old"  # type: ignore[index]
    assert scene.row("west", other) is not None


def test_what_cannot_even_be_looked_at_waits_whole_and_stops_no_revocation(scene: Scene) -> None:
    """Nor does it keep tombstones, and what needs it is not taken for dangling."""
    user, gone = scene.user("hub", "u", "ada"), scene.user("hub", "u2", "bob")
    scene.project("hub", "p", "web")
    scene.sync()
    unreadable(scene, "west", user)
    scene.put("hub", "user", "u", extra__email="new")
    scene.delete("hub", gone)
    scene.send("hub", "west")
    assert scene.row("west", gone) is None
    assert pending(scene, "west") == {user: "quarantined"}
    west = scene.store("west").data.state
    assert set(west.exceptions) == {user}
    scene.send("west", "hub")
    scene.send("hub", "west")
    assert scene.purge("west", Retention()).tombstones == 1
    unreadable(scene, "west")
    scene.site("west").retry()
    scene.put("hub", "user", "u", extra__phone="1")
    scene.equal()
    assert not pending(scene, "west")


def test_what_needs_what_its_own_site_could_never_number_waits_with_it(scene: Scene) -> None:
    """It is there: to the hub it is no reason to take anything for dangling."""
    region = scene.put("west", "region", "north", description="")
    user = scene.user("west", "u", "ada")
    unreadable(scene, "west", region, user)
    scene.put("west", "service", "s", type="compute", enabled=True)
    fields = {"interface": "public", "service_id": "s", "url": "http://nova", "enabled": True}
    endpoint = scene.put("west", "endpoint", "e", region_id="north", **fields)
    key = scene.credential("west", "c", "u")
    scene.sync_some()
    assert pending(scene, "hub") == {endpoint: "reference"}
    assert set(scene.store("west").data.held) == {region, user, key}
    assert scene.row("hub", Ref("service", "s")) is not None
    assert scene.row("west", endpoint) is not None and scene.row("west", key) is not None
    assert not scene.conflicts
    unreadable(scene, "west")
    scene.site("west").retry()
    scene.equal()
    assert scene.row("south", endpoint) is not None and scene.row("south", key) is not None


def test_what_needs_what_the_hub_has_put_aside_waits_with_it(scene: Scene) -> None:
    user = scene.user("west", "u", "ada")
    scene.project("west", "p", "web")
    grant = scene.grant("west", "u", "p")
    page = scene.read("west", "hub")
    bad = next(change for change in page.changes if change.ref == user)
    rest = tuple(change for change in page.changes if change.ref != user)
    named = Unreadable(user, bad.seq, bad.version, "changes[0] is odd")
    scene.site("hub").apply(replace(page, changes=rest, unreadable=(named,)))
    assert pending(scene, "hub") == {user: "unreadable", grant: "reference"}
    assert scene.row("hub", Ref("project", "p")) is not None
    assert not scene.conflicts
    scene.site("west").show("hub", [user])
    scene.equal()
    assert scene.row("hub", grant) is not None
    assert not scene.store("hub").data.state.exceptions


def test_what_cannot_be_numbered_is_put_aside_at_its_source(scene: Scene) -> None:
    """Its site goes on showing everything else, and says of what it does not know."""
    user = scene.user("west", "u", "ada")
    scene.sync()
    unreadable(scene, "west", user)
    scene.put("west", "user", "u", extra__email="odd")
    other = scene.user("west", "u2", "bob")
    scene.sync()
    assert scene.row("hub", other) is not None
    held = scene.store("west").data.held[user]
    assert (held.reason, held.why) == (Reason.QUARANTINED, "Unforeseen")
    assert user in scene.read("west", "hub").exceptions
    unreadable(scene, "west")
    scene.site("west").retry()
    scene.equal()
    assert scene.row("hub", user)["extra.email"] == "odd"  # type: ignore[index]
    assert not scene.store("west").data.held


def test_a_field_without_a_column_does_not_hide_that_the_row_stays_as_it_is(scene: Scene) -> None:
    """What fails to be written is kept beside its row, and so is what this release does not know."""
    user = scene.user("west", "u", "ada")
    scene.sync()
    row = scene.row("hub", user) or {}
    scene.store("hub").known = {"user": frozenset({*row, "extra.email"})}
    scene.put("west", "user", "u", nickname="Ada", extra__email="odd")
    fails(scene, "hub", user)
    scene.sync()
    assert carried(scene, "hub")[user][0] == "quarantined"
    assert scene.row("south", user)["nickname"] == "Ada"  # type: ignore[index]
    assert scene.row("south", user)["extra.email"] == "odd"  # type: ignore[index]


def test_what_cannot_be_read_is_left_out_of_pages_and_sweeps(scene: Scene) -> None:
    users = [scene.user("hub", f"u{n}", f"user {n}") for n in range(5)]
    scene.send("hub", "south")
    unreadable(scene, "hub", users[2])
    page = scene.read("hub", "west")
    assert users[2] not in {change.ref for change in page.changes}
    assert page.at_head and users[2] in page.exceptions
    place = scene.site("hub").sweep(100)
    while place.kind:
        place = scene.site("hub").sweep(100)
    assert place.deleted == 0
    assert scene.site("hub").confirm() == 0, "it is nobody's deletion"


@pytest.mark.parametrize("site", ["hub", "west"])
@pytest.mark.parametrize("numbered", [False, True])
def test_a_crowd_that_its_site_cannot_read_is_put_aside(
    scene: Scene, site: str, numbered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of them than are put aside at a time stop nothing either."""
    monkeypatch.setattr(isolating, "MOST", 3)
    crowd = [scene.user(site, f"u{n}", f"user {n}") for n in range(20)]
    if numbered:
        scene.site(site).state()
    unreadable(scene, site, *crowd[:13])
    scene.sync()
    assert [ref for ref in crowd if scene.row("south", ref)] == crowd[13:]
    assert {item.ref for item in scene.store(site).data.held.values()} == set(crowd[:13])
    unreadable(scene, site)
    scene.site(site).retry()
    scene.equal()
    assert all(scene.row("south", ref) for ref in crowd)


@pytest.mark.parametrize("site", ["hub", "west"])
def test_more_of_them_than_knowledge_has_exceptions_stop_nothing(
    scene: Scene, site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their source is never at its head, and nobody's knowledge grows by it; changes and deletions go on."""
    for module in (excepted, feed):
        monkeypatch.setattr(module, "MOST_EXCEPTIONS", 5)
    user = scene.user("south", "u", "ada")
    scene.project(site, "p", "web")
    scene.sync()
    grant = scene.grant(site, "u", "p")
    scene.sync()
    crowd = [scene.user(site, f"b{n}", f"bad {n}") for n in range(8)]
    unreadable(scene, site, *crowd)
    scene.sync_some()
    known = scene.store("south").data.state.knowledge
    after = scene.user(site, "after", "after")
    scene.put(site, "project", "p", description="changed")
    scene.put("south", "user", "u", enabled=False)
    scene.delete(site, grant)
    scene.sync_some()
    assert len(scene.store(site).data.held) == 8
    assert scene.row("south", after) and scene.row("west", after)
    project = scene.row("south", Ref("project", "p")) or {}
    assert project["description"] == "changed"
    assert (scene.row("west", user) or {})["enabled"] is False
    assert scene.row("south", grant) is None
    if site == "hub":
        assert scene.store("south").data.state.knowledge == known, "what it stands for has not grown"
    unreadable(scene, site)
    scene.site(site).retry()
    scene.equal()


def test_records_that_an_error_names_cost_one_try() -> None:
    """Credentials whose key is lost, say: thousands of them are found at once."""
    crowd = [Ref("credential", f"c{n}") for n in range(5000)]
    lost = {ref.key for ref in crowd[::2]}
    tries = []

    def fails(aside: frozenset[Ref]) -> Exception | None:
        tries.append(aside)
        left = sorted(lost - {ref.key for ref in aside})
        return CredentialUnreadable("no key", kind="credential", keys=left, why={}) if left else None

    found = culprits(crowd, fails)
    assert found is not None and {ref.key for ref in found} == lost
    assert len(tries) == 3


def test_what_can_be_read_again_is_shown_to_those_who_have_passed_it(scene: Scene) -> None:
    user = scene.user("hub", "u", "ada")
    scene.site("hub").state()
    unreadable(scene, "hub", user)
    scene.sync()
    assert scene.row("west", user) is None
    unreadable(scene, "hub")
    scene.site("hub").retry()
    scene.equal()
    assert scene.row("west", user)
    assert not scene.store("hub").data.held


def test_an_error_of_no_record_is_an_error(scene: Scene) -> None:
    """Nothing is put aside where everything fails."""
    scene.user("hub", "u", "ada")
    page = scene.read("hub", "west")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(isolating, "MOST", 2)
        assert culprits([Ref("user", "u")], lambda aside: Unforeseen("the disk")) is None
        many = [Ref("user", f"u{n}") for n in range(9)]
        assert culprits(many, lambda aside: None if aside >= set(many) else Unforeseen("x")) is None
    scene.site("west").apply(page)


def test_an_error_says_nothing_of_a_record_that_has_secrets() -> None:
    error = ValueError("the value 's3cr3t' is odd")
    assert in_words(Ref("credential", "c"), error) == "ValueError"
    assert in_words(Ref("region", "r"), error) == "ValueError: the value 's3cr3t' is odd"


def waits_for_its_user(scene: Scene) -> Ref:
    """West has a user's credential from the hub that waits for the user, and can't write it."""
    scene.user("hub", "u", "ada")
    credential = scene.credential("hub", "c", "u")
    page = scene.read("hub", "west")
    part = tuple(change for change in page.changes if change.ref == credential)
    scene.site("west").apply(replace(page, changes=part, at_head=False))
    assert pending(scene, "west") == {credential: "reference"}
    scene.send("hub", "south")
    fails(scene, "west", credential)
    return credential


def test_a_new_hub_puts_aside_what_fails_of_the_hub_before(scene: Scene) -> None:
    """With every page that brings what it waits for it is looked at: that stops no link."""
    credential = waits_for_its_user(scene)
    scene.fleet.cut.add("hub")
    scene.site("west").promote()
    scene.fleet.elect()
    other = scene.user("south", "u2", "bob")
    scene.talk("south")
    assert scene.row("west", Ref("user", "u")) and scene.row("west", other)
    assert carried(scene, "west")[credential][0] == "quarantined"
    fails(scene, "west")
    scene.site("west").retry()
    scene.equal()
    assert scene.row("west", credential)


def test_a_site_becomes_the_hub_whatever_it_cannot_write(scene: Scene) -> None:
    """What waited may be written in the moment in which it takes the office."""
    credential = waits_for_its_user(scene)
    user = scene.row("hub", Ref("user", "u"))
    scene.store("west").edit([Write(Ref("user", "u"), None, user)], scene.clock.now())
    scene.site("west").promote()
    assert scene.store("west").data.state.is_hub
    assert carried(scene, "west")[credential][0] == "quarantined"


def test_a_site_becomes_the_hub_though_it_cannot_write_what_it_is_to_decide(scene: Scene) -> None:
    """As a spoke it has left the conflict to the hub before, and did not look at it."""
    user = scene.user("hub", "u", "ada")
    scene.sync()
    scene.put("hub", "user", "u", extra__email="hub's")
    scene.put("west", "user", "u", extra__phone="west's")
    scene.send("hub", "west")
    assert pending(scene, "west") == {user: "conflict"}
    fails(scene, "west", user)
    scene.site("west").promote()
    assert scene.store("west").data.state.is_hub
    assert carried(scene, "west")[user][0] == "quarantined"


@pytest.mark.parametrize("act", ["follow", "hand over"])
def test_what_cannot_be_numbered_keeps_no_site_from_changing_its_place(scene: Scene, act: str) -> None:
    user = scene.user("hub", "u", "ada")
    scene.sync()
    site = "south" if act == "follow" else "hub"
    unreadable(scene, site, user)
    scene.put(site, "user", "u", extra__email="odd")
    if act == "follow":
        scene.site("west").promote()
        scene.site("south").follow(2, "west", None, scene.store("west").data.state.lineage)
        assert scene.store("south").data.state.hub == "west"
    else:
        scene.site("hub").resign("west")
        assert scene.store("hub").data.state.hub == "west"
    assert set(scene.store(site).data.held) == {user}


def test_a_site_is_retired_although_what_it_has_shown_fails(scene: Scene) -> None:
    user = scene.user("west", "u", "ada")
    credential = scene.credential("west", "c", "u")
    page = scene.read("west", "hub")
    part = tuple(change for change in page.changes if change.ref == credential)
    scene.site("hub").apply(replace(page, changes=part, at_head=False))
    row = scene.row("west", user)
    scene.store("hub").edit([Write(user, None, row)], scene.clock.now())
    fails(scene, "hub", credential)
    scene.site("hub").retire("west", force=True)
    assert carried(scene, "hub")[credential][0] == "quarantined"


def test_what_is_carried_and_fails_when_its_time_has_come_stops_nothing(scene: Scene) -> None:
    """It was carried for a name; now that is free, and to write it fails in another way."""
    first = scene.user("hub", "u1", "Ada")
    scene.sync()
    scene.store("west").fold = fold
    second = scene.user("hub", "u2", "ada")
    scene.sync()
    assert carried(scene, "west")[second][0] == "name"
    fails(scene, "west", second)
    scene.put("hub", "user", "u1", local__name="eve")
    scene.sync()
    assert scene.row("west", first)["local.name"] == "eve"  # type: ignore[index]
    assert carried(scene, "west")[second][0] == "quarantined"
    fails(scene, "west")
    scene.site("west").retry()
    scene.equal()
    assert scene.row("west", second)


@pytest.mark.parametrize("how", ["unreadable", "kept"])
def test_what_a_site_cannot_evict_stays_alone_and_is_named(scene: Scene, how: str) -> None:
    crowd = [scene.user("hub", f"u{n}", f"user {n}") for n in range(8)]
    scene.sync()
    bad = crowd[3]
    process = scene.fleet.nodes["west"].process
    broken = process.unreadable if how == "unreadable" else process.kept
    broken.add(bad)
    charter = Charter(coverages={"west": Coverage(domains=frozenset({"acme"}))})
    scene.site("hub").write_charter(charter, scene.site("hub").charter().edition)
    scene.sync()
    assert [ref for ref in crowd if scene.row("west", ref)] == [bad]
    held = scene.store("west").data.held
    assert {ref: (item.reason, item.why) for ref, item in held.items()} == {
        bad: (Reason.QUARANTINED, "Unforeseen")
    }
    fresh = scene.user("south", "u9", "eve")
    scene.sync()
    assert scene.row("hub", fresh)
    broken.clear()
    assert scene.site("west").retry() == 1
    scene.equal()
    assert scene.record("west", bad).evicted
    assert not scene.store("west").data.held


@pytest.mark.parametrize("site", ["hub", "west"])
def test_a_backup_in_which_a_marked_record_cannot_be_read_begins_its_new_life(
    scene: Scene, site: str
) -> None:
    user, other = scene.user(site, "u", "ada"), scene.user(site, "u2", "bob")
    scene.sync()
    scene.put(site, "user", "u", extra__email="marked")
    scene.put(site, "user", "u2", extra__email="marked")
    backup = scene.store(site).data.copy()
    scene.sync()
    scene.put_back(site, backup)
    unreadable(scene, site, user)
    scene.put("south", "user", "u2", extra__phone="1")
    scene.sync_some()
    row = scene.row(site, other) or {}
    assert (row["extra.email"], row["extra.phone"]) == ("marked", "1")
    assert set(scene.store(site).data.held) | set(pending(scene, site)) == {user}
    unreadable(scene, site)
    scene.site(site).retry()
    scene.equal()
    assert (scene.row(site, user) or {})["extra.email"] == "marked"
    assert not scene.conflicts


@pytest.mark.parametrize("site", ["hub", "west"])
@pytest.mark.parametrize("how", ["unreadable", "failing"])
def test_an_upgrade_is_done_although_one_record_cannot_be_adopted(scene: Scene, site: str, how: str) -> None:
    """Its new columns are filled when it can be."""
    columns = frozenset({"id", "domain_id", "enabled", "passwords", "local.name", "local.domain_id"})
    scene.store(site).known = {"user": columns}
    source = "west" if site == "hub" else "hub"
    crowd = [scene.user(source, f"u{n}", f"user {n}", nickname=f"nick {n}") for n in range(6)]
    scene.sync()
    assert "nickname" not in (scene.row(site, crowd[0]) or {})
    process, bad = scene.fleet.nodes[site].process, crowd[2]
    broken = process.unreadable if how == "unreadable" else process.failing
    broken.add(bad)
    scene.store(site).known = {"user": columns | {"nickname"}}
    scene.put("south", "role", "r", name="reader", domain_id=None)
    scene.sync()
    assert scene.row(site, Ref("role", "r"))
    named = [(scene.row(site, ref) or {}).get("nickname") for ref in crowd]
    assert named == [None if ref == bad else f"nick {n}" for n, ref in enumerate(crowd)]
    assert {ref: item.why for ref, item in scene.store(site).data.held.items()} == {bad: "Unforeseen"}
    broken.clear()
    assert scene.site(site).retry() == 1
    scene.equal()
    assert (scene.row(site, bad) or {})["nickname"] == "nick 2"
    assert not scene.store(site).data.held


#: Of a site and another one, which it talks with.
CALLS: dict[str, Callable[[Site, Site], object]] = {
    "state": lambda site, other: site.state(),
    "standing": lambda site, other: site.standing(other.name),
    "read": lambda site, other: site.read(other.name, None),
    "apply": lambda site, other: site.apply(other.read(site.name, site.standing(other.name).checkpoint)),
    "summary": lambda site, other: site.summary(other.name, None),
    "listing": lambda site, other: site.listing(other.name, [*site.summary(other.name, None).tallies]),
    "show": lambda site, other: site.show(other.name, [Ref("user", f"u{n}") for n in range(4)]),
    "forget": lambda site, other: site.forget(other.name),
    "sweep": lambda site, other: [site.sweep(3) for _ in range(80)],
    "confirm": lambda site, other: site.confirm(),
    "discard": lambda site, other: site.discard(),
    "purge": lambda site, other: site.purge(0),
    "retry": lambda site, other: site.retry(),
    "move the office": lambda site, other: (
        site.resign(other.name) if site.state().is_hub else site.promote().hub
    ),
}


@pytest.mark.parametrize("site", ["hub", "west"])
@pytest.mark.parametrize("name", CALLS)
def test_no_call_of_a_site_fails_for_one_record_that_cannot_be_read(
    scene: Scene, site: str, name: str
) -> None:
    """Whether it was changed since, is held for a person, or neither."""
    other = "west" if site == "hub" else "hub"
    crowd = [scene.user("hub", f"u{n}", f"user {n}") for n in range(4)]
    scene.sync()
    data = scene.store(site).data
    data.held[crowd[1]] = Held(crowd[1], Reason.MISSING, 1)
    data.held[crowd[2]] = Held(crowd[2], Reason.DANGLING, 1)
    scene.put(site, "user", "u3", extra__email="odd")
    scene.put("south", "user", "u0", extra__email="new")
    scene.put(other, "user", "u2", extra__email="new")
    unreadable(scene, site, *crowd)
    CALLS[name](scene.site(site), scene.site(other))
