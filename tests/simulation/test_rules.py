"""Rules that Keystone's code keeps over several records hold after any merge, at every site and page."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from keystone_viaduct.errors import Refused
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import Document, Ref
from keystone_viaduct.sync.ports import Write
from keystone_viaduct.sync.site.invariants import above, check_loops, loops
from tests.simulation.scene import Scene

A, B, C = (Ref("region", name) for name in "abc")


@pytest.fixture
def scene() -> Scene:
    """Three regions side by side at four sites."""
    scene = Scene("hub", "west", "south", "north")
    for ref in (A, B, C):
        scene.put("hub", "region", ref.key, description="", parent_region_id=None)
    scene.sync()
    return scene


def below(scene: Scene, site: str, ref: Ref, parent: Ref | None) -> None:
    scene.put(site, "region", ref.key, parent_region_id=parent.key if parent else None)


def parents(scene: Scene, site: str) -> dict[str, str | None]:
    rows = scene.store(site).data.rows
    return {ref.key: row.get("parent_region_id") for ref, row in rows.items() if ref.kind == "region"}


def no_loop(scene: Scene) -> None:
    for site in scene.fleet.nodes:
        rows = scene.store(site).data.rows
        assert loops(rows, lambda refs, rows=rows: {ref: rows[ref] for ref in refs if ref in rows}) == []  # type: ignore[misc]


def listed(scene: Scene) -> list[tuple[str, Ref, Document]]:
    return [(row.sort, row.ref, row.lost) for row in scene.conflicts]


def test_two_regions_below_each_other(scene: Scene) -> None:
    """What the hub has stands; the edit that would close the circle is put back, and listed."""
    below(scene, "hub", A, B)
    below(scene, "west", B, A)
    scene.equal()
    for site in scene.fleet.nodes:
        assert parents(scene, site) == {"a": "b", "b": None, "c": None}
    ((sort, ref, lost),) = listed(scene)
    assert (sort, ref, lost) == ("cycle", B, {"parent_region_id": "a"})
    assert "region/b → region/a → region/b" in scene.conflicts[0].explanation


def test_the_rest_of_such_an_edit_stands(scene: Scene) -> None:
    below(scene, "hub", A, B)
    scene.put("west", "region", "b", parent_region_id="a", description="from west")
    scene.equal()
    assert (scene.row("south", B) or {})["description"] == "from west"


def test_what_the_circle_gives_back_is_not_listed_as_lost() -> None:
    """The later edit wins, and what it has replaced is put back then; what stays replaced is listed."""
    scene = Scene("hub", "west", policy="latest")
    for ref in (A, B, C):
        scene.put("hub", "region", ref.key, description="", parent_region_id=None)
    scene.sync()
    scene.put("hub", "region", "a", description="hub", parent_region_id="b")
    below(scene, "hub", C, A)
    scene.put("west", "region", "a", description="west", parent_region_id="c")
    scene.equal()
    assert parents(scene, "west") == {"a": "b", "b": None, "c": "a"}
    assert (scene.row("hub", A) or {})["description"] == "west"
    concurrent, cycle = listed(scene)
    assert concurrent == ("concurrent", A, {"description": "hub"})
    assert cycle == ("cycle", A, {"parent_region_id": "c"})
    assert scene.conflicts[0].fields == ("description",)


@pytest.mark.parametrize("order", list(itertools.permutations(["west", "south", "north"])))
def test_a_circle_over_three_sites_in_any_order(scene: Scene, order: tuple[str, ...]) -> None:
    edits: dict[str, tuple[Ref, Ref]] = {"west": (A, B), "south": (B, C), "north": (C, A)}
    for site, (ref, parent) in edits.items():
        below(scene, site, ref, parent)
    for site in order:
        scene.talk(site)
        no_loop(scene)
    scene.equal()
    no_loop(scene)
    last = edits[order[-1]]
    assert listed(scene) == [("cycle", last[0], {"parent_region_id": last[1].key})]
    assert [parents(scene, site) for site in scene.fleet.nodes] == [parents(scene, "hub")] * 4


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_no_page_brings_a_circle_to_a_spoke_on_its_way(scene: Scene, limit: int) -> None:
    """The hub turns a tree over; what was moved out first is the last in its feed."""
    below(scene, "hub", B, A)
    below(scene, "hub", C, B)
    scene.sync()
    below(scene, "hub", B, None)
    below(scene, "hub", A, C)
    below(scene, "hub", C, None)
    scene.put("hub", "region", "b", description="moves to the end of the feed")
    for _ in range(6):
        for spoke in ("west", "south", "north"):
            page = scene.read("hub", spoke, limit)
            scene.site(spoke).apply(page)
            no_loop(scene)
    scene.equal()
    assert parents(scene, "west") == {"a": "c", "b": None, "c": None}
    assert listed(scene) == []


@pytest.mark.parametrize("limit", [1, 2])
def test_an_edit_is_judged_by_all_that_its_site_has_to_show(scene: Scene, limit: int) -> None:
    """West turns two regions over, as its Keystone allows: nothing is put back, however pages part them."""
    below(scene, "hub", B, A)
    scene.sync()
    below(scene, "west", B, None)
    below(scene, "west", A, B)
    scene.put("west", "region", "b", description="moves to the end of the feed")
    for _ in range(6):
        scene.send("west", "hub", limit)
        no_loop(scene)
    scene.equal()
    assert parents(scene, "south") == {"a": "b", "b": None, "c": None}
    assert listed(scene) == []


def test_a_circle_closed_by_the_hubs_edit_that_is_not_numbered_yet(scene: Scene) -> None:
    below(scene, "west", A, B)
    page = scene.read("west", "hub")
    below(scene, "hub", B, A)
    scene.site("hub").apply(page)
    no_loop(scene)
    scene.equal()
    assert listed(scene) == [("cycle", A, {"parent_region_id": "b"})]


def test_a_spokes_own_edit_is_not_overwritten_into_a_circle(scene: Scene) -> None:
    """West has not shown its edit yet when the hub's comes: it carries that until the hub has decided."""
    below(scene, "hub", A, B)
    below(scene, "west", B, A)
    scene.send("hub", "west")
    no_loop(scene)
    assert parents(scene, "west")["b"] == "a"
    scene.equal()
    assert parents(scene, "west") == {"a": "b", "b": None, "c": None}


