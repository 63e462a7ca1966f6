"""Two ids of one person or project become one, and what others say of the old id still counts."""

from __future__ import annotations

import pytest

from keystone_viaduct.errors import NotThere, Refused
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.charter import Charter, Delegation
from keystone_viaduct.sync.link.link import Link
from keystone_viaduct.sync.model import Document, Ref
from keystone_viaduct.sync.site.decisions import close
from keystone_viaduct.sync.site.purge import Retention
from keystone_viaduct.testing.simulate import Setting, run
from keystone_viaduct.testing.simulation.counts import Counts
from tests.simulation.scene import Scene

LOSER, WINNER = Ref("user", "u2"), Ref("user", "u1")


@pytest.fixture
def scene() -> Scene:
    """Two users that were made apart under one name, and a project, at all of three sites."""
    scene = Scene("hub", "west", "south")
    scene.user("hub", "u1", "ada")
    scene.user("west", "u2", "ada")
    scene.project("hub", "p", "web")
    scene.project("hub", "q", "mail")
    scene.sync()
    return scene


def grant_key(user: str, project: str) -> Ref:
    key = REGISTRY["assignment"].make_key("UserProject", user, project, "member", False)
    return Ref("assignment", key)


def merge(scene: Scene, loser: Ref = LOSER, winner: Ref = WINNER) -> None:
    """At the hub, as an acknowledged request: what it writes was seen by who asked for it."""
    before = dict(scene.store("hub").data.rows)
    scene.clock.advance(1_000_000)
    scene.site("hub").unite(loser, winner)
    after = scene.store("hub").data.rows
    for ref in before.keys() | after.keys():
        if before.get(ref) != after.get(ref):
            scene.fleet.ledger.wrote(0, "hub", ref, before.get(ref), after.get(ref), {})


def listed(scene: Scene, ref: Ref) -> list[str]:
    return [row.sort for row in scene.conflicts if row.ref == ref]


def everywhere(scene: Scene, ref: Ref) -> list[Document | None]:
    return [scene.row(name, ref) for name in scene.fleet.nodes]


def test_merge_makes_over_what_refers_to_the_loser(scene: Scene) -> None:
    """Grants, memberships and credentials are the winner's at every site; equal ones fall together."""
    scene.grant("west", "u2", "p")
    scene.grant("west", "u2", "q")
    scene.grant("west", "u1", "q")
    scene.put("west", "group", "g", name="staff", domain_id="default")
    key = REGISTRY["membership"].make_key("u2", "g")
    scene.put("west", "membership", key, user_id="u2", group_id="g")
    secret = scene.put("west", "credential", "c", user_id="u2", type="totp", blob="seed")
    scene.sync()
    merge(scene)
    scene.equal()
    assert everywhere(scene, LOSER) == [None] * 3
    assert everywhere(scene, grant_key("u2", "p")) == [None] * 3
    assert None not in everywhere(scene, grant_key("u1", "p"))
    member = Ref("membership", REGISTRY["membership"].make_key("u1", "g"))
    assert None not in everywhere(scene, member)
    assert [row and row["user_id"] for row in everywhere(scene, secret)] == ["u1"] * 3
    (alias,) = (row for row in scene.conflicts if row.ref == LOSER and row.sort == "merged")
    assert (alias.into, alias.lost["local.name"]) == ("u1", "ada~west")
    assert listed(scene, grant_key("u2", "q")) == ["merged"], "it fell together with the winner's own"


def test_merge_adds_tags_of_a_project_and_moves_its_children(scene: Scene) -> None:
    scene.put("hub", "project", "p", tags=["a", "b"])
    scene.put("hub", "project", "q", tags=["b", "c"])
    scene.put("hub", "project", "r", name="sub", domain_id="default", parent_id="q", enabled=True)
    scene.put("hub", "user", "u1", default_project_id="q")
    scene.sync()
    merge(scene, Ref("project", "q"), Ref("project", "p"))
    scene.equal()
    assert scene.row("south", Ref("project", "p"))["tags"] == ["a", "b", "c"]  # type: ignore[index]
    assert scene.row("south", Ref("project", "r"))["parent_id"] == "p"  # type: ignore[index]
    assert scene.row("south", WINNER)["default_project_id"] == "p"  # type: ignore[index]


