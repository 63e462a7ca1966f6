"""A site that is gone for good is forgotten, and nothing waits for it any more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keystone_viaduct.clock import ManualClock
from keystone_viaduct.errors import NotThere, Refused
from keystone_viaduct.sync.charter import Charter, Delegation
from keystone_viaduct.sync.model import Dot, Peer, Ref, Retired
from keystone_viaduct.sync.site import Site
from keystone_viaduct.sync.site.purge import Retention
from keystone_viaduct.testing.memory import empty
from keystone_viaduct.testing.simulation.crashing import CrashingStore
from keystone_viaduct.testing.simulation.fleet import Node
from keystone_viaduct.testing.simulation.memory import MemoryDatabase
from tests.simulation.scene import Scene

HOUR = 3600 * 1_000_000


@pytest.fixture
def scene() -> Scene:
    """A hub and two spokes, with a user that all have."""
    scene = Scene("hub", "west", "south")
    scene.user("hub", "u0", "eve")
    scene.sync()
    return scene


def lose(scene: Scene, site: str) -> None:
    """Its database is gone, and nobody talks to it any more."""
    del scene.fleet.nodes[site]
    scene.fleet.links.clear()


def retire(scene: Scene, site: str) -> Retired:
    """Two hours after it was last heard."""
    scene.clock.advance(2 * HOUR)
    return scene.site("hub").retire(site)


def test_tombstones_do_not_wait_for_a_site_that_was_retired(scene: Scene) -> None:
    lose(scene, "south")
    scene.delete("hub", Ref("user", "u0"))
    scene.sync()
    assert scene.purge("hub", Retention()).tombstones == 0
    assert retire(scene, "south").lost == 0
    scene.sync()
    assert scene.purge("hub", Retention()).tombstones == 1
    assert set(scene.store("hub").data.peers) == {"west"}
    assert "south" not in scene.store("hub").data.checkpoints
    scene.user("hub", "u1", "bob")
    scene.sync()
    assert set(scene.store("west").data.peers) == {"hub"}, "who may be promoted forgets it, too"


def test_what_had_come_from_it_and_waits_is_settled(scene: Scene) -> None:
    """It named a project that never came: the grant goes, listed; a name that is taken is given a suffix."""
    scene.project("south", "p", "late")
    grant = scene.grant("south", "u0", "p")
    twin = scene.user("south", "u1", "ada")
    scene.user("hub", "u2", "ada")
    page = scene.read("south", "hub")
    part = tuple(change for change in page.changes if change.ref in (grant, twin))
    scene.site("hub").apply(replace(page, changes=part, at_head=False))
    assert len(scene.store("hub").data.pending) == 2
    lose(scene, "south")
    heard = scene.store("hub").data.peers["south"].heard
    assert retire(scene, "south") == Retired("south", heard, 2, 0)
    scene.sync()
    assert scene.row("west", grant) is None
    assert {conflict.ref for conflict in scene.conflicts} >= {grant}
    assert not scene.store("hub").data.pending
    names = sorted(str((scene.row("west", Ref("user", key)) or {})["local.name"]) for key in ("u1", "u2"))
    assert names == ["ada", "ada~south"]


def restored_hub(scene: Scene) -> Ref:
    """A hub that was put back to before an edit of the south's; the west, which had it, tells of it."""
    ref = scene.lost_at_the_hub()
    lose(scene, "south")
    return ref


def test_who_may_change_everything_vouches_for_a_site_that_is_gone(scene: Scene) -> None:
    """What the hub has lost of the south's edits comes back by the west's."""
    ref = restored_hub(scene)
    retire(scene, "south")
    assert not scene.store("hub").data.pending
    row = scene.row("hub", ref)
    assert row is not None and (row["extra.email"], row["extra.phone"]) == ("south", "west")
    scene.sync()
    assert not scene.conflicts


