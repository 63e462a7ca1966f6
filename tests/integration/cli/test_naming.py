"""A site's name and its hub's: looked up in the fleet's file, corrected until something was exchanged."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keystone_viaduct.cli._keystone import read_settings
from keystone_viaduct.cli._site import open_store
from keystone_viaduct.cli.main import main
from keystone_viaduct.sync.model import SiteState
from keystone_viaduct.sync.store import SqlStore
from tests.support.keystones import make_home

FLEET = "hub: east\nsites:\n  east: east-cloud\n  west: west-cloud\n  south: south-cloud\n"
Init = Callable[..., int]


@pytest.fixture
def config(keystone_database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keystone's configuration, in a folder in which nothing else lies."""
    keys = f"[viaduct]\nkey_repository = {tmp_path}/viaduct-keys\n"
    monkeypatch.chdir(tmp_path)
    return make_home(tmp_path / "home", keystone_database("sqlite"), extra=keys).config


@pytest.fixture
def init(config: Path) -> Init:
    """``viaduct init``; its exit code."""

    def run(site: str, hub: str, *more: str) -> int:
        return main(["init", "--site", site, "--hub", hub, "--config-file", str(config), *more])

    return run


@pytest.fixture
def store(config: Path) -> Callable[[], SqlStore]:
    return lambda: open_store(read_settings([str(config)]))


def state(store: SqlStore) -> SiteState:
    return store.read(lambda tx: tx.known_state())


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    file = tmp_path / "fleet.yaml"
    file.write_text(FLEET)
    return file


@pytest.mark.parametrize(
    ("site", "hub", "told"),
    [
        ("west", "eats", "--hub eats: "),
        ("wets", "east", "--site wets: "),
        ("west", "berlin", "it has east, south, west"),
    ],
)
def test_a_name_that_the_fleet_does_not_have_is_refused(
    site: str, hub: str, told: str, init: Init, fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init(site, hub, "--config", str(fleet)) == 2
    error = capsys.readouterr().err
    assert told in error and str(fleet) in error
    if hub != "berlin":
        assert f"did you mean {'east' if hub == 'eats' else 'west'}?" in error
    assert init("west", "east", "--config", str(fleet)) == 0


def test_the_usual_file_is_read_where_it_lies(init: Init, tmp_path: Path) -> None:
    (tmp_path / "viaduct.yaml").write_text(FLEET)
    assert init("west", "eats") == 2
    assert init("west", "east") == 0


def test_another_site_than_the_files_hub_is_taken_and_told(
    init: Init, fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init("west", "south", "--config", str(fleet)) == 0
    assert "has east for the hub, not south" in capsys.readouterr().out


def test_without_a_file_the_hub_is_taken_as_given_and_told(
    init: Init, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init("west", "east") == 0
    assert "hub east is taken as given" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [("west", "eats"), ("wets", "east"), ("west", "west")])
def test_a_wrong_name_is_corrected_by_running_it_again(
    wrong: tuple[str, str],
    init: Init,
    store: Callable[[], SqlStore],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert init(*wrong) == 0
    before = store().read(lambda tx: tx.count_marks())
    capsys.readouterr()
    assert init("west", "east", "--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["corrected"] == {"site": wrong[0], "hub": wrong[1]}
    assert (state(store()).site, state(store()).hub) == wrong, "it would have been"
    assert init("west", "east") == 0
    now = state(store())
    assert (now.site, now.hub, now.fleet_secret, now.head) == ("west", "east", b"", 0)
    assert store().read(lambda tx: tx.count_marks()) == before, "what is there is still to be numbered"
    assert init("west", "east") == 0, "and may be repeated"


@pytest.mark.parametrize("exchanged", ["secret", "numbered", "promoted"])
def test_names_stay_once_something_was_exchanged(
    exchanged: str, init: Init, store: Callable[[], SqlStore], capsys: pytest.CaptureFixture[str]
) -> None:
    assert init("west", "east") == 0
    changes: dict[str, dict[str, Any]] = {
        "secret": {"fleet_secret": b"s" * 32},
        "numbered": {"head": 1},
        "promoted": {"term": 2},
    }
    store().run(lambda tx: tx.save_state(replace(tx.state(), **changes[exchanged])))
    before = state(store())
    assert init("west", "south") == 2
    assert "they stay" in capsys.readouterr().err
    assert state(store()) == before