def test_merge_of_a_role_that_another_implies(scene: Scene) -> None:
    """Roles in application credentials and implications follow; none implies itself afterwards."""
    scene.put("hub", "role", "reader", name="reader", domain_id=None)
    scene.put("hub", "role", "auditor", name="auditor", domain_id=None)
    for prior in ("member", "auditor"):
        key = REGISTRY["implied_role"].make_key(prior, "reader")
        scene.put("hub", "implied_role", key, prior_role_id=prior, implied_role_id="reader")
    fields = {"name": "ci", "secret_hash": "h", "user_id": "u1", "project_id": "p"}
    app = scene.put("hub", "application_credential", "a", roles=["auditor", "reader"], **fields)
    scene.sync()
    merge(scene, Ref("role", "auditor"), Ref("role", "reader"))
    scene.equal()
    assert scene.row("west", app)["roles"] == ["reader"]  # type: ignore[index]
    looped = Ref("implied_role", REGISTRY["implied_role"].make_key("auditor", "reader"))
    assert listed(scene, looped) == ["merged"]
    assert everywhere(scene, Ref("implied_role", REGISTRY["implied_role"].make_key("reader", "reader"))) == (
        [None] * 3
    )


def test_what_only_one_of_them_can_hold_is_renamed_or_falls_together(scene: Scene) -> None:
    """Both have an application credential of one name, and an equal access rule."""
    rule = {"service": "compute", "path": "/v2.1/servers", "method": "GET"}
    for user in ("u1", "u2"):
        scene.put("hub", "access_rule", f"rule-{user}", user_id=user, **rule)
        scene.put(
            "hub",
            "application_credential",
            f"app-{user}",
            name="ci",
            secret_hash=f"hash of {user}",
            user_id=user,
            project_id="p",
            roles=["member"],
            access_rules=[f"rule-{user}"],
        )
    scene.sync()
    merge(scene)
    scene.equal()
    row = scene.row("south", Ref("application_credential", "app-u2"))
    assert row is not None
    assert (row["name"], row["user_id"], row["access_rules"]) == ("ci~2", "u1", ["rule-u1"])
    assert scene.row("south", Ref("access_rule", "rule-u2")) is None
    assert listed(scene, Ref("access_rule", "rule-u2")) == ["merged"]


def test_grant_made_while_cut_off_to_the_loser(scene: Scene) -> None:
    """West does not know of the merge; its grant and its credential come to the winner, listed."""
    merge(scene)
    grant = scene.grant("west", "u2", "p")
    secret = scene.put("west", "credential", "c", user_id="u2", type="totp", blob="seed")
    trust = scene.put("west", "trust", "t", trustor_user_id="u1", trustee_user_id="u2", impersonation=False)
    scene.equal()
    assert everywhere(scene, grant) == [None] * 3
    assert None not in everywhere(scene, grant_key("u1", "p"))
    assert [row and row["user_id"] for row in everywhere(scene, secret)] == ["u1"] * 3
    assert [row and row["trustee_user_id"] for row in everywhere(scene, trust)] == ["u1"] * 3
    assert listed(scene, grant) == listed(scene, secret) == listed(scene, trust) == ["merged"]


def test_grant_made_while_cut_off_longer_than_tombstones_are_kept(scene: Scene) -> None:
    """The alias is permanent: the tombstone of the loser is not needed for it."""
    merge(scene)
    grant = scene.grant("west", "u2", "p")
    scene.send("hub", "south")
    scene.send("south", "hub")
    data = scene.store("hub").data
    peers = scene.store("hub").data.peers
    data.peers = {name: peers[name] for name in ("south",)}
    scene.purge("hub", Retention())
    assert LOSER not in scene.store("hub").data.records
    data = scene.store("hub").data
    data.peers = peers
    scene.equal()
    assert everywhere(scene, grant) == [None] * 3
    assert None not in everywhere(scene, grant_key("u1", "p"))


