"""What two sites made under one name before they met, and of which each has a secret of its own."""

from __future__ import annotations

from typing import Any

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
