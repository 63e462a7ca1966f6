"""Two sites that start over find what they do not agree about, carry that, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from keystone_viaduct.errors import CheckpointMismatch, FenceMismatch, Refused
from keystone_viaduct.sync.charter import Charter, Coverage
from keystone_viaduct.sync.link import compare as comparing
from keystone_viaduct.sync.link.compare import LEAF, Comparison
from keystone_viaduct.sync.link.link import Link
from keystone_viaduct.sync.link.replicator import Progress
from keystone_viaduct.sync.model import Bucket, Peer, Places, Ref, Summary, Tally
from keystone_viaduct.sync.site.nonce import seeded
from keystone_viaduct.sync.site.purge import Retention
from keystone_viaduct.testing.memory import Data, empty
from tests.simulation.scene import Scene


def compare(scene: Scene, spoke: str = "west", kinds: frozenset[str] | None = None) -> Comparison:
    """The hub and a spoke, compared."""
    found = Comparison(scene.site("hub"), scene.site(spoke), kinds)
    found.find()
    return found


def crowd(scene: Scene, number: int) -> list[Ref]:
    """Users, everywhere."""
    refs = [scene.user("hub", f"u{n}", f"user {n}") for n in range(number)]
    scene.sync()
    return refs


def backup(scene: Scene, site: str) -> Data:
    """A copy of a site's database."""
    return scene.store(site).data.copy()


def restore(scene: Scene, site: str, data: Data) -> None:
    """Put it back."""
    scene.fleet.restorations += 1
    if site == scene.fleet.hub:
        scene.fleet.forked |= {scene.store(site).data.state.origin, data.state.origin}
    scene.store(site).data = data.copy()


def purge(scene: Scene, site: str, *away: str) -> int:
    """All tombstones that the sites which are not away have got."""
    data = scene.store(site).data
    data.peers = {name: replace(peer, live=name not in away) for name, peer in data.peers.items()}
    return scene.purge(site, Retention()).tombstones


def carried(scene: Scene, spoke: str) -> int:
    """How many changes the link to a spoke has carried."""
    ends = scene.fleet.link(spoke)
    return ends.up.totals.changes + ends.down.totals.changes


def test_equal_sites_are_equal_in_four_calls(scene: Scene) -> None:
    crowd(scene, 50)
    found = compare(scene)
    assert found.differences == []
    assert found.calls == 4
    assert found.records == 52


def test_what_differs_is_found_and_nothing_else(scene: Scene) -> None:
    """An edit nobody read yet, a creation, a deletion: each side tells what it has."""
    refs = crowd(scene, 300)
    scene.put("hub", "user", refs[7].key, extra__email="x")
    fresh = scene.user("west", "fresh", "fresh")
    scene.delete("west", refs[9])
    found = compare(scene)
    assert {item.ref: (item.hub is None, item.spoke is None) for item in found.differences} == {
        refs[7]: (False, False),
        fresh: (True, False),
        refs[9]: (False, False),
    }
    assert found.by_kind == {"user": 3}
    assert found.missed == [], "all of it is on its way"
    listed = len(found._hub.entries)
    assert listed <= 3 * LEAF


def test_a_comparison_may_be_limited_to_kinds(scene: Scene) -> None:
    crowd(scene, 3)
    scene.user("hub", "u", "ada")
    scene.project("hub", "p", "web")
    assert compare(scene, kinds=frozenset({"project", "role"})).by_kind == {"project": 1}


def test_a_limited_site_is_compared_in_what_it_holds(scene: Scene) -> None:
    """What is out of its coverage is no difference, what is missing in it is; nor does its sweep miss it."""
    scene.put("hub", "domain", "acme", name="acme", enabled=True)
    scene.project("hub", "p1", "web")
    inside = scene.project("hub", "p2", "web", domain_id="acme", parent_id="acme")
    scene.sync()
    charter = scene.site("hub").charter()
    coverage = Coverage(domains=frozenset({"acme"}))
    scene.site("hub").write_charter(Charter(coverages={"west": coverage}), charter.edition)
    for _ in range(3):
        scene.sync()
    assert scene.row("west", Ref("project", "p1")) is None
    assert compare(scene).differences == []
    place = scene.site("west").sweep(500)
    while place.kind:
        place = scene.site("west").sweep(500)
    assert (place.found, place.deleted) == (0, 0)
    assert not scene.store("west").data.held
    scene.put("hub", "project", "p2", description="new")
    scene.put("hub", "project", "p1", description="new")
    assert [item.ref for item in compare(scene).differences] == [inside]


def test_a_tombstone_that_one_side_has_purged_is_no_difference(scene: Scene) -> None:
    refs = crowd(scene, 3)
    scene.delete("hub", refs[0])
    scene.sync()
    assert purge(scene, "west") == 1
    assert compare(scene).differences == []