def test_revocation_made_while_cut_off_reaches_what_the_grant_has_become(scene: Scene) -> None:
    """Deletes win for grants, also under the old id; what the winner had by itself stays."""
    scene.grant("hub", "u2", "p")
    scene.grant("hub", "u2", "q")
    scene.grant("hub", "u1", "q")
    scene.sync()
    merge(scene)
    for project in ("p", "q"):
        scene.delete("west", grant_key("u2", project))
    scene.equal()
    assert everywhere(scene, grant_key("u1", "p")) == [None] * 3
    assert None not in everywhere(scene, grant_key("u1", "q"))
    assert listed(scene, grant_key("u1", "p")) == ["merged"]


def test_a_grant_that_was_revoked_after_the_merge_does_not_come_back(scene: Scene) -> None:
    scene.grant("hub", "u1", "p")
    scene.sync()
    merge(scene)
    scene.delete("hub", grant_key("u1", "p"))
    grant = scene.grant("west", "u2", "p")
    scene.equal()
    assert everywhere(scene, grant_key("u1", "p")) == [None] * 3
    assert listed(scene, grant) == ["merged"]


@pytest.mark.parametrize("policy", ["hub", "latest", "spoke:west"])
def test_an_edit_of_the_loser_does_not_undo_the_merge(policy: str) -> None:
    scene = Scene("hub", "west", policy=policy)
    scene.user("hub", "u1", "ada")
    scene.user("hub", "u2", "bob")
    scene.sync()
    merge(scene)
    scene.put("west", "user", "u2", extra__email="new")
    scene.equal()
    assert everywhere(scene, LOSER) == [None] * 2
    lost = [row.lost for row in scene.conflicts if row.ref == LOSER and row.sort == "concurrent"]
    assert [found["extra.email"] for found in lost] == ["new"]


def test_merges_follow_each_other(scene: Scene) -> None:
    """What was merged into something that was merged in turn is read by both steps."""
    last = scene.user("hub", "u3", "eve")
    scene.sync()
    merge(scene)
    merge(scene, WINNER, last)
    scene.grant("west", "u2", "p")
    scene.equal()
    assert None not in everywhere(scene, grant_key("u3", "p"))
    assert everywhere(scene, grant_key("u1", "p")) == [None] * 3


def test_a_promoted_site_knows_the_alias(scene: Scene) -> None:
    """West is cut off all the while; south becomes the hub and reads west's grant."""
    merge(scene)
    scene.send("hub", "south")
    grant = scene.grant("west", "u2", "p")
    scene.site("south").promote()
    scene.fleet.counts["promotions"] += 1
    scene.fleet.elect()
    scene.equal()
    assert everywhere(scene, grant) == [None] * 3
    assert None not in everywhere(scene, grant_key("u1", "p"))


def test_a_hub_restored_to_before_the_merge_gets_it_back(scene: Scene) -> None:
    """Another site that may be promoted has the alias."""
    backup = scene.store("hub").data.copy()
    merge(scene)
    scene.send("hub", "south")
    grant = scene.grant("west", "u2", "p")
    scene.store("hub").data = backup
    scene.fleet.counts["restores"] += 1
    link = Link(scene.site("hub"), scene.site("south"))
    while scene.row("hub", LOSER) is not None:
        for replicator in (link.up, link.down):
            link.step(replicator)
    scene.equal()
    assert everywhere(scene, grant) == [None] * 3
    assert None not in everywhere(scene, grant_key("u1", "p"))


