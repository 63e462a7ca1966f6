"""Ids that Keystone stores without asking whether there is such a record: absence alone says nothing."""

from __future__ import annotations

from typing import Any

import pytest

from keystone_viaduct.kinds.reference import Mode
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import Ref
from tests.simulation.scene import Scene


def credential(scene: Scene, site: str, key: str, project: str, **fields: Any) -> Ref:
    """A user's, for a project."""
    given = {"user_id": "u", "project_id": project, "type": "cert", "blob": f"seed of {key}"}
    return scene.put(site, "credential", key, **given, **fields)


def sweep(scene: Scene, site: str) -> None:
    """All of it."""
    while scene.site(site).sweep(100).kind:
        pass


@pytest.mark.parametrize("site", ["hub", "west"])
def test_a_credential_of_a_project_that_never_was_is_at_all_sites_and_stays(scene: Scene, site: str) -> None:
    scene.user("hub", "u", "ada")
    scene.sync()
    ref = credential(scene, site, "c", "of another cloud")
    scene.equal()
    for name in scene.fleet.nodes:
        sweep(scene, name)
    scene.equal()
    assert all(scene.row(name, ref) for name in scene.fleet.nodes)
    assert not scene.conflicts
    scene.delete("south", ref)
    scene.equal()
    assert not any(scene.row(name, ref) for name in scene.fleet.nodes)


@pytest.mark.parametrize("site", ["hub", "west"])
def test_what_is_seen_to_be_deleted_takes_its_credentials_along(scene: Scene, site: str) -> None:
    """Made at one site while the other deleted the project."""
    scene.user("hub", "u", "ada")
    project = scene.project("hub", "p", "web")
    scene.sync()
    ref = credential(scene, site, "c", "p")
    scene.delete("west" if site == "hub" else "hub", project)
    scene.equal()
    assert not any(scene.row(name, ref) for name in scene.fleet.nodes)
    assert [found.ref for found in scene.conflicts] == [ref]


def test_no_foreign_key_is_declared_unchecked() -> None:
    """A database would refuse the row."""
    for kind in REGISTRY.values():
        for reference in kind.references:
            if reference.unchecked:
                assert reference.mode is Mode.OWNING and not reference.foreign_key
