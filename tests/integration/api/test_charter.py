"""The charter over the API of real Keystones: written at the hub, carried by the agent, set by command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from keystone_viaduct.cli.main import main
from tests.integration.api.conftest import Sites

pytestmark = pytest.mark.keystone

CHARTER = "/OS-SYNC/charter"
RULES = {"policies": [{"policy": "latest", "kinds": ["region"]}]}


@pytest.fixture
def edition(east: httpx.Client) -> Iterator[list[int]]:
    """The edition at the hub; afterwards the charter has no rules again."""
    yield east.get(CHARTER).json()["edition"]
    last = east.get(CHARTER).json()["edition"]
    assert east.put(CHARTER, json={"edition": last}).status_code == 200


def test_a_charter_written_at_the_hub_reaches_the_spoke(
    sites: Sites, east: httpx.Client, west: httpx.Client, edition: list[int]
) -> None:
    answer = east.put(CHARTER, json={"edition": edition, **RULES})
    assert answer.status_code == 200, answer.text
    assert answer.json()["edition"] == [edition[0] or 1, edition[1] + 1]
    assert sites.agent().once() == []
    assert west.get(CHARTER).json() == east.get(CHARTER).json() == answer.json()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"edition": [9, 9]}, 403),
        ({"edition": [0, 0], "coverages": {"west": {"kinds": ["usr"]}}}, 400),
        ({"edition": "1"}, 400),
        ([], 400),
    ],
)
def test_a_bad_charter_changes_nothing(
    east: httpx.Client, edition: list[int], body: object, status: int
) -> None:
    before = east.get(CHARTER).json()
    answer = east.put(CHARTER, json=body)
    assert answer.status_code == status
    assert "hint" in answer.text
    assert east.get(CHARTER).json() == before


def test_a_spoke_writes_no_charter(west: httpx.Client) -> None:
    answer = west.put(CHARTER, json=west.get(CHARTER).json())
    assert answer.status_code == 403
    assert "not the hub" in answer.text


def test_the_command_sets_what_it_shows(
    sites: Sites, edition: list[int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ["--config", str(sites.topology_file)]
    assert main(["charter", "show", "--json", *config]) == 0
    shown = json.loads(capsys.readouterr().out)
    file = tmp_path / "charter.yaml"
    file.write_text(json.dumps({**shown, **RULES}))
    assert main(["charter", "set", str(file), "--json", *config]) == 0
    written = json.loads(capsys.readouterr().out)
    assert written["policies"] == RULES["policies"]
    assert main(["charter", "set", str(file), *config]) == 1  # another edition is there now
    assert "read it again" in capsys.readouterr().err
