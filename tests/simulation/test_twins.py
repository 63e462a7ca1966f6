"""One thing that two sites have made apart becomes one, with all that refers to it at either site."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from keystone_viaduct.kinds.registry import REGISTRY, TWINNED
from keystone_viaduct.sync.model import Document, Ref
from keystone_viaduct.sync.ports import Write
from keystone_viaduct.sync.store.ordering import plan
from keystone_viaduct.testing.memory import MemoryTransaction
from keystone_viaduct.testing.simulation import twins
from keystone_viaduct.testing.simulation.cloud import Edit, Ledger
from tests.simulation.scene import Scene

RULE = {"service": "compute", "path": "/v2.1/servers", "method": "GET"}
ONE, TWO = Ref("access_rule", "r1"), Ref("access_rule", "r2")


@pytest.fixture
def scene() -> Scene:
    """A user at three sites."""
    scene = Scene("hub", "west", "south")
    scene.user("hub", "u", "ada")
    scene.project("hub", "p", "web")
    scene.put("hub", "service", "s", type="compute", enabled=True)
    scene.sync()
    return scene


def rule(scene: Scene, site: str, key: str) -> Ref:
    return scene.put(site, "access_rule", key, user_id="u", **RULE)


def app(scene: Scene, site: str, key: str, *rules: str) -> Ref:
    fields = {"name": f"app {key}", "secret_hash": "h", "user_id": "u", "project_id": "p"}
    return scene.put(site, "application_credential", key, roles=["member"], access_rules=[*rules], **fields)


def rules_of(scene: Scene, ref: Ref) -> list[object]:
    return [(scene.row(name, ref) or {}).get("access_rules") for name in scene.fleet.nodes]


def there(scene: Scene, ref: Ref) -> list[bool]:
    return [scene.row(name, ref) is not None for name in scene.fleet.nodes]


def sorts(scene: Scene) -> list[str]:
    return [row.sort for row in scene.conflicts]


def lost(scene: Scene) -> dict[str, Document]:
    return {row.sort: row.lost for row in scene.conflicts}


@pytest.mark.parametrize("first", ["hub", "south"])
def test_a_credential_keeps_its_rule_that_two_sites_have_made_at_once(scene: Scene, first: str) -> None:
    """At the hub and at a spoke, or at two spokes: both credentials live, and there is one rule."""
    rule(scene, first, "r1")
    one = app(scene, first, "a1", "r1")
    if first != "hub":
        scene.talk(first)
    rule(scene, "west", "r2")
    two = app(scene, "west", "a2", "r2")
    scene.equal()
    assert rules_of(scene, one) == rules_of(scene, two) == [["r1"]] * 3
    assert (there(scene, ONE), there(scene, TWO)) == ([True] * 3, [False] * 3)
    (row,) = scene.conflicts
    assert (row.sort, row.ref, row.into, row.lost, row.fields) == ("equal", TWO, "r1", {}, ())
    assert (row.open, row.resolution) == (False, "kept")


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
def test_pages_that_part_the_rule_from_its_user(scene: Scene, limit: int) -> None:
    rule(scene, "hub", "r1")
    rule(scene, "west", "r2")
    two = app(scene, "west", "a2", "r2")
    for _ in range(4):
        for source, target in (("west", "hub"), ("hub", "west"), ("hub", "south"), ("south", "hub")):
            scene.send(source, target, limit)
    scene.equal()
    assert rules_of(scene, two) == [["r1"]] * 3


def test_the_rule_that_goes_is_deleted_after_its_users_have_let_it_go(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forced out before, with foreign keys off, it would leave a row of its user that points nowhere."""
    seen: list[Write] = []
    write = MemoryTransaction.write_documents

    def watched(tx: MemoryTransaction, writes: Sequence[Write]) -> None:
        seen.extend(writes)
        write(tx, writes)

    monkeypatch.setattr(MemoryTransaction, "write_documents", watched)
    rule(scene, "hub", "r1")
    rule(scene, "west", "r2")
    app(scene, "west", "a2", "r2")
    scene.send("west", "hub")
    seen.clear()
    scene.send("hub", "west")
    (gone,) = (one for one in seen if one.ref == TWO)
    assert gone.new is None and not gone.vacate
    found = plan(seen, iter(f"~{number}" for number in range(9)))
    assert found.late_deletes == [("access_rule", [TWO])] and not found.forced


def test_a_site_that_goes_on_using_the_second_id_is_understood(scene: Scene) -> None:
    """The hub has decided and west has not heard of it: it makes one more credential with its own rule."""
    rule(scene, "hub", "r1")
    rule(scene, "west", "r2")
    scene.send("west", "hub")
    late = app(scene, "west", "a3", "r2")
    scene.equal()
    assert rules_of(scene, late) == [["r1"]] * 3
    assert sorts(scene) == ["equal"]


