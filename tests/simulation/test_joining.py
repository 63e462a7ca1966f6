"""What two sites made under one name before they met, and of which each has a secret of its own."""

from __future__ import annotations

from typing import Any

import pytest

from keystone_viaduct.sync.charter import Charter, Delegation
from keystone_viaduct.sync.model import Ref
from tests.simulation.scene import Scene

NOON = 1_900_000_000_000_000


def application_credential(scene: Scene, site: str, key: str, **more: Any) -> Ref:
    """One of ada's, called ci."""
    given = {"name": "ci", "user_id": "u", "secret_hash": f"hash of {key}", "project_id": "p"}
    return scene.put(site, "application_credential", key, **{**given, **more})


def trust(scene: Scene, site: str, key: str, **more: Any) -> Ref:
    """From ada to bob, until noon."""
    given = {"trustor_user_id": "u", "trustee_user_id": "v", "project_id": "p", "impersonation": True}
    return scene.put(site, "trust", key, **{**given, "expires_at_int": NOON, "roles": [], **more})


def known(scene: Scene) -> None:
    """Two users and a project that all sites have."""
    scene.user("hub", "u", "ada")
    scene.user("hub", "v", "bob")
    scene.project("hub", "p", "web")
    scene.sync()


def test_application_credentials_of_one_name_are_both_kept_with_id_and_secret(scene: Scene) -> None:
    known(scene)
    ours = application_credential(scene, "hub", "a1")
    theirs = application_credential(scene, "west", "a2")
    scene.equal()
    for site in ("hub", "west", "south"):
        kept, renamed = scene.row(site, ours), scene.row(site, theirs)
        assert kept is not None and renamed is not None
        assert (kept["name"], kept["secret_hash"]) == ("ci", "hash of a1")
        assert (renamed["name"], renamed["secret_hash"]) == ("ci~west", "hash of a2")
    (listed,) = scene.conflicts
    assert (listed.sort, listed.ref, listed.fields, listed.lost) == (
        "clash",
        theirs,
        ("name",),
        {"name": "ci"},
    )
    assert "name of this is now 'ci~west'" in listed.explanation


def test_a_third_one_of_that_name_is_kept_too(scene: Scene) -> None:
    known(scene)
    application_credential(scene, "hub", "a0", name="ci~west")
    refs = [application_credential(scene, site, f"a-{site}") for site in ("hub", "west", "south")]
    scene.equal()
    names = [scene.row("hub", ref)["name"] for ref in refs]  # type: ignore[index]
    assert names == ["ci", "ci~west~2", "ci~south"]


def test_a_long_name_makes_room_for_the_site(scene: Scene) -> None:
    known(scene)
    application_credential(scene, "hub", "a1", name="n" * 255)
    theirs = application_credential(scene, "west", "a2", name="n" * 255)
    scene.equal()
    assert scene.row("hub", theirs)["name"] == "n" * 250 + "~west"  # type: ignore[index]


def test_trusts_that_differ_in_nothing_but_their_id_are_both_kept(scene: Scene) -> None:
    """Their time is part of what must not be equal: the spoke's ends a second earlier, never later."""
    known(scene)
    ours, theirs = trust(scene, "hub", "t1"), trust(scene, "west", "t2")
    scene.equal()
    for site in ("hub", "west", "south"):
        assert scene.row(site, ours)["expires_at_int"] == NOON  # type: ignore[index]
        assert scene.row(site, theirs)["expires_at_int"] == NOON - 1_000_000  # type: ignore[index]
    assert [(found.sort, found.ref) for found in scene.conflicts] == [("clash", theirs)]


def chosen(scene: Scene, site: str, choices: dict[Ref, str]) -> None:
    """An operator has chosen for a site that joins."""
    scene.store("hub").run(lambda tx: tx.save_choices(site, choices))


def hash_at(scene: Scene, site: str, ref: Ref) -> str:
    """The password that logs in."""
    row = scene.row(site, ref)
    assert row is not None
    return str(row["passwords"][-1]["hash"])


def made_twice(scene: Scene) -> Ref:
    """One account at the hub and at a region, each with a password of its own."""
    scene.user("hub", "u", "ada", passwords=[{"hash": "hub's"}])
    return scene.user("west", "u", "ada", passwords=[{"hash": "west's"}])


@pytest.mark.parametrize(("choice", "kept"), [("hub", "hub's"), ("site", "west's")])
@pytest.mark.parametrize("policy", ["hub", "latest", "spoke:west"])
def test_the_password_is_that_of_the_side_that_was_chosen_whatever_the_policy(
    choice: str, kept: str, policy: str
) -> None:
    scene = Scene("hub", "west", "south", policy=policy)
    ref = made_twice(scene)
    chosen(scene, "west", {ref: choice})
    scene.equal()
    assert {hash_at(scene, site, ref) for site in ("hub", "west", "south")} == {kept}


