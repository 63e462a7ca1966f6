"""``viaduct adopt`` at a terminal: files, refusals, and a site that was prepared before."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.cli.main import main
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.adopt import make_plan
from keystone_viaduct.sync.model import Checkpoint, Dot, Record, Ref, Version
from keystone_viaduct.sync.sealing import KeyRing
from keystone_viaduct.sync.store import SqlStore
from tests.integration.adopt.conftest import Site, make_site
from tests.support.databases import DatabaseScope

pytestmark = pytest.mark.keystone

CHOSEN = ["--access", "both,hub"]


@pytest.fixture(scope="module")
def filled(module_databases: DatabaseScope, tmp_path_factory: pytest.TempPathFactory) -> list[Site]:
    """A hub and a spoke to be copied."""
    sites = []
    for name, role in (("east", "hub"), ("west", "spoke")):
        sites.append(make_site(name, module_databases.keystone("sqlite"), tmp_path_factory.mktemp(name)))
        sites[-1].fill(role)
    return sites


@pytest.fixture
def sites(filled: list[Site], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Site, Site]:
    """Copies of the two; the working folder is the test's own."""
    copies = []
    for site in filled:
        folder = tmp_path / site.name
        shutil.copytree(site.home.folder, folder)
        source = str(sa.engine.make_url(site.url).database)
        for suffix in ("", "-wal"):
            if Path(source + suffix).exists():
                shutil.copyfile(source + suffix, f"{folder}/copy.db{suffix}")
        copies.append(make_site(site.name, f"sqlite:///{folder}/copy.db", folder))
    monkeypatch.chdir(tmp_path)
    return copies[0], copies[1]


def adopt_at(site: Site, *arguments: str) -> int:
    return main(["adopt", site.name, "--config-file", str(site.home.config), *arguments])


def hub_of(hub: Site) -> list[str]:
    return ["--hub", hub.name, "--hub-config", str(hub.home.config)]