def test_a_deletion_under_the_second_id_deletes_the_one_that_it_has_become(scene: Scene) -> None:
    rule(scene, "hub", "r1")
    rule(scene, "west", "r2")
    scene.send("west", "hub")
    scene.delete("west", TWO)
    scene.equal()
    assert there(scene, ONE) == there(scene, TWO) == [False] * 3


def test_a_rule_stays_where_it_is_in_use_when_it_is_deleted_under_its_second_id(scene: Scene) -> None:
    """As Keystone itself refuses to delete an access rule in use."""
    rule(scene, "hub", "r1")
    one = app(scene, "hub", "a1", "r1")
    rule(scene, "west", "r2")
    scene.send("west", "hub")
    scene.delete("west", TWO)
    scene.equal()
    assert (there(scene, ONE), rules_of(scene, one)) == ([True] * 3, [["r1"]] * 3)
    assert sorts(scene) == ["equal", "equal"]


def test_a_deletion_after_all_have_heard_is_one_everywhere(scene: Scene) -> None:
    rule(scene, "hub", "r1")
    rule(scene, "west", "r2")
    scene.sync()
    scene.delete("west", ONE)
    scene.equal()
    assert there(scene, ONE) == [False] * 3


def test_a_rule_that_another_site_has_begun_to_use_is_not_deleted_under_it(scene: Scene) -> None:
    """South deletes a rule that nobody there uses, while west makes a credential with it."""
    rule(scene, "hub", "r1")
    scene.sync()
    used = app(scene, "west", "a1", "r1")
    scene.talk("west")
    scene.delete("south", ONE)
    scene.equal()
    assert (there(scene, ONE), rules_of(scene, used)) == ([True] * 3, [["r1"]] * 3)
    assert sorts(scene) == ["in-use"]


def test_a_rule_goes_with_its_user_although_a_credential_uses_it(scene: Scene) -> None:
    """What is deleted with its owner does not come back for the sake of what goes with it, too."""
    rule(scene, "hub", "r1")
    scene.sync()
    used = app(scene, "west", "a1", "r1")
    scene.talk("west")
    scene.delete("south", ONE)
    scene.delete("south", Ref("user", "u"))
    scene.equal()
    assert there(scene, ONE) == there(scene, used) == there(scene, Ref("user", "u")) == [False] * 3


def test_a_region_with_an_endpoint_made_elsewhere_is_not_deleted_under_it(scene: Scene) -> None:
    region = scene.put("hub", "region", "north", description="")
    scene.sync()
    fields = {"interface": "public", "service_id": "s", "url": "http://nova", "enabled": True}
    endpoint = scene.put("west", "endpoint", "e", region_id="north", **fields)
    scene.talk("west")
    scene.delete("south", region)
    scene.equal()
    assert there(scene, region) == there(scene, endpoint) == [True] * 3


def registered(scene: Scene, site: str, key: str, default: int, **fields: object) -> Ref:
    given = {"service_id": "s", "region_id": None, "resource_name": "vcpu", **fields}
    return scene.put(site, "registered_limit", key, default_limit=default, **given)


def limit(scene: Scene, site: str, key: str, of: str, number: int, **fields: object) -> Ref:
    given = {"registered_limit_id": of, "project_id": "p", "resource_limit": number, **fields}
    return scene.put(site, "limit", key, **given)


def test_limits_that_one_tool_has_made_at_two_sites_become_one(scene: Scene) -> None:
    """Registered limit and limit: only Keystone's code keeps them unique, and so does the hub."""
    first = registered(scene, "hub", "n1", 10)
    mine = limit(scene, "hub", "l1", "n1", 5)
    second = registered(scene, "west", "n2", 10)
    theirs = limit(scene, "west", "l2", "n2", 5)
    other = limit(scene, "west", "l3", "n2", 7, project_id=None, domain_id="default")
    scene.equal()
    assert there(scene, first) == there(scene, mine) == there(scene, other) == [True] * 3
    assert there(scene, second) == there(scene, theirs) == [False] * 3
    assert (scene.row("south", other) or {})["registered_limit_id"] == "n1"
    assert sorts(scene) == ["equal", "equal"]


def test_limits_that_differ_are_one_and_the_value_that_lost_is_listed(scene: Scene) -> None:
    first = registered(scene, "hub", "n1", 10)
    registered(scene, "west", "n2", 20)
    scene.equal()
    assert (scene.row("south", first) or {})["default_limit"] == 10
    assert {row.sort: row.lost for row in scene.conflicts} == {
        "equal": {},
        "concurrent": {"default_limit": 20},
    }