def test_a_choice_says_nothing_of_later_edits(scene: Scene) -> None:
    ref = made_twice(scene)
    chosen(scene, "west", {ref: "site"})
    scene.equal()
    assert scene.store("hub").run(lambda tx: tx.choices("west")) == {}
    scene.put("hub", "user", "u", passwords=[{"hash": "hub's later"}])
    scene.put("west", "user", "u", passwords=[{"hash": "west's later"}])
    scene.equal()
    assert hash_at(scene, "west", ref) == "hub's later", "the fleet's policy decides again"


@pytest.mark.parametrize(("choice", "left"), [("hub", {"p1"}), ("site", {"p2"}), ("both", {"p1", "p2"})])
def test_of_grants_that_only_one_side_has_those_of_the_chosen_side_are_left(
    scene: Scene, choice: str, left: set[str]
) -> None:
    known(scene)
    scene.project("hub", "p1", "one")
    scene.project("hub", "p2", "two")
    scene.sync()
    grants = {"p1": scene.grant("hub", "u", "p1"), "p2": scene.grant("west", "u", "p2")}
    chosen(scene, "west", dict.fromkeys(grants.values(), choice))
    scene.equal()
    for site in ("hub", "west", "south"):
        assert {name for name, ref in grants.items() if scene.row(site, ref) is not None} == left
    gone = [ref for name, ref in grants.items() if name not in left]
    assert [(found.sort, found.ref) for found in scene.conflicts] == [("chosen", ref) for ref in gone]
    if choice != "both":
        again = scene.grant("west", "u", "p1" if choice == "site" else "p2")
        scene.equal()
        assert scene.row("hub", again) is not None, "given anew it stays"


def test_a_limited_site_takes_no_grant_of_the_hub_away_by_a_choice(scene: Scene) -> None:
    """What it was chosen to have is an edit of its own, and judged as any."""
    known(scene)
    grant = scene.grant("hub", "u", "p")
    limited = Charter(delegations={"west": Delegation(domains=frozenset({"branch"}))})
    scene.site("hub").write_charter(limited, scene.site("hub").charter().edition)
    chosen(scene, "west", {grant: "site"})
    scene.put("hub", "user", "u", extra__email="new")
    scene.sync()
    assert scene.row("hub", grant) is not None and scene.row("south", grant) is not None
    assert "may not take it away" in scene.conflicts[-1].explanation


def test_the_side_that_was_chosen_keeps_the_name(scene: Scene) -> None:
    known(scene)
    ours = application_credential(scene, "hub", "a1")
    theirs = application_credential(scene, "west", "a2")
    chosen(scene, "west", {theirs: "site"})
    scene.equal()
    for site in ("hub", "west", "south"):
        assert scene.row(site, theirs)["name"] == "ci"  # type: ignore[index]
        assert scene.row(site, ours)["name"] == "ci~hub"  # type: ignore[index]


def test_a_grant_that_the_site_has_made_meanwhile_is_not_taken_away(scene: Scene) -> None:
    known(scene)
    grant = scene.grant("hub", "u", "p")
    chosen(scene, "west", {grant: "site"})
    scene.grant("west", "u", "p")
    scene.equal()
    assert scene.row("hub", grant) is not None and not scene.conflicts


def test_choices_hold_through_a_first_load_in_many_pages(scene: Scene) -> None:
    """The first page does not use them up; whoever goes on after an interruption finds them."""
    refs = []
    for number in range(5):
        scene.user("hub", f"u{number}", f"ada{number}", passwords=[{"hash": "hub's"}])
        refs.append(scene.user("west", f"u{number}", f"ada{number}", passwords=[{"hash": "west's"}]))
    chosen(scene, "west", dict.fromkeys(refs, "site"))
    first = scene.read("west", "hub", limit=2)
    scene.site("hub").apply(first)
    assert scene.store("hub").run(lambda tx: tx.choices("west"))
    scene.send("west", "hub", limit=1)
    scene.equal()
    assert {hash_at(scene, "south", ref) for ref in refs} == {"west's"}


def test_of_two_accounts_of_one_name_the_one_that_was_chosen_keeps_it(scene: Scene) -> None:
    ours, theirs = scene.user("hub", "h", "ada"), scene.user("west", "w", "ada")
    chosen(scene, "west", {theirs: "site"})
    scene.equal()
    for site in ("hub", "west", "south"):
        assert scene.row(site, theirs)["local.name"] == "ada"  # type: ignore[index]
        assert scene.row(site, ours)["local.name"] == "ada~hub"  # type: ignore[index]