def test_what_was_lost_unseen_is_missed_and_shown(scene: Scene) -> None:
    """A spoke lost a record without knowing: no feed would ever bring it back, a comparison does."""
    refs = crowd(scene, 40)
    data = scene.store("west").data
    record = data.records[refs[4]]
    data.records[refs[4]] = replace(record, version=record.version.clipped("hub#hub-1", 1))
    scene.sync()
    found = compare(scene)
    assert [item.ref for item in found.missed] == [refs[4]]
    for _ in found.showing(found.missed):
        pass
    scene.equal()
    assert compare(scene).differences == []


def test_a_restored_site_is_brought_up_to_date_by_what_it_lacks(scene: Scene) -> None:
    """200 users, 3 edits since the backup: the link carries about these, not the 200."""
    refs = crowd(scene, 200)
    data = backup(scene, "west")
    for ref in refs[:3]:
        scene.put("hub", "user", ref.key, extra__email="after the backup")
    scene.sync()
    before = carried(scene, "west")
    restore(scene, "west", data)
    scene.put("west", "user", refs[5].key, extra__email="in the restored site")
    scene.equal()
    assert scene.fleet.link("west").restarts > 0
    assert carried(scene, "west") - before < 20
    assert scene.row("hub", refs[5])["extra.email"] == "in the restored site"  # type: ignore[index]


def test_where_most_differs_both_feeds_are_read_instead(scene: Scene) -> None:
    data = backup(scene, "west")
    crowd(scene, 1100)
    restore(scene, "west", data)
    scene.sync()
    assert carried(scene, "west") >= 2200
    scene.equal()


@pytest.mark.parametrize("seed", range(4))
def test_edits_made_while_two_sites_compare_are_carried(scene: Scene, seed: int) -> None:
    """An edit at either side between any two calls of a comparison that starts over."""
    chance = random.Random(seed)
    refs = crowd(scene, 60)
    data = backup(scene, "west")
    for ref in refs[:9]:
        scene.put("hub", "user", ref.key, extra__email="lost")
    scene.sync()
    restore(scene, "west", data)
    ends = Link(scene.site("hub"), scene.site("west"))
    for number in range(60):
        ends.step(chance.choice((ends.up, ends.down)))
        side = chance.choice(("hub", "west"))
        scene.put(side, "user", chance.choice(refs).key, **{f"extra__{side}{number}": number})
    scene.equal()


@pytest.mark.parametrize("calls", range(1, 16))
def test_a_comparison_may_end_anywhere(scene: Scene, calls: int) -> None:
    """The agent dies after any call; the next one begins anew."""
    refs = crowd(scene, 60)
    data = backup(scene, "west")
    scene.put("hub", "user", refs[0].key, extra__email="x")
    scene.delete("hub", refs[1])
    scene.sync()
    restore(scene, "west", data)
    scene.put("west", "user", refs[2].key, extra__email="y")
    ends = Link(scene.site("hub"), scene.site("west"))
    for _ in range(calls):
        ends.step(ends.down)
    scene.equal()
    assert scene.row("west", refs[1]) is None


def test_a_site_restored_during_the_comparison_is_compared_again(scene: Scene) -> None:
    """Its checkpoint would speak of what is not there any more."""
    refs = crowd(scene, 30)
    data = backup(scene, "west")
    scene.put("west", "user", refs[3].key, extra__email="seen by the hub")
    scene.sync()
    hub, west = scene.site("hub").summary("west", None), scene.site("west").summary("hub", None)
    restore(scene, "west", data)
    with pytest.raises(FenceMismatch):
        scene.site("west").resume("hub", Places(hub.head, hub.head, west.head, hub.coverage))
    scene.equal()


def test_what_was_compared_in_a_narrower_coverage_is_not_taken_for_all(scene: Scene) -> None:
    """West was compared while it was to hold less, and hears of neither coverage before it is to hold all."""
    hub = scene.site("hub")
    role = scene.put("hub", "role", "reader", name="reader", domain_id=None)
    people = Charter(coverages={"west": Coverage(kinds=frozenset({"user", "project"}))})
    hub.write_charter(people, hub.charter().edition)
    for _ in Comparison(hub, scene.site("west")).starting_over():
        pass
    hub.write_charter(Charter(), hub.charter().edition)
    scene.equal()
    assert scene.row("west", role) is not None


def test_hub_restore_after_purge(scene: Scene) -> None:
    """The hub comes back with a user whose deletion all had seen and purged: it is deleted again."""
    user, other = scene.user("hub", "u", "ada"), scene.user("hub", "u2", "bob")
    scene.sync()
    data = backup(scene, "hub")
    scene.delete("west", user)
    scene.sync()
    assert purge(scene, "hub") + purge(scene, "west") + purge(scene, "south") == 3
    restore(scene, "hub", data)
    scene.equal()
    assert scene.row("hub", user) is None and scene.row("south", user) is None
    assert scene.row("hub", other) is not None