def test_by_a_file_from_the_hub_it_plans_applies_and_is_done(
    sites: tuple[Site, Site], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub, spoke = sites
    before = sorted(spoke.cells())
    assert adopt_at(hub, "--export", "hub.inventory") == 0
    packed = (tmp_path / "hub.inventory").read_bytes()
    assert packed and oct((tmp_path / "hub.inventory").stat().st_mode)[-3:] == "600"
    given = ["--hub-inventory", "hub.inventory"]
    assert adopt_at(spoke, *given, "--json", "plan.json") == 0
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert sorted(spoke.cells()) == before, "a plan changes nothing"
    assert plan["hub"] == "east" and plan["apply"] and plan["withheld"] and not plan["settled"]
    assert "only with --rekey" in capsys.readouterr().out
    assert adopt_at(spoke, *given, "--apply", "--rekey", *CHOSEN) == 0
    assert "restart this site's Keystone" in capsys.readouterr().out
    ids = json.loads((tmp_path / "viaduct-adopt-west.ids.json").read_text())["ids"]
    moved = [*plan["apply"], *plan["withheld"]]
    assert ids == {kind: {m["old"]: m["new"] for m in moved if m["kind"] == kind} for kind in ids}
    assert sum(map(len, ids.values())) == len(moved)
    assert adopt_at(spoke, *given, "--rekey", "--json", "-") == 0
    assert json.loads(capsys.readouterr().out)["settled"] is True


def test_a_preferred_id_of_the_site_is_given_to_the_hub_by_a_file(
    sites: tuple[Site, Site], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub, spoke = sites
    choice = ["--prefer", "project/dev=here", "--prefer", "role/auditor=here"]
    assert adopt_at(spoke, *hub_of(hub), *choice, "--apply", "--rekey", *CHOSEN) == 0
    assert "now run at the hub's host: viaduct adopt east --moves" in capsys.readouterr().out
    plan = make_plan(spoke.inventory, hub.inventory)
    assert {(move.kind, move.label) for move in plan.moves} == {("project", "dev"), ("role", "auditor")}
    before = hub.picture()
    assert adopt_at(hub, "--moves", "viaduct-adopt-east.moves.json") == 0
    assert hub.picture()["served"] == before["served"]
    assert make_plan(spoke.inventory, hub.inventory).settled
    assert set(json.loads((tmp_path / "viaduct-adopt-east.ids.json").read_text())["ids"]) == {
        "project",
        "role",
    }


@pytest.mark.parametrize("odd", ["spoke", "hub"])
def test_records_that_cannot_travel_are_named_in_the_plan_and_stop_nothing(
    sites: tuple[Site, Site], odd: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A hand has written into a column of JSON what is none, here or at the hub."""
    hub, spoke = sites
    with (spoke if odd == "spoke" else hub).engine.begin() as connection:
        key = connection.execute(sa.text("SELECT id FROM service")).scalars().first()
        connection.execute(sa.text("UPDATE service SET extra = '{no json' WHERE id = :id"), {"id": key})
    assert adopt_at(spoke, *hub_of(hub)) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert ("records that can't travel as they are: 1" in told) is (odd == "spoke")
    assert (f"service/{key}: " in told) is (odd == "spoke")
    assert adopt_at(spoke, *hub_of(hub), "--apply", "--rekey", *CHOSEN) == 0


def store_of(site: Site) -> SqlStore:
    from keystone_viaduct.documents.codec import Codecs
    from keystone_viaduct.documents.schema import reflect

    ring = KeyRing.load(site.home.folder / "viaduct-keys")
    return SqlStore(site.engine, ring, Codecs(reflect(site.engine), site.cipher))


def prepare(site: Site) -> SqlStore:
    config = site.home.config
    config.write_text(f"{config.read_text()}\n[viaduct]\nkey_repository = {site.home.folder}/viaduct-keys\n")
    assert main(["init", "--config-file", str(config), "--site", site.name, "--hub", "east"]) == 0
    return store_of(site)


def test_a_site_that_was_prepared_before_is_numbered_anew(sites: tuple[Site, Site]) -> None:
    hub, spoke = sites
    store = prepare(spoke)
    state = store.run(lambda tx: tx.state())
    numbered = Record(Ref("role", "old"), 1, Version(), Dot(state.origin, 1), {})
    store.run(lambda tx: tx.save_records([numbered]))
    assert adopt_at(spoke, *hub_of(hub), "--apply", "--rekey", *CHOSEN) == 0
    after = store.run(lambda tx: tx.state())
    assert after.incarnation != state.incarnation and (after.site, after.head) == ("west", 0)
    assert store.run(lambda tx: tx.records([numbered.ref])) == {}
    marks = {mark.ref for mark in store.run(lambda tx: tx.take_marks(10_000))}
    inventory = spoke.inventory
    there = {Ref(kind, key) for kind in REGISTRY for key in inventory.documents(kind)}
    assert marks == there, "no mark of an old id is left to become a deletion"


def test_a_site_that_replicates_is_refused_and_nothing_changes(
    sites: tuple[Site, Site], capsys: pytest.CaptureFixture[str]
) -> None:
    hub, spoke = sites
    store = prepare(spoke)
    store.run(lambda tx: tx.save_checkpoint("east", Checkpoint("i", 3, "n")))
    before = sorted(spoke.cells())
    assert adopt_at(spoke, *hub_of(hub), "--apply", "--rekey", *CHOSEN) == 2
    assert sorted(spoke.cells()) == before
    assert "hint" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing says what the hub has"),
        (["--hub-inventory", "missing"], "is no inventory"),
        (["--hub-inventory", "west/keystone.conf"], "is no inventory"),
        (["--hub-config", "west/keystone.conf"], "this site's own"),
        (["--hub-config", "missing.conf"], "can't be read"),
        (["--hub-config", "east/keystone.conf", "--prefer", "user/admin=me"], "can't be 'me'"),
        (["--hub-config", "east/keystone.conf", "--overrides", "missing.yaml"], "can't be read"),
        (["--moves", "missing.json"], "can't be read"),
    ],
)
def test_bad_input_is_told_with_a_hint_and_changes_nothing(
    sites: tuple[Site, Site], arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, spoke = sites
    before = sorted(spoke.cells())
    assert adopt_at(spoke, *arguments, *([] if "--moves" in arguments else ["--apply"])) == 2
    told: Any = " ".join(capsys.readouterr().err.split())
    assert message in told and "hint" in told
    assert sorted(spoke.cells()) == before
