"""Keystone 24 (2023.2, SQLAlchemy 1.4) as a site beside the installed release (``make test-keystone-24``)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.demo.comparer import Source, compare
from keystone_viaduct.demo.fleet import VIADUCT, Fleet
from keystone_viaduct.demo.keystones import Keystone, Keystones, SiteSpec
from keystone_viaduct.demo.report import Narrator
from keystone_viaduct.demo.scenario.everything import create_everything
from keystone_viaduct.demo.scenario.place import Place
from keystone_viaduct.demo.wan import End, Wan
from tests.support.keystones import Release, release

pytestmark = [pytest.mark.keystone, pytest.mark.keystone24]

SETTLED = 60.0
LACKING = ("mapping", "schema_version")
IMPORT_ALL = """
import importlib, pkgutil, keystone_viaduct
elsewhere = ("keystone_viaduct.demo.", "keystone_viaduct.testing.")
built_or_run = ("keystone_viaduct.wsgi", "keystone_viaduct.sync.store.migrations.env")
for found in pkgutil.walk_packages(keystone_viaduct.__path__, "keystone_viaduct."):
    if not found.name.startswith(elsewhere) and found.name not in built_or_run:
        importlib.import_module(found.name)
        print(found.name)
"""


@pytest.fixture(scope="module")
def older() -> Release:
    return release(24)


@pytest.fixture
def alone(older: Release, tmp_path: Path) -> Iterator[Keystone]:
    """A bootstrapped Keystone 24 that nothing was done to yet; it does not serve."""
    keystones = Keystones(tmp_path, [spec("west", tmp_path, older)])
    keystones.prepare()
    yield keystones["west"]
    keystones.stop()


@pytest.fixture(scope="module")
def fleet(older: Release, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Fleet, Place, Place]]:
    """East with the installed release is the hub, west with Keystone 24 the spoke; an agent joins them."""
    folder = tmp_path_factory.mktemp("fleet")
    keystones = Keystones(folder, [SiteSpec("east"), spec("west", folder, older)])
    with ExitStack() as stack:
        wan = stack.enter_context(Wan(rtt_ms=1))
        east, west = (End(name, "127.0.0.1", site.port.number) for name, site in keystones.sites.items())
        roads = {"west": wan.link(east, west)}
        fleet = Fleet(Narrator())
        fleet.equip(keystones, "east", roads)
        stack.enter_context(keystones)
        stack.callback(fleet.stop)
        fleet.join(keystones, "east", roads)
        newer, other = (Place(keystones[name]) for name in keystones.sites)
        stack.callback(newer.close)
        stack.callback(other.close)
        yield fleet, newer, other


def spec(name: str, folder: Path, where: Release) -> SiteSpec:
    keys = {"key_repository": str(folder / name / "viaduct-keys")}
    return SiteSpec(name, python=where.bin / "python", options={"viaduct": keys})


def initialise(site: Keystone) -> Any:
    return json.loads(site.run(VIADUCT, "init", "--site", "west", "--hub", "west", "--json"))


def rules(remote: str) -> list[Any]:
    return [{"local": [{"user": {"name": "{0}"}}], "remote": [{"type": remote}]}]


def marked(site: Keystone) -> list[str]:
    with sa.create_engine(site.database_url, poolclass=sa.pool.NullPool).connect() as connection:
        return list(connection.execute(sa.text("SELECT kind FROM viaduct_dirty ORDER BY id")).scalars())


def test_all_that_runs_at_a_site_can_be_imported_under_sqlalchemy_1_4(older: Release) -> None:
    imported = older.python(IMPORT_ALL).split()
    assert {"keystone_viaduct.sync.api.resources", "keystone_viaduct.sync.agent.agent"} <= set(imported)


def test_init_prepares_a_keystone_24_once_and_doctor_agrees(alone: Keystone) -> None:
    first = initialise(alone)
    assert first["tables"] == "created"
    assert first["triggers"]["created"] > 150
    assert first["marked"]["user"] == 1
    again = initialise(alone)
    assert again["tables"] == "current"
    assert sum(again["triggers"].values()) == 0
    assert json.loads(alone.run(VIADUCT, "doctor", "--json"))


def test_capture_marks_what_keystone_24_writes(alone: Keystone) -> None:
    initialise(alone)
    before = len(marked(alone))
    alone.start()
    alone.wait_ready()
    Place(alone).admin.post("/users", user={"name": "ada", "password": "s3cret-enough"})
    assert "user" in marked(alone)[before:]


def test_every_kind_made_at_either_release_is_the_same_at_both(fleet: tuple[Fleet, Place, Place]) -> None:
    """But for the one column that Keystone 24 has not."""
    joined, east, west = fleet
    for place in (east, west):
        create_everything(place, f"made-at-{place.name}")
        assert joined.settle(SETTLED)
    found = compare([Source.of(place.keystone) for place in (east, west)])
    assert found.empty == []
    differing = {str(each) for each in found.differences if (each.kind, each.field) != LACKING}
    assert differing == set()


def test_a_column_that_keystone_24_lacks_survives_a_change_there(fleet: tuple[Fleet, Place, Place]) -> None:
    joined, east, west = fleet
    for name, version in (("plain", "1.0"), ("versioned", "2.0")):
        east.admin.put(
            f"/OS-FEDERATION/mappings/{name}", mapping={"rules": rules("before"), "schema_version": version}
        )
    assert joined.settle(SETTLED)
    for name in ("plain", "versioned"):
        assert west.admin.get(f"/OS-FEDERATION/mappings/{name}")["mapping"]["rules"] == rules("before")
        west.admin.patch(f"/OS-FEDERATION/mappings/{name}", mapping={"rules": rules("after")})
    assert joined.settle(SETTLED)
    for name, version in (("plain", "1.0"), ("versioned", "2.0")):
        mapping = east.admin.get(f"/OS-FEDERATION/mappings/{name}")["mapping"]
        assert (mapping["rules"], mapping["schema_version"]) == (rules("after"), version)


def test_a_user_made_at_the_newer_release_logs_in_at_keystone_24(fleet: tuple[Fleet, Place, Place]) -> None:
    joined, east, west = fleet
    password = "made-at-thirty"
    user = east.admin.post("/users", user={"name": "grace", "password": password, "domain_id": "default"})
    role = next(item for item in east.admin.get("/roles")["roles"] if item["name"] == "reader")
    east.admin.put(f"/system/users/{user['id']}/roles/{role['id']}")
    assert joined.settle(SETTLED)
    there = west.login(username="grace", user_domain_id="default", password=password, system_scope="all")
    assert there.user_id == user["id"]


def test_what_keystone_24_changes_is_served_by_the_newer_release(fleet: tuple[Fleet, Place, Place]) -> None:
    joined, east, west = fleet
    project = west.admin.post("/projects", project={"name": "made-at-24", "tags": ["old"]})
    assert joined.settle(SETTLED)
    assert east.admin.get(f"/projects/{project['id']}")["project"]["tags"] == ["old"]
    west.admin.patch(f"/projects/{project['id']}", project={"description": "changed at 24"})
    assert joined.settle(SETTLED)
    assert east.admin.get(f"/projects/{project['id']}")["project"]["description"] == "changed at 24"


def test_keystone_24_logged_no_error(fleet: tuple[Fleet, Place, Place]) -> None:
    _, _, west = fleet
    lines = west.keystone.layout.log.read_text().splitlines()
    assert [line for line in lines if " ERROR " in line] == []