def test_away_edit_after_purge(scene: Scene) -> None:
    """A site that was away for long has edited what the fleet has deleted and purged: deleted, listed."""
    user, kept = scene.user("hub", "u", "ada"), scene.user("hub", "u2", "bob")
    scene.sync()
    scene.put("west", "user", "u", extra__email="while away")
    scene.put("west", "user", "u2", extra__email="while away")
    new = scene.user("west", "u3", "cyd")
    scene.delete("hub", user)
    scene.send("hub", "south")
    scene.send("south", "hub")
    scene.send("hub", "south")
    assert purge(scene, "hub", "west") == 1
    scene.equal()
    assert scene.row("west", user) is None and scene.row("south", user) is None
    assert scene.row("south", kept)["extra.email"] == "while away"  # type: ignore[index]
    assert scene.row("south", new) is not None
    assert [c.lost["extra.email"] for c in scene.conflicts if c.ref == user] == ["while away"]


def test_regrant_after_purge(scene: Scene) -> None:
    """A grant that is made anew after its deletion was purged is new, at a site that was away, too."""
    scene.user("hub", "u", "ada")
    scene.project("hub", "p", "web")
    grant = scene.grant("hub", "u", "p")
    scene.sync()
    scene.delete("hub", grant)
    scene.send("hub", "south")
    scene.send("south", "hub")
    scene.send("hub", "south")
    assert purge(scene, "hub", "west") == 1
    purge(scene, "south")
    scene.grant("south", "u", "p")
    scene.equal()
    assert all(scene.row(site, grant) is not None for site in ("hub", "west", "south"))


def test_a_new_site_reads_past_what_was_purged_before_it_came(scene: Scene) -> None:
    """Page by page, and without being compared: it has nothing that could have been deleted."""
    crowd(scene, 12)
    gone = scene.user("hub", "gone", "gone")
    scene.sync()
    scene.delete("hub", gone)
    scene.sync()
    assert purge(scene, "hub") == 1
    crowd_size = len(scene.store("hub").data.rows)
    assert scene.store("hub").data.state.purged > 4
    scene.store("south").data = empty("south", "hub", incarnation="south-2")
    scene.store("south").data.peers = {"hub": Peer("hub", b"", "hub-1")}
    hub = scene.store("hub").data
    hub.peers = {**hub.peers, "south": Peer("south", b"", "south-2")}
    hub.checkpoints.pop("south")
    link = Link(scene.site("hub"), scene.site("south"), 2)
    while Progress.IDLE not in (link.step(link.up), link.step(link.down)):
        assert not link.restarts
    assert len(scene.store("south").data.rows) == crowd_size
    scene.equal()


def test_stale_page_after_purge(scene: Scene) -> None:
    """A page read before a deletion, and delivered after its tombstone is gone, brings nothing back."""
    user = scene.user("hub", "u", "ada")
    page = scene.read("hub", "west")
    scene.sync()
    scene.delete("hub", user)
    scene.sync()
    purge(scene, "west")
    purge(scene, "hub")
    with pytest.raises((CheckpointMismatch, FenceMismatch)):
        scene.site("west").apply(page)
    scene.equal()
    assert scene.row("west", user) is None


@pytest.mark.parametrize("policy", ["hub", "latest", "spoke:south"])
def test_what_was_made_apart_from_what_is_deleted_and_forgotten_is_new(policy: str) -> None:
    """South still has the tombstone that the hub has purged: it tells of another record than west's."""
    with seeded(random.Random(7)):
        scene = Scene("hub", "west", "south", policy=policy)
    mine = scene.put("west", "region", "r", description="west's")
    scene.put("hub", "region", "r", description="the hub's")
    scene.talk("south")
    scene.delete("hub", mine)
    scene.fleet.ledger.apart[scene.fleet.ledger.deleted[-1]] = frozenset({"west"})
    scene.talk("south")
    assert purge(scene, "hub", "west") == 1
    scene.equal()
    assert [scene.row(name, mine) for name in scene.fleet.nodes] == [{"id": "r", "description": "west's"}] * 3
    assert not scene.conflicts


@pytest.mark.parametrize("invented", ["the same bucket", "a bucket of another kind", "one far below"])
def test_a_site_that_tells_of_buckets_that_nobody_asked_for_makes_a_comparison_no_longer(
    invented: str,
) -> None:
    """Each would be asked for at the hub, too, for ever."""
    scene = Scene("hub", "west")
    crowd(scene, 40)
    honest, west = compare(scene).calls, scene.site("west")
    telling = west.summary

    def summary(reader: str, within: Sequence[Bucket] | None, *others: Any, **named: Any) -> Summary:
        told = telling(reader, within, *others, **named)
        more = {bucket: Tally(100, number) for number, bucket in enumerate(within or [Bucket("user")])}
        if invented != "the same bucket":
            kind, digits = ("role", "1") if "kind" in invented else ("user", "111")
            more |= {Bucket(kind, digits): Tally(100, 1)}
        return replace(told, tallies={**told.tallies, **more})

    west.summary = summary  # type: ignore[method-assign]
    found = Comparison(scene.site("hub"), west)
    for _ in found.finding():
        assert found.calls <= honest + 20


def test_a_site_that_lists_without_end_is_told_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "MOST_LISTED", 10)
    scene = Scene("hub", "west")
    crowd(scene, 11)
    scene.store("west").data.records.clear()
    with pytest.raises(Refused, match="hub lists more than 10 records"):
        compare(scene)