def test_a_circle_of_records_that_wait(scene: Scene) -> None:
    """Both halves come before what they need, in pages of one record."""
    new = [Ref("region", name) for name in ("x", "y")]
    scene.put("west", "region", "x", description="", parent_region_id="a")
    scene.put("west", "region", "y", description="", parent_region_id="x")
    below(scene, "south", A, B)
    scene.talk("south")
    store = scene.store("west")
    row = store.data.rows[new[0]]
    store.edit([Write(new[0], row, {**row, "parent_region_id": "y"})], scene.clock.now())
    scene.fleet.ledger.wrote(0, "west", new[0], row, {**row, "parent_region_id": "y"}, {})
    for _ in range(6):
        scene.send("west", "hub", 1)
    hub = scene.store("hub").data.rows
    assert loops(hub, lambda refs: {ref: hub[ref] for ref in refs if ref in hub}) == []
    scene.equal()
    no_loop(scene)
    assert [sort for sort, _, _ in listed(scene)] == ["cycle"]


def test_a_record_that_lies_below_itself(scene: Scene) -> None:
    scene.put("west", "region", "x", description="", parent_region_id="x")
    below(scene, "south", A, A)
    scene.equal()
    no_loop(scene)
    assert sorted(listed(scene)) == [
        ("cycle", A, {"parent_region_id": "a"}),
        ("cycle", Ref("region", "x"), {"parent_region_id": "x"}),
    ]
    assert (scene.row("north", Ref("region", "x")) or {}).get("parent_region_id") is None