def test_a_limited_spoke_gains_nothing_by_the_alias(scene: Scene) -> None:
    """What its delegation does not allow for the winner's project it may not do by the loser's id."""
    for name in ("acme", "bcme"):
        scene.put("hub", "domain", name, name=name, enabled=True)
    scene.user("hub", "v1", "ann", domain_id="acme", local__domain_id="acme")
    scene.user("hub", "v2", "anne", domain_id="acme", local__domain_id="acme")
    scene.project("hub", "ours", "ours", domain_id="acme", parent_id="acme")
    scene.sync()
    charter = scene.site("hub").charter()
    limits = Charter(
        charter.edition, delegations={"west": Delegation(domains=frozenset({"acme"}), roles=frozenset())}
    )
    scene.site("hub").write_charter(limits, charter.edition)
    scene.sync()
    merge(scene, Ref("user", "v2"), Ref("user", "v1"))
    grant = scene.grant("west", "v2", "ours")
    secret = scene.put("west", "credential", "c", user_id="v2", type="totp", blob="seed")
    scene.equal()
    assert everywhere(scene, grant) == everywhere(scene, grant_key("v1", "ours")) == [None] * 3
    assert listed(scene, grant) == ["refused"]
    assert [row and row["user_id"] for row in everywhere(scene, secret)] == ["v1"] * 3


def test_a_spoke_that_may_grant_does_so_by_the_old_id(scene: Scene) -> None:
    """The twin of the attempt above."""
    charter = scene.site("hub").charter()
    limits = Charter(charter.edition, delegations={"west": Delegation(domains=frozenset({"default"}))})
    scene.site("hub").write_charter(limits, charter.edition)
    scene.sync()
    merge(scene)
    grant = scene.grant("west", "u2", "p")
    scene.equal()
    assert everywhere(scene, grant) == [None] * 3
    assert None not in everywhere(scene, grant_key("u1", "p"))


def test_a_loser_that_was_brought_back_is_itself_again(scene: Scene) -> None:
    """An operator restores it: then its id means what it meant."""
    document = dict(scene.store("hub").data.rows[LOSER])
    merge(scene)
    scene.sync()
    scene.put("hub", "user", "u2", **{name.replace(".", "__"): value for name, value in document.items()})
    scene.sync()
    grant = scene.grant("west", "u2", "p")
    scene.equal()
    assert None not in everywhere(scene, grant)


def test_a_merge_that_was_reversed_says_nothing_any_more(scene: Scene) -> None:
    """Deleted once it was brought back, the user is gone: nothing that names it comes to another."""
    document = dict(scene.store("hub").data.rows[LOSER])
    merge(scene)
    (alias,) = (row for row in scene.conflicts if row.into)
    scene.store("hub").run(lambda tx: close(tx, [alias.id], "restored", scene.clock.now()))
    scene.put("hub", "user", "u2", **{name.replace(".", "__"): value for name, value in document.items()})
    scene.sync()
    scene.delete("hub", LOSER)
    grant = scene.grant("west", "u2", "p")
    scene.equal()
    assert everywhere(scene, grant_key("u1", "p")) == [None] * 3
    assert listed(scene, grant) == ["dangling"]


@pytest.mark.parametrize(
    ("loser", "winner", "error", "why"),
    [
        (Ref("user", "no"), WINNER, NotThere, "no user/no"),
        (LOSER, Ref("user", "no"), NotThere, "no user/no"),
        (LOSER, LOSER, Refused, "into itself"),
        (Ref("domain", "default"), Ref("domain", "acme"), Refused, "can't be merged"),
        (LOSER, Ref("project", "p"), Refused, "can't be merged"),
        (LOSER, Ref("user", "v"), Refused, "different domains"),
        (Ref("project", "p"), Ref("project", "below"), Refused, "lies below"),
    ],
)
def test_bad_merges_change_nothing(
    scene: Scene, loser: Ref, winner: Ref, error: type[Exception], why: str
) -> None:
    scene.put("hub", "domain", "acme", name="acme", enabled=True)
    scene.user("hub", "v", "val", domain_id="acme", local__domain_id="acme")
    scene.project("hub", "mid", "mid", parent_id="p")
    scene.project("hub", "below", "below", parent_id="mid")
    scene.sync()
    before = dict(scene.store("hub").data.rows), list(scene.conflicts)
    with pytest.raises(error, match=why):
        scene.site("hub").unite(loser, winner)
    assert (scene.store("hub").data.rows, scene.conflicts) == before


