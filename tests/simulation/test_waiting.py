"""The one list of what waits at a site: each record by name, state and reason."""

from __future__ import annotations

from dataclasses import replace

from keystone_viaduct.sync.model import Ref, Unreadable, Waiting
from keystone_viaduct.sync.waiting import counted, waiting
from keystone_viaduct.sync.wire import body, limits
from keystone_viaduct.sync.wire.upkeep import waiting_from_json, waiting_to_json
from tests.simulation.scene import Scene


def listed(scene: Scene, site: str) -> list[Waiting]:
    """What that site tells."""
    return scene.store(site).run(waiting)


def test_each_state_is_told_with_the_name_the_reason_and_the_source(scene: Scene) -> None:
    conflict = scene.user("hub", "u0", "zoe", extra__email="old")
    scene.sync()
    scene.put("hub", "user", "u0", extra__email="hub")
    scene.put("west", "user", "u0", extra__email="west")
    scene.store("west").unstorable = frozenset({"odd"})
    odd = scene.user("hub", "u1", "ada", extra__email="odd")
    fails = scene.user("hub", "u2", "bob")
    scene.fleet.nodes["west"].process.failing = {fails}
    bad = Ref("user", "u3")
    scene.user("hub", "u3", "cyd")
    scene.project("hub", "p", "web")
    grant = scene.grant("hub", "u3", "p")
    page = scene.read("hub", "west")
    by = {change.ref: change for change in page.changes}
    named = Unreadable(bad, by[bad].seq, by[bad].version, "it is odd")
    rest = tuple(change for change in page.changes if change.ref != bad)
    scene.site("west").apply(replace(page, changes=rest, unreadable=(named,)))
    found = {w.ref: (w.name, w.state, w.reason, w.why, w.source) for w in listed(scene, "west")}
    assert found == {
        conflict: ("zoe", "refused", "conflict", "", "hub"),
        odd: ("ada", "carried", "unstorable", "field extra.email can't be stored here", "hub"),
        fails: ("bob", "quarantined", "quarantined", "Unforeseen", "hub"),
        bad: ("", "quarantined", "unreadable", "it is odd", "hub"),
        grant: ("", "pending", "reference", "", "hub"),
    }
    assert all(w.since for w in listed(scene, "west"))
    began = {w.ref: w.since for w in listed(scene, "west")}
    scene.put("hub", "user", "u9", extra__email="later", domain_id="default", enabled=True)
    scene.send("hub", "west")
    assert {w.ref: w.since for w in listed(scene, "west") if w.ref in began} == began, "it is remembered"


def test_a_deletion_that_waits_for_a_person_is_on_the_list(scene: Scene) -> None:
    refs = [scene.user("hub", f"u{n}", f"user {n}") for n in range(10)]
    scene.sync()
    for ref in refs:
        del scene.store("west").data.rows[ref]
    while scene.site("west").sweep(100).kind:
        pass
    assert counted(listed(scene, "west")) == {"held": 10}


def test_the_list_comes_over_the_wire_as_it_is_and_bounded() -> None:
    one = Waiting(Ref("user", "u"), "ada", "carried", "name", "why", "west", 5)
    assert waiting_from_json(waiting_to_json([one])) == ({"carried": 1}, [one])
    many = [one] * (limits.WAITING + 1)
    counts, told = waiting_from_json(waiting_to_json(many))
    assert counts == {"carried": limits.WAITING + 1} and len(told) == limits.WAITING


def test_no_secret_is_a_name() -> None:
    scene = Scene("hub", "west")
    scene.store("west").unstorable = frozenset({"odd"})
    scene.user("hub", "u", "ada")
    scene.put("hub", "credential", "c", user_id="u", type="totp", blob="odd s3cr3t")
    scene.send("hub", "west")
    (found,) = listed(scene, "west")
    assert "s3cr3t" not in repr(found)


def test_a_name_with_half_of_a_surrogate_pair_is_listed_so_that_any_answer_can_hold_it() -> None:
    """Of names that a database can't hold the list is the one place where all of them meet."""
    scene = Scene("hub", "west")
    scene.store("west").unstorable = frozenset({"ada \ud83d"})
    scene.user("hub", "u", "ada \ud83d")
    scene.sync()
    (found,) = scene.store("west").run(waiting)
    assert found.name == "ada \\ud83d"
    counts, told = waiting_from_json(body.loads(body.dumps(waiting_to_json([found]))))
    assert (counts, told) == ({"carried": 1}, [found])
