"""Who may be promoted is told of all sites, and of those that it knows when a page brings their edits."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from keystone_viaduct.errors import CheckpointMismatch
from keystone_viaduct.sync.charter import Charter, Delegation, Edition
from keystone_viaduct.sync.link.replicator import Progress, Replicator
from keystone_viaduct.sync.model import Page, Peer
from keystone_viaduct.sync.sealing import KeyRing, PageSealer
from keystone_viaduct.sync.site.statement import restate
from keystone_viaduct.sync.wire import body
from keystone_viaduct.sync.wire.page import page_to_json
from tests.simulation.scene import Scene

LIMITED = Delegation(domains=frozenset({"default"}))


def key(name: str) -> bytes:
    """A public key that nobody has the other half of."""
    return hashlib.sha256(name.encode()).digest()


def add(scene: Scene, *names: str) -> None:
    """Sites that are registered at the hub, and do nothing."""
    for name in names:
        peer = Peer(name, key(name), f"{name}-1", signing_key=key(f"{name} signs").hex())
        scene.store("hub").run(lambda tx, peer=peer: tx.save_peer(peer))  # type: ignore[misc]
    scene.store("hub").run(lambda tx: restate(tx, tx.state()))


def carry(scene: Scene, replicator: Replicator) -> list[Page]:
    """To the head; the pages that had changes."""
    found: list[Page] = []
    replicator.counted = lambda page, _: found.append(page)
    while replicator.step() is Progress.MORE:
        pass
    return [page for page in found if page.changes]


def told(page: Page) -> set[str]:
    """Of whom it tells."""
    return {peer.site for peer in page.peers}


def known_at(scene: Scene, site: str) -> dict[str, Peer]:
    """The register there."""
    return dict(scene.store(site).data.peers)


def down(scene: Scene, target: str = "west") -> Replicator:
    """From the hub."""
    return Replicator(scene.site("hub"), scene.site(target))


def test_all_sites_are_told_once_and_then_those_whose_edits_come(scene: Scene) -> None:
    add(scene, "far", "farther")
    west = down(scene)
    scene.user("hub", "u", "ada")
    (first,) = carry(scene, west)
    assert told(first) == {"south", "far", "farther"} and not first.register
    scene.user("south", "v", "bob")
    scene.send("south", "hub")
    (second,) = carry(scene, west)
    assert told(second) == {"south"} and second.register
    scene.user("hub", "w", "cyd")
    (third,) = carry(scene, west)
    assert told(third) == set() and third.register
    here, there = known_at(scene, "west"), known_at(scene, "hub")
    assert here.keys() - {"hub"} == there.keys() - {"west"}
    assert here["south"].seen == there["south"].seen
    assert here["far"].public_key == key("far")


def test_a_site_that_is_new_renewed_or_gone_has_all_of_them_told(scene: Scene) -> None:
    add(scene, "far", "farther")
    west = down(scene)
    scene.user("hub", "u", "ada")
    carry(scene, west)
    add(scene, "farthest")
    scene.user("hub", "v", "bob")
    assert told(carry(scene, west)[0]) == {"south", "far", "farther", "farthest"}
    hub = scene.store("hub")
    hub.run(lambda tx: tx.save_peer(replace(tx.peers()["far"], public_key=key("another"))))
    scene.user("hub", "w", "cyd")
    assert told(carry(scene, west)[0]) == {"south", "far", "farther", "farthest"}
    assert known_at(scene, "west")["far"].public_key == key("another")
    scene.site("hub").retire("farther", force=True)
    scene.user("hub", "x", "dan")
    carry(scene, west)
    assert known_at(scene, "west").keys() == {"hub", "south", "far", "farthest"}
    scene.user("hub", "y", "eve")
    (last,) = carry(scene, west)
    assert last.register and told(last) == set()


def test_an_edit_that_was_replaced_before_it_came_has_all_of_them_told(scene: Scene) -> None:
    """Of it the record's version alone speaks by then; were the hub lost, and the south put back to before
    that edit, the west would have to know that the south has lost something.
    """
    west = down(scene)
    ref = scene.user("hub", "u", "ada")
    carry(scene, west)
    backup = scene.store("south").data.copy()
    scene.put("south", "user", "u", extra__email="south")
    scene.send("south", "hub")
    scene.put("hub", "user", "u", extra__email="hub")
    standing, before = scene.site("west").standing("hub"), scene.store("west").data.copy()
    said = standing.signed, standing.register
    page = scene.site("hub").read("west", standing.checkpoint, 50, None, None, *said)
    assert page.register and told(page) == set()
    with pytest.raises(CheckpointMismatch, match="edits of south beyond what it has told"):
        scene.site("west").apply(page)
    assert scene.store("west").data == before
    (page,) = carry(scene, west)
    assert [change.ref for change in page.changes] == [ref] and not page.register
    assert west.totals.vain == 0
    seen = known_at(scene, "west")["south"].seen
    assert seen is not None and seen == known_at(scene, "hub")["south"].seen
    assert seen.seq > backup.state.head
    scene.user("hub", "v", "bob")
    (page,) = carry(scene, west)
    assert page.register and told(page) == set()


def test_a_page_that_does_not_reach_the_head_tells_of_all(scene: Scene) -> None:
    """What its reader does not have yet others may have: of that, too, it has to know who had made it."""
    west = down(scene)
    scene.user("hub", "u", "ada")
    carry(scene, west)
    for number in range(4):
        scene.user("hub", f"v{number}", f"bob-{number}")
    west.limit = 3
    first, last = carry(scene, west)
    assert not first.at_head and not first.register and told(first) == {"south"}
    assert last.at_head and last.register and told(last) == set()


def test_sites_are_left_out_only_where_a_worker_of_an_earlier_release_refuses_the_page(scene: Scene) -> None:
    """It would forget them. But it takes a page without a statement for one of a hub that does not sign."""
    scene.user("hub", "u", "ada")
    scene.equal()
    scene.user("hub", "v", "bob")
    scene.equal()
    scene.user("hub", "w", "cyd")
    standing = scene.site("west").standing("hub")
    said = standing.signed, standing.register
    assert all(said)
    page = scene.site("hub").read("west", standing.checkpoint, 50, None, None, *said)
    assert page.register and page.statement is None
    page = scene.site("hub").read("west", standing.checkpoint, register=standing.register)
    assert not page.register and told(page) == {"south"} and page.statement is not None


def test_who_says_nothing_is_told_of_all_and_a_limited_site_of_none(scene: Scene) -> None:
    add(scene, "far")
    scene.site("hub").write_charter(Charter(delegations={"south": LIMITED}), Edition())
    scene.user("hub", "u", "ada")
    for site, others in (("west", {"south", "far"}), ("south", set())):
        page = scene.read("hub", site)
        assert page.changes and told(page) == others and not page.register
        assert bool(scene.site(site).apply(page).register) is (site == "west")


def test_a_page_that_leaves_out_sites_that_its_receiver_does_not_know_is_refused(scene: Scene) -> None:
    """Whoever has claimed that it does: nothing changes, and the next page tells of all."""
    add(scene, "far")
    scene.user("hub", "u", "ada")
    scene.equal()
    claimed = scene.site("west").standing("hub").register
    scene.store("west").run(lambda tx: tx.drop_peer("far"))
    standing = scene.site("west").standing("hub")
    assert standing.register != claimed
    scene.user("hub", "v", "bob")
    page = scene.site("hub").read("west", standing.checkpoint, signed=standing.signed, register=claimed)
    assert page.register and told(page) == set()
    before = scene.store("west").data.copy()
    with pytest.raises(CheckpointMismatch, match="leaves out sites that west does not know"):
        scene.site("west").apply(page)
    assert scene.store("west").data == before
    scene.equal()
    assert "far" in known_at(scene, "west")


def test_an_agent_that_begins_anew_need_not_have_all_told_again(scene: Scene) -> None:
    add(scene, "far")
    scene.user("hub", "u", "ada")
    carry(scene, down(scene))
    data = scene.store("west").data.copy()
    scene.user("hub", "v", "bob")
    (page,) = carry(scene, down(scene))
    assert page.register and told(page) == set()
    scene.store("west").data = data
    scene.store("west").run(lambda tx: tx.drop_peer("far"))
    (again,) = carry(scene, down(scene))
    assert not again.register and "far" in told(again), "but of what it does not know"


def test_a_page_has_the_same_size_in_a_fleet_of_ten_and_of_four_hundred(scene: Scene) -> None:
    """Half of them limited, so that statement, charter and register all grow; the reader may be promoted."""
    sealer, west = PageSealer(KeyRing.generate().public_key), down(scene)
    known: dict[int, int] = {}
    first: dict[int, int] = {}
    for sites in (10, 400):
        names = [f"site-{number:04d}" for number in range(sites)]
        add(scene, *names)
        limited = Charter(delegations=dict.fromkeys(names[::2], LIMITED))
        scene.site("hub").write_charter(limited, scene.site("hub").charter().edition)
        for name, sizes in (("1st", first), ("2nd", known)):
            scene.user("hub", "u", "ada", extra__email=f"{name}@{sites:04d}")
            (page,) = carry(scene, west)
            value = page_to_json(page, sealer.header, sealer.seal)
            sizes[sites] = len(body.dumps(value))
    assert first[400] - first[10] > 390 * 250, "all of it is told once"
    assert abs(known[400] - known[10]) < 100 and known[400] < 4000