def test_fleets_in_which_records_are_merged_converge_and_lose_nothing() -> None:
    setting = Setting(sites=5, also=frozenset({"merge"}))
    total = Counts()
    for seed in range(890000, 890030):
        total.update(run(seed, setting))
    assert total["merges"] >= 10


def test_a_merge_is_for_the_hub(scene: Scene) -> None:
    with pytest.raises(Refused, match="not the hub"):
        scene.site("west").unite(LOSER, WINNER)


def carried(scene: Scene, site: str, ref: Ref) -> str:
    """Why it is carried there, if it is."""
    record = scene.record(site, ref)
    return record.carried.reason if record.carried is not None else ""


def test_what_is_made_over_to_somebody_whom_a_site_cannot_hold_is_carried_with_him(scene: Scene) -> None:
    """Its row there names the other one, who is gone: it goes, and nothing waits."""
    credential = scene.credential("hub", "c", "u2")
    scene.sync()
    scene.store("west").unstorable = frozenset({"odd"})
    winner = scene.user("hub", "u3", "odd")
    merge(scene, LOSER, winner)
    scene.equal()
    assert scene.row("west", LOSER) is None
    assert scene.row("west", credential) is None and carried(scene, "west", credential) == "reference"
    assert scene.row("south", credential)["user_id"] == "u3"  # type: ignore[index]
    scene.put("hub", "user", "u3", local__name="even")
    scene.equal()
    assert scene.row("west", credential)["user_id"] == "u3"  # type: ignore[index]


@pytest.mark.parametrize("site", ["west", "hub"])
def test_what_is_carried_beside_its_row_does_not_keep_whom_that_names(scene: Scene, site: str) -> None:
    """The record is somebody else's by now; neither does he stay, nor does it go with him."""
    credential = scene.credential("hub", "c", "u2")
    scene.sync()
    scene.store(site).unstorable = frozenset({"odd"})
    winner = scene.user("south", "u3", "odd")
    scene.sync()
    scene.put("south", "credential", "c", user_id="u3", blob="odd seed")
    scene.sync()
    assert scene.row(site, credential)["user_id"] == "u2"  # type: ignore[index]
    scene.delete("south", LOSER)
    scene.equal()
    assert scene.row(site, LOSER) is None and scene.row(site, credential) is None
    assert scene.row("south", credential)["blob"] == "odd seed"  # type: ignore[index]
    assert not listed(scene, credential)
    scene.put("south", "user", "u3", local__name="even")
    scene.put("south", "credential", "c", blob="seed")
    scene.equal()
    assert scene.row(site, credential)["user_id"] == winner.key  # type: ignore[index]


def test_what_the_hub_only_carries_is_not_merged(scene: Scene) -> None:
    """Its row does not say what it says; nothing is changed, and the record is named."""
    scene.store("hub").unstorable = frozenset({"odd"})
    scene.put("west", "user", "u2", extra__email="odd")
    scene.sync()
    with pytest.raises(Refused, match="user/u2 is not in this site's tables"):
        merge(scene)
    scene.put("west", "user", "u2", extra__email="even")
    scene.sync()
    merge(scene)
    scene.equal()


def test_what_is_reworded_lies_where_what_it_names_lies(scene: Scene) -> None:
    """Both are new to the hub, and the west, which holds that domain only, is to hear of it."""
    vcpu = {"resource_name": "vcpu", "default_limit": 5}
    scene.put("hub", "service", "s", type="compute")
    scene.sync()
    scene.put("south", "registered_limit", "r1", service_id="s", region_id=None, **vcpu)
    scene.send("south", "hub")
    scene.project("west", "new", "new")
    scene.put("west", "registered_limit", "r2", service_id="s", region_id=None, **vcpu)
    limit = scene.put("west", "limit", "l", registered_limit_id="r2", project_id="new", resource_limit=1)
    scene.send("west", "hub")
    assert scene.row("hub", limit)["registered_limit_id"] == "r1"  # type: ignore[index]
    assert scene.record("hub", limit).scope == "default"
    scene.equal()
