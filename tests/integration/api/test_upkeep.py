"""Comparison, sweep, guard and purge over the API of real Keystones, by the commands and by the agent."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest

from keystone_viaduct.cli.main import main
from tests.integration.api.conftest import Sites

pytestmark = pytest.mark.keystone
NAMES = [f"kept-{number}" for number in range(60)]


@pytest.fixture
def regions(sites: Sites, east: httpx.Client) -> Iterator[list[str]]:
    """Sixty regions at both sites, made and removed by SQL at the hub, with its triggers: sixty requests each
    time take a minute in all.
    """
    made = [(name, "", "{}") for name in NAMES]
    write(sites, "east", "INSERT INTO region (id, description, extra) VALUES (?, ?, ?)", made)
    assert sites.agent().once() == []
    assert east.get(f"/regions/{NAMES[-1]}").status_code == 200
    yield NAMES
    write(sites, "east", "DELETE FROM region WHERE id = ?", [(name,) for name in NAMES])
    assert sites.agent().once() == []


def write(sites: Sites, name: str, statement: str, rows: Sequence[tuple[str, ...]]) -> None:
    """SQL at a site, seen by its triggers."""
    connection = sqlite3.connect(sites.folder / name / "keystone.db", timeout=30)
    with connection:
        connection.executemany(statement, rows)
    connection.close()


def command(
    sites: Sites, capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0
) -> dict[str, Any]:
    """What a command says as JSON."""
    capsys.readouterr()
    found = main([*arguments, "--json", "--config", str(sites.topology_file)])
    captured = capsys.readouterr()
    assert found == code, captured.err
    result: dict[str, Any] = json.loads(captured.out)
    return result


def by_hand(sites: Sites, name: str, statements: Sequence[str]) -> None:
    """SQL at a site while its triggers are off."""
    connection = sqlite3.connect(sites.folder / name / "keystone.db", timeout=30)
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    with connection:
        for trigger, _ in rows:
            connection.execute(f'DROP TRIGGER "{trigger}"')
        for statement in statements:
            connection.execute(statement)
        for _, definition in rows:
            connection.execute(definition)
    connection.close()


def test_compare_tells_what_differs_and_whether_it_is_on_its_way(
    sites: Sites, regions: list[str], east: httpx.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(sites, capsys, "compare", "west")["differences"] == 0
    east.patch(f"/regions/{regions[0]}", json={"region": {"description": "new"}}).raise_for_status()
    found = command(sites, capsys, "compare", "west", "--kind", "region", code=1)
    assert found["kinds"] == {"region": 1}
    assert found["list"] == [{"kind": "region", "key": regions[0], "at": "both", "missed": False}]
    assert sites.agent().once() == []
    assert command(sites, capsys, "compare", "west")["differences"] == 0


def test_compare_refuses_what_it_can_not_compare(sites: Sites, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(sites, capsys, "compare", "east", code=2)["error"]["code"] == "config.invalid"
    assert command(sites, capsys, "compare", "atlantis", code=2)["error"]["hint"]
    assert command(sites, capsys, "compare", "west", "--kind", "teapot", code=2)["error"]


def test_a_sweep_finds_what_no_trigger_saw(
    sites: Sites, regions: list[str], east: httpx.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    by_hand(sites, "west", [f"UPDATE region SET description = 'by hand' WHERE id = '{regions[1]}'"])
    found = command(sites, capsys, "sweep", "west", "run")
    assert (found["sweep"]["found"], found["held"]) == (1, {})
    assert sites.agent().once() == []
    assert east.get(f"/regions/{regions[1]}").json()["region"]["description"] == "by hand"


def test_an_emptied_table_waits_for_a_person_and_comes_back(
    sites: Sites,
    regions: list[str],
    east: httpx.Client,
    west: httpx.Client,
    capsys: pytest.CaptureFixture[str],
) -> None:
    by_hand(sites, "west", ["DELETE FROM region WHERE id LIKE 'kept-%'"])
    found = command(sites, capsys, "sweep", "west", "run", code=1)
    assert found["held"] == {"region": 60}
    assert sites.agent().once() == []
    assert east.get(f"/regions/{regions[0]}").status_code == 200
    command(sites, capsys, "sweep", "west", "confirm", "--kind", "user", code=1)
    for action in ("discard", "confirm"):
        tried = command(sites, capsys, "sweep", "west", action, "--dry-run", code=1)
        assert (tried["decided"], tried["held"]) == (60, {"region": 60})
    assert command(sites, capsys, "sweep", "west", "discard", code=1)["decided"] == 60
    assert sites.agent().once() == []
    assert west.get(f"/regions/{regions[0]}").status_code == 200
    assert command(sites, capsys, "sweep", "west", "run")["held"] == {}
    assert command(sites, capsys, "compare", "west")["differences"] == 0


def test_an_emptied_table_that_was_meant_is_empty_everywhere(
    sites: Sites, regions: list[str], east: httpx.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    by_hand(sites, "west", ["DELETE FROM region WHERE id LIKE 'kept-%'"])
    command(sites, capsys, "sweep", "west", "run", code=1)
    assert command(sites, capsys, "sweep", "west", "confirm")["decided"] == 60
    assert sites.agent().once() == []
    assert east.get(f"/regions/{regions[0]}").status_code == 404


def test_a_round_of_upkeep_purges_what_all_have(sites: Sites, east: httpx.Client, west: httpx.Client) -> None:
    east.post("/regions", json={"region": {"id": "short-lived"}}).raise_for_status()
    assert sites.agent().once() == []
    east.delete("/regions/short-lived").raise_for_status()
    agent = sites.agent()
    assert agent.once() == []
    agent.gate.set()
    agent.upkeep.pause = 0.0
    agent.upkeep.round()
    assert [kept.error for kept in agent.upkeep.sites.values()] == ["", ""]
    body = {"tombstones": 0}
    assert east.post("/OS-SYNC/purge", json=body).json()["tombstones"] >= 1
    assert west.post("/OS-SYNC/purge", json=body).json()["tombstones"] >= 1
    assert sites.agent().once() == []
    assert east.post("/OS-SYNC/purge", json={}).status_code == 400
    assert east.post("/OS-SYNC/sweep", json={"limit": 0}).status_code == 400
    assert east.post("/OS-SYNC/sweep/held", json={"decision": "perhaps"}).status_code == 400
