"""What a spoke leaves for the hub to decide it decides itself when it becomes the hub."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keystone_viaduct.sync.charter import Charter, Delegation
from keystone_viaduct.sync.model import Change, Dot, Ref
from keystone_viaduct.testing.folding import fold
from keystone_viaduct.testing.simulation.fleet import settle
from tests.simulation.scene import Scene

RULE = {"user_id": "u", "service": "compute", "path": "/v2.1/servers", "method": "GET"}


def promote(scene: Scene, site: str) -> None:
    """The operator gives up the hub, which goes on as a spoke."""
    scene.site(site).promote()
    scene.fleet.elect()


def carried(scene: Scene) -> dict[str, list[Ref]]:
    """Per site what it carries."""
    return {
        name: sorted(r.ref for r in node.store.data.records.values() if r.carried is not None)
        for name, node in scene.fleet.nodes.items()
    }


def sorts(scene: Scene) -> list[tuple[str, Ref]]:
    return [(row.sort, row.ref) for row in scene.conflicts]


def crossed(scene: Scene) -> tuple[Ref, Ref]:
    """West has put one below the other, and carries that the hub has done the reverse."""
    one, other = (scene.put("hub", "region", key, description="") for key in "ab")
    scene.sync()
    scene.put("west", "region", "a", parent_region_id="b")
    scene.put("hub", "region", "b", parent_region_id="a")
    scene.send("hub", "west")
    assert carried(scene)["west"] == [other]
    return one, other


def test_a_circle(scene: Scene) -> None:
    _, other = crossed(scene)
    promote(scene, "west")
    scene.equal()
    for site in scene.fleet.nodes:
        assert not (scene.row(site, other) or {}).get("parent_region_id")
    assert not any(carried(scene).values()) and sorts(scene) == [("cycle", other)]


def test_a_circle_of_which_a_part_is_deleted_meanwhile(scene: Scene) -> None:
    """Nobody at west can see that the hub has put something below it."""
    one, other = crossed(scene)
    promote(scene, "west")
    scene.delete("west", one)
    scene.equal()
    assert scene.row("hub", one) is None and scene.row("hub", other) is not None
    assert ("dependent", other) in sorts(scene) and not any(carried(scene).values())


def test_a_row_is_left_by_what_is_carried_beside_it_before_its_owner_goes(scene: Scene) -> None:
    """The spoke has not told of its own edit yet, when the page says that what the row names is gone."""
    top = scene.put("hub", "region", "top", description="")
    one, other = (scene.put("hub", "region", key, description="") for key in "ab")
    scene.put("hub", "region", "b", parent_region_id="top")
    scene.sync()
    scene.put("west", "region", "a", parent_region_id="b")
    scene.put("hub", "region", "b", parent_region_id="a")
    scene.delete("hub", top)
    scene.send("hub", "west")
    assert scene.row("west", top) is None
    scene.equal()
    assert scene.row("west", one) is not None and scene.row("west", other) is not None


@pytest.mark.parametrize("kind", ["registered_limit", "access_rule"])
def test_one_thing_under_two_ids(scene: Scene, kind: str) -> None:
    """A database enforces that there is one access rule; of limits it does not."""
    scene.user("hub", "u", "ada")
    scene.put("hub", "service", "s", type="compute", enabled=True)
    scene.sync()
    what = {"service_id": "s", "region_id": None, "resource_name": "vcpu", "default_limit": 1}
    fields = RULE if kind == "access_rule" else what
    for site, key in (("west", "one"), ("hub", "two")):
        scene.put(site, kind, key, **fields)
        if kind == "access_rule":
            app = {"name": key, "secret_hash": "h", "user_id": "u", "roles": [], "access_rules": [key]}
            scene.put(site, "application_credential", key, **app)
    scene.send("hub", "west")
    assert Ref(kind, "two") in carried(scene)["west"]
    promote(scene, "west")
    scene.equal()
    assert scene.row("hub", Ref(kind, "one")) is not None and scene.row("hub", Ref(kind, "two")) is None
    assert not any(carried(scene).values()) and sorts(scene) == [("equal", Ref(kind, "two"))]
    for key in ("one", "two") if kind == "access_rule" else ():
        assert (scene.row("hub", Ref("application_credential", key)) or {})["access_rules"] == ["one"]


@pytest.mark.parametrize("used", [False, True])
def test_two_hubs_that_unite_two_rules_each_the_other_way_round(scene: Scene, used: bool) -> None:
    """South has heard what the old hub made of it, and shows that as a deletion."""
    scene.user("hub", "u", "ada")
    scene.sync()
    for site, key in (("hub", "one"), ("west", "two")):
        scene.put(site, "access_rule", key, **RULE)
        if used:
            app = {"name": key, "secret_hash": "h", "user_id": "u", "roles": [], "access_rules": [key]}
            scene.put(site, "application_credential", key, **app)
    scene.send("hub", "west")
    scene.send("west", "hub")
    scene.send("hub", "south")
    promote(scene, "west")
    scene.talk("south")
    scene.equal()
    left = [key for key in ("one", "two") if scene.row("west", Ref("access_rule", key)) is not None]
    assert len(left) == 1
    for key in ("one", "two") if used else ():
        assert (scene.row("south", Ref("application_credential", key)) or {})["access_rules"] == left


def test_what_both_ids_have_become_is_not_deleted_while_it_is_in_use(scene: Scene) -> None:
    """By what the first hub has made of it the id that is left stands for the other one, which is gone."""
    scene.user("hub", "u", "ada")
    scene.sync()
    for site, key in (("hub", "one"), ("west", "two")):
        scene.put(site, "access_rule", key, **RULE)
    scene.send("hub", "west")
    scene.send("west", "hub")
    promote(scene, "west")
    scene.equal()
    (left,) = (ref for ref in scene.store("west").data.rows if ref.kind == "access_rule")
    assert left in scene.store("west").run(lambda tx: tx.aliases([left]))
    used = {"name": "app", "secret_hash": "h", "user_id": "u", "roles": [], "access_rules": [left.key]}
    app = scene.put("west", "application_credential", "app", **used)
    scene.delete("south", left)
    scene.equal()
    assert scene.row("south", left) is not None and scene.row("south", app) is not None
    assert ("in-use", left) in sorts(scene)


def test_names_that_its_database_takes_for_equal(scene: Scene) -> None:
    scene.store("west").fold = fold
    one, other = scene.user("hub", "u1", "Ada"), scene.user("hub", "u2", "ada")
    scene.sync()
    assert carried(scene)["west"] == [other]
    promote(scene, "west")
    scene.equal()
    assert [(scene.row("hub", ref) or {})["local.name"] for ref in (one, other)] == ["Ada", "ada~hub"]
    assert not any(carried(scene).values()) and sorts(scene) == [("clash", other)]


def test_names_that_can_not_be_changed_stay_carried(scene: Scene) -> None:
    scene.store("west").fold = fold
    scene.put("hub", "region", "one", description="1")
    other = scene.put("hub", "region", "ONE", description="2")
    scene.sync()
    promote(scene, "west")
    scene.equal()
    assert carried(scene)["west"] == [other] and not scene.conflicts
    assert scene.row("hub", other) is not None


def test_what_is_carried_of_an_owner_that_was_deleted_there(scene: Scene) -> None:
    """The deletion was numbered by the spoke, which takes nothing along."""
    scene.fleet.nodes["west"].store.narrow("#")
    user = scene.user("hub", "u", "ada")
    scene.sync()
    secret = scene.put("hub", "credential", "c#", user_id="u", type="totp", blob="seed")
    scene.send("hub", "west")
    scene.delete("west", user)
    scene.site("west").read("hub", None, 50)
    assert scene.record("west", user).deleted and carried(scene)["west"] == [secret]
    promote(scene, "west")
    scene.equal()
    assert scene.row("hub", secret) is None and sorts(scene) == [("dependent", secret)]


def test_an_edit_that_nobody_has_made_keeps_nobody_waiting(scene: Scene) -> None:
    """West claims an edit of south's. The exception for it would go round: no site can ever end it."""
    user = scene.user("hub", "u", "ada")
    scene.sync()
    record, made_up = scene.record("west", user), Dot("south#south-1", 10_000)
    phone = record.fields["id"]._replace(dot=made_up)
    page, row = scene.read("west", "hub"), scene.row("west", user) or {}
    lie = Change(user, 1, record.version.plus(made_up), record.birth, {**record.fields, "id": phone}, row)
    scene.site("hub").apply(replace(page, changes=(lie,)))
    assert [entry.reason for entry in scene.store("hub").data.pending.values()] == ["unproven"]
    scene.send("hub", "west")
    promote(scene, "south")
    settle(scene.fleet)
    exceptions = [node.store.data.state.exceptions for node in scene.fleet.nodes.values()]
    assert exceptions == [{}, {}, {}] and not any(n.store.data.pending for n in scene.fleet.nodes.values())


def test_what_a_limited_site_has_heard_of_another_is_no_edit_of_the_hubs(scene: Scene) -> None:
    """The old hub, limited by now, tells of a project whose maker has begun a new life meanwhile. The new hub
    has the project from its maker, and does not know yet what else that knows.
    """
    scene.put("hub", "domain", "acme", name="acme", enabled=True)
    scene.sync()
    ref = scene.project("west", "p", "tower", domain_id="acme", parent_id="acme", tags=[])
    scene.talk("west")
    scene.user("south", "u", "ada")
    promote(scene, "south")
    link = scene.fleet.link("west")
    for _ in range(20):
        link.step(link.up)
    limited = {"hub": Delegation(domains=frozenset({"acme"}))}
    scene.site("south").write_charter(Charter(delegations=limited), scene.site("south").charter().edition)
    scene.put("west", "project", "p", tags=["a"])
    scene.put("hub", "project", "p", description="b")
    scene.talk("hub")
    scene.equal()
    row = scene.row("south", ref) or {}
    assert (row["tags"], row["description"]) == (["a"], "b") and not scene.conflicts