def test_what_it_lay_below_is_gone(scene: Scene) -> None:
    """It is not put back below a region that the same page has deleted: it lies at the top."""
    below(scene, "hub", B, C)
    scene.sync()
    below(scene, "hub", A, B)
    below(scene, "west", B, A)
    scene.delete("west", C)
    scene.equal()
    assert parents(scene, "south") == {"a": "b", "b": None}


def test_projects_in_a_circle_and_across_domains(scene: Scene) -> None:
    scene.put("hub", "domain", "acme", name="acme", enabled=True)
    p, q = (scene.project("hub", key, f"project {key}") for key in "pq")
    other = scene.project("hub", "o", "other", domain_id="acme", parent_id="acme")
    scene.sync()
    scene.put("hub", "project", "p", parent_id="q")
    scene.put("west", "project", "q", parent_id="p")
    scene.put("south", "project", "o", parent_id="p")
    scene.equal()
    assert (scene.row("north", q) or {})["parent_id"] == "default"
    assert (scene.row("north", other) or {})["parent_id"] == "acme"
    assert {row.ref: row.sort for row in scene.conflicts} == {q: "cycle", other: "rule"}
    assert (scene.row("north", p) or {})["parent_id"] == "q"


@pytest.mark.parametrize("policy", ["hub", "latest"])
def test_an_edit_that_closes_a_circle_and_takes_a_name(policy: str) -> None:
    """Both are put right, whichever is found first: neither brings the other back."""
    scene = Scene("hub", "west", "south", policy=policy)
    p, q = (scene.project("hub", key, f"project {key}") for key in "pq")
    scene.sync()
    scene.put("hub", "project", "p", parent_id="q", name="taken")
    scene.put("west", "project", "q", parent_id="p", name="taken")
    scene.equal()
    rows = {ref: scene.row("south", ref) or {} for ref in (p, q)}
    assert {row["parent_id"] for row in rows.values()} < {"default", "p", "q"}
    assert len({row["name"] for row in rows.values()}) == 2
    assert {row.sort for row in scene.conflicts} == {"cycle", "clash"}
    no_loop(scene)


def test_an_edit_that_needs_what_is_gone_and_takes_a_name(scene: Scene) -> None:
    provider = scene.put("hub", "identity_provider", "idp", domain_id="default", enabled=True, remote_ids=[])
    key = REGISTRY["federation_protocol"].make_key("saml2", "idp")
    protocol = scene.put("hub", "federation_protocol", key, id="saml2", idp_id="idp", mapping_id="m")
    scene.sync()
    identity = [{"idp_id": "idp", "protocol_id": "saml2", "unique_id": "ada"}]
    for gone in (protocol, provider):
        scene.delete("hub", gone)
    scene.user("hub", "v", "eve")
    w = scene.user("west", "w", "eve", federated=identity)
    scene.equal()
    row = scene.row("south", w) or {}
    assert row["local.name"] != "eve" and not row["federated"]
    assert {row.sort for row in scene.conflicts} == {"dangling", "clash"}


def test_a_project_whose_domain_changes_under_its_children(scene: Scene) -> None:
    scene.put("hub", "domain", "acme", name="acme", enabled=True)
    p = scene.project("hub", "p", "above")
    scene.project("hub", "c", "below", parent_id="p")
    scene.sync()
    scene.put("west", "project", "p", domain_id="acme", parent_id="acme")
    scene.equal()
    assert (scene.row("south", p) or {})["domain_id"] == "default"
    assert "rule" in {row.sort for row in scene.conflicts}


def test_trusts_that_redelegate_each_other(scene: Scene) -> None:
    fields = {"trustor_user_id": "u", "trustee_user_id": "v", "impersonation": False, "roles": []}
    for key in ("t1", "t2"):
        scene.put("hub", "trust", key, **fields, redelegated_trust_id=None)
    scene.sync()
    scene.put("hub", "trust", "t1", redelegated_trust_id="t2")
    two = scene.put("west", "trust", "t2", redelegated_trust_id="t1")
    new = scene.put("south", "trust", "t3", **fields, redelegated_trust_id="t3")
    scene.equal()
    assert (scene.row("north", two) or {}).get("redelegated_trust_id") is None
    assert scene.row("north", new) is None
    assert {row.ref: row.sort for row in scene.conflicts} == {two: "cycle", new: "cycle"}