def test_the_policy_decides_what_differs() -> None:
    scene = Scene("hub", "west", policy="spoke:west")
    scene.put("hub", "service", "s", type="compute", enabled=True)
    scene.sync()
    first = registered(scene, "hub", "n1", 10)
    registered(scene, "west", "n2", 20)
    scene.equal()
    assert (scene.row("hub", first) or {})["default_limit"] == 20
    assert {row.sort: row.lost for row in scene.conflicts} == {
        "equal": {},
        "concurrent": {"default_limit": 10},
    }


def test_an_edit_under_the_second_id_changes_the_one_that_it_has_become(scene: Scene) -> None:
    first = registered(scene, "hub", "n1", 10)
    registered(scene, "west", "n2", 10)
    scene.send("west", "hub")
    scene.put("west", "registered_limit", "n2", default_limit=30)
    scene.equal()
    assert (scene.row("south", first) or {})["default_limit"] == 30
    assert sorts(scene) == ["equal"]


def test_an_id_mapping_made_by_another_generator_becomes_the_hubs(scene: Scene) -> None:
    fields = {"domain_id": "default", "local_id": "uid=ada", "entity_type": "user"}
    one = scene.put("hub", "id_mapping", "m1", public_id="m1", **fields)
    two = scene.put("west", "id_mapping", "m2", public_id="m2", **fields)
    scene.grant("west", "m2", "p")
    scene.equal()
    assert (there(scene, one), there(scene, two)) == ([True] * 3, [False] * 3)
    granted = Ref("assignment", REGISTRY["assignment"].make_key("UserProject", "m1", "p", "member", False))
    assert there(scene, granted) == [True] * 3


def test_a_promoted_site_knows_what_the_second_id_has_become(scene: Scene) -> None:
    rule(scene, "hub", "r1")
    rule(scene, "west", "r2")
    scene.send("west", "hub")
    scene.send("hub", "south")
    late = app(scene, "west", "a2", "r2")
    scene.site("south").promote()
    scene.fleet.counts["promotions"] += 1
    scene.fleet.elect()
    scene.equal()
    assert rules_of(scene, late) == [["r1"]] * 3


def test_a_federated_identity_that_two_users_were_given_stays_with_one(scene: Scene) -> None:
    """Its list is all that the second loses; a name that is taken besides is another matter."""
    scene.put("hub", "identity_provider", "idp", enabled=True, domain_id="default", remote_ids=[])
    key = REGISTRY["federation_protocol"].make_key("saml2", "idp")
    scene.put("hub", "federation_protocol", key, id="saml2", idp_id="idp", mapping_id="m")
    scene.sync()
    identity = [{"idp_id": "idp", "protocol_id": "saml2", "unique_id": "ada"}]
    scene.user("hub", "v", "eve", federated=identity)
    second = scene.user("west", "w", "eve", federated=identity)
    scene.equal()
    row = scene.row("south", second) or {}
    assert (row["local.name"], row["federated"]) == ("eve~west", [])


def test_an_edit_that_claims_what_another_record_holds_is_reverted(scene: Scene) -> None:
    """The provider itself, with all that belongs to it, stays."""
    for name in ("one", "two"):
        scene.put("hub", "identity_provider", name, enabled=True, domain_id="default", remote_ids=[name])
    scene.sync()
    scene.put("hub", "identity_provider", "one", remote_ids=["one", "shared"])
    second = scene.put("west", "identity_provider", "two", remote_ids=["shared", "two"])
    scene.equal()
    assert [(scene.row(n, second) or {})["remote_ids"] for n in scene.fleet.nodes] == [["two"]] * 3
    assert sorts(scene) == ["clash"]


def test_what_a_lost_life_of_the_hub_has_united_with_a_record_that_is_lost_is_itself(scene: Scene) -> None:
    """The alias that only the lost hub knew leads nowhere: who made the second id is as good as any."""
    backup = scene.store("hub").data.copy()
    first = registered(scene, "hub", "n1", 10)
    second = registered(scene, "west", "n2", 10)
    scene.send("west", "hub")
    scene.fleet.note_conflicts()
    scene.fleet.excused.update(edit for edit in scene.fleet.ledger.edits if edit.ref == first)
    scene.put_back("hub", backup)
    third = registered(scene, "south", "n3", 10)
    scene.talk("west")
    scene.equal()
    assert (there(scene, second), there(scene, third)) == ([True] * 3, [False] * 3)


def test_what_a_lost_life_of_the_hub_has_united_is_no_deletion_by_who_tells_of_it(scene: Scene) -> None:
    """West has the tombstone from the first life, and shows it as its own edit to the second one."""
    first = registered(scene, "west", "n1", 10)
    scene.sync()
    backup = scene.store("hub").data.copy()
    second = registered(scene, "south", "n2", 10)
    scene.send("south", "hub")
    scene.send("hub", "west")
    scene.put_back("hub", backup)
    for number in range(9):
        scene.user("hub", f"u{number}", f"bob {number}")
    for spoke in ("south", "west"):
        scene.talk(spoke)
    scene.equal()
    assert (there(scene, first), there(scene, second)) == ([True] * 3, [False] * 3)