def test_a_limited_spoke_does_not_vouch_for_a_site_that_is_gone(scene: Scene) -> None:
    """Nobody can tell whether it is true: it goes back and is listed with all it said."""
    charter = scene.site("hub").charter()
    limits = Charter(charter.edition, delegations={"west": Delegation(domains=frozenset({"default"}))})
    scene.site("hub").write_charter(limits, charter.edition)
    scene.sync()
    ref = scene.user("hub", "u", "ada", extra__email="old")
    scene.sync()
    scene.put("west", "user", "u", extra__email="forged")
    page = scene.read("west", "hub")
    (change,) = page.changes
    dot = Dot("south#south-1", 999)
    fields = {**change.fields, "extra.email": change.fields["extra.email"]._replace(dot=dot)}
    forged = replace(change, version=change.version.plus(dot), fields=fields)
    scene.site("hub").apply(replace(page, changes=(forged,)))
    assert len(scene.store("hub").data.pending) == 1
    lose(scene, "south")
    retire(scene, "south")
    assert not scene.store("hub").data.pending
    assert (scene.row("hub", ref) or {})["extra.email"] == "old"
    (conflict,) = scene.conflicts
    assert (conflict.sort, conflict.lost["extra.email"]) == ("refused", "forged")


def test_its_name_may_be_given_to_a_new_site(scene: Scene) -> None:
    """A new Keystone, filled from the hub, under the old name; the old life's edits stay what they were."""
    alone = scene.user("south", "u1", "ada")
    scene.sync()
    lose(scene, "south")
    retire(scene, "south")
    store = MemoryDatabase(empty("south", "hub", incarnation="south-2"))
    process, clock = CrashingStore(store), scene.clock
    assert isinstance(clock, ManualClock)
    scene.fleet.nodes["south"] = Node("south", store, clock, Site(process, clock), process)
    store.data.peers = {"hub": Peer("hub", b"", "hub-1")}
    peer = Peer("south", b"", "south-2")
    scene.store("hub").run(lambda tx: tx.save_peer(peer))
    scene.sync()
    assert scene.row("south", alone) is not None
    made = scene.user("south", "u3", "bob")
    scene.equal()
    assert scene.row("west", made) is not None


def test_an_operators_charter_does_not_bring_it_back(scene: Scene) -> None:
    lose(scene, "south")
    retire(scene, "south")
    charter = scene.site("hub").charter()
    assert charter.retired == {"south#south-1"}
    written = scene.site("hub").write_charter(Charter(charter.edition), charter.edition)
    assert written.retired == {"south#south-1"}
    scene.sync()
    assert scene.site("west").charter() == written


def test_a_hub_that_was_lost_is_retired_at_the_next_one(scene: Scene) -> None:
    """What waited from it waits no longer."""
    scene.project("hub", "p1", "late")
    scene.send("hub", "south")
    grant = scene.grant("hub", "u0", "p1")
    page = scene.read("hub", "west")
    scene.site("west").apply(replace(page, changes=tuple(c for c in page.changes if c.ref == grant)))
    lose(scene, "hub")
    lose(scene, "south")
    data = scene.store("west").data
    data.peers = {name: replace(data.peers[name], live=True) for name in ("hub", "south")}
    scene.site("west").promote()
    assert scene.store("west").data.pending
    scene.clock.advance(2 * HOUR)
    scene.site("west").retire("south")
    scene.site("west").retire("hub")
    assert not scene.store("west").data.pending
    assert [(row.sort, row.ref) for row in scene.store("west").data.conflicts] == [("dangling", grant)]
    assert scene.store("west").data.state.former == ""


def test_who_may_not_be_retired(scene: Scene) -> None:
    with pytest.raises(Refused, match="not the hub"):
        scene.site("west").retire("south")
    with pytest.raises(Refused, match="hub is the hub"):
        scene.site("hub").retire("hub")
    with pytest.raises(NotThere, match="no site nowhere"):
        scene.site("hub").retire("nowhere")
    scene.sync()
    with pytest.raises(Refused, match="less than an hour"):
        scene.site("hub").retire("south")
    assert "south" in scene.store("hub").data.peers
    scene.site("hub").retire("south", force=True)
    assert "south" not in scene.store("hub").data.peers