def test_roles_may_imply_each_other_but_a_global_one_none_of_a_domain(
    scene: Scene,
) -> None:
    scene.put("hub", "domain", "acme", name="acme", enabled=True)
    for key, domain in (("r", None), ("s", None), ("own", "acme")):
        scene.put("hub", "role", key, name=key, domain_id=domain)
    scene.sync()
    made: dict[str, Ref] = {}
    for site, prior, implied in (
        ("hub", "r", "s"),
        ("west", "s", "r"),
        ("south", "r", "own"),
        ("west", "own", "s"),
    ):
        key = REGISTRY["implied_role"].make_key(prior, implied)
        made[key] = scene.put(site, "implied_role", key, prior_role_id=prior, implied_role_id=implied)
    scene.equal()
    assert {key for key, ref in made.items() if scene.row("north", ref)} == {"r/s", "s/r", "own/s"}
    assert [(row.sort, row.ref.key) for row in scene.conflicts] == [("rule", "r/own")]


def test_a_circle_that_the_hub_has_already_stops_nothing(scene: Scene) -> None:
    """Made by hand before: all else travels, and no spoke writes it."""
    for ref, parent in ((A, "b"), (B, "a")):
        row = scene.store("hub").data.rows[ref]
        scene.store("hub").edit([Write(ref, row, {**row, "parent_region_id": parent})], scene.clock.now())
    below(scene, "west", C, A)
    user = scene.user("south", "u", "ada")
    scene.sync_some()
    assert scene.row("west", user) and scene.row("hub", C) == {**(scene.row("west", C) or {})}
    for site in ("west", "south", "north"):
        rows = scene.store(site).data.rows
        assert loops(rows, _reader(rows)) == []
    below(scene, "hub", A, None)
    scene.sync()
    assert [parents(scene, site) for site in scene.fleet.nodes] == [{"a": None, "b": "a", "c": "a"}] * 4


def _reader(rows: dict[Ref, Document]) -> Callable[[object], dict[Ref, Document]]:
    return lambda refs: {ref: rows[ref] for ref in refs if ref in rows}  # type: ignore[attr-defined]


def test_a_merge_of_projects_ends_although_what_lies_above_is_a_circle(scene: Scene) -> None:
    for key in "pqrs":
        scene.project("hub", key, f"project {key}")
    for key, parent in (("p", "q"), ("q", "p")):
        ref = Ref("project", key)
        row = scene.store("hub").data.rows[ref]
        scene.store("hub").edit([Write(ref, row, {**row, "parent_id": parent})], scene.clock.now())
    scene.site("hub").unite(Ref("project", "r"), Ref("project", "p"))


def test_what_was_put_back_is_not_restored_into_a_circle(scene: Scene) -> None:
    below(scene, "hub", A, B)
    below(scene, "west", B, A)
    scene.sync()
    store = scene.store("hub")
    lost = {**store.data.rows[B], **scene.conflicts[0].lost}
    with pytest.raises(Refused, match="region/b → region/a → region/b"):
        store.run(lambda tx: check_loops(tx, B, lost))
    store.run(lambda tx: check_loops(tx, B, {**lost, "parent_region_id": "c"}))


def test_every_reference_by_which_records_lie_below_each_other_is_declared() -> None:
    found = {kind.name for kind in REGISTRY.values() for r in kind.references if r.acyclic}
    own = {kind.name for kind in REGISTRY.values() for r in kind.references if r.target == kind.name}
    assert found == own == {"region", "project", "trust"}
    assert above(Ref("region", "a"), {"parent_region_id": "b"}) == Ref("region", "b")
    assert above(Ref("project", "p"), {"parent_id": "d", "domain_id": "d"}) is None