def test_who_still_shows_the_second_as_it_was_has_not_edited_what_it_has_become() -> None:
    """The hub is put back and makes anew what the others have: all that they show of it is listed."""
    scene = Scene("hub", "west", "south", "north")
    scene.put("hub", "service", "s", type="compute", enabled=True)
    scene.sync()
    backup = scene.store("hub").data.copy()
    registered(scene, "hub", "n1", 10)
    scene.sync()
    scene.put("west", "registered_limit", "n1", default_limit=60)
    scene.put_back("hub", backup)
    mine = registered(scene, "hub", "n2", 48)
    for spoke in ("west", "south", "north"):
        scene.talk(spoke)
    scene.equal()
    assert [(scene.row(name, mine) or {})["default_limit"] for name in scene.fleet.nodes] == [48] * 4
    assert {60, 10} <= {row.lost.get("default_limit") for row in scene.conflicts}


def test_a_limit_that_the_hub_carries_names_what_its_registered_limit_has_become(scene: Scene) -> None:
    first = registered(scene, "hub", "n1", 10)
    registered(scene, "west", "n2", 10)
    scene.store("hub").unstorable = frozenset("🐧")
    scene.project("west", "q", "web 🐧")
    ref = limit(scene, "west", "l2", "n2", 5, project_id="q")
    scene.equal()
    assert there(scene, first) == [True] * 3
    assert [(scene.row(name, ref) or {}).get("registered_limit_id") for name in ("west", "south")] == [
        "n1"
    ] * 2
    assert scene.record("hub", ref).rowless


@pytest.mark.parametrize("used", [False, True])
def test_two_lives_of_the_hub_that_unite_the_other_way_round_leave_one(scene: Scene, used: bool) -> None:
    """The first life has told north, which tells the second one of it when that has decided itself."""
    scene = Scene("hub", "west", "south", "north")
    for key, add in (("u", scene.user), ("p", scene.project)):
        add("hub", key, key)
    scene.put("hub", "service", "s", type="compute", enabled=True)
    scene.sync()
    backup = scene.store("hub").data.copy()
    rule(scene, "south", "r1")
    rule(scene, "west", "r2")
    one = app(scene, "south", "a1", *(["r1"] if used else []))
    two = app(scene, "west", "a2", *(["r2"] if used else []))
    for source, target in (("south", "hub"), ("west", "hub"), ("hub", "north")):
        scene.send(source, target)
    scene.put_back("hub", backup)
    for spoke in ("west", "south", "north"):
        scene.talk(spoke)
    scene.equal()
    assert sorted(map(sum, (there(scene, ONE), there(scene, TWO)))) == [0, 4]
    left = "r1" if all(there(scene, ONE)) else "r2"
    assert rules_of(scene, one) == rules_of(scene, two) == [[left] if used else []] * 4


def test_every_kind_that_is_united_is_declared() -> None:
    assert set(TWINNED) == {"access_rule", "id_mapping", "limit", "registered_limit"}


@pytest.mark.parametrize(("listed", "meant"), [("two", True), ("three", False)])
def test_the_judge_knows_a_lost_reference_under_the_other_name_of_its_target(
    scene: Scene, listed: str, meant: bool
) -> None:
    """Two hubs have united two rules, each the other way round, and all of it went with the user."""
    credential, one = Ref("application_credential", "a"), Ref("access_rule", "one")
    united = {Ref("access_rule", "two"): one, one: one}
    edit = Edit(1, "hub", credential, "access_rules", "['one']")
    told = {credential: [("access_rules", f"['{listed}']")]}
    assert twins.is_meant(edit, scene.store("hub").data, united, told, Ledger()) is meant


def test_a_hub_that_has_handed_over_leaves_it_to_the_next_which_of_two_stays() -> None:
    """It has united West's limit with its own, which North has. Its successor hears of West's first, and
    unites the other way round before it hears of that.
    """
    scene = Scene("hub", "west", "south", "north")
    scene.put("hub", "service", "s", type="compute", enabled=True)
    scene.sync()
    one = registered(scene, "hub", "n1", 10)
    scene.send("hub", "north")
    two = registered(scene, "west", "n2", 10)
    scene.send("west", "hub")
    scene.send("west", "hub")  # it hears that its edit was read, and keeps the number that it has
    scene.site("hub").resign("south")
    scene.site("south").promote()
    scene.fleet.counts["promotions"] += 1
    scene.fleet.elect()
    for spoke in ("west", "north", "hub"):
        scene.talk(spoke)
    scene.equal()
    assert sorted(map(sum, (there(scene, one), there(scene, two)))) == [0, 4]
