"""The hub is moved, and lost, in a fleet of three real Keystones; nobody edits viaduct.yaml."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from keystone_viaduct.cli.main import main
from keystone_viaduct.sync.agent.agent import Failure
from keystone_viaduct.sync.agent.following import follow_hub
from tests.integration.api.conftest import Sites
from tests.integration.api.test_replication import create_user

pytestmark = pytest.mark.keystone
NAMES = ("east", "west", "south")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    """Three sites of one fleet; east is the hub of its first term, whatever the tests make of it."""
    found = Sites(tmp_path_factory.mktemp("promotion"), NAMES)
    try:
        found.start()
        assert found.agent().once() == []
        yield found
    finally:
        found.stop()


def carry(fleet: Sites) -> list[Failure]:
    """What an agent with the file as it is does, once."""
    return follow_hub(fleet.topology()).settle().once()


def promote(fleet: Sites, *arguments: str) -> int:
    """The command's exit code."""
    return main(["promote", *arguments, "--config", str(fleet.topology_file)])


def office(fleet: Sites, name: str) -> dict[str, Any]:
    """What the site says of the hub."""
    with fleet.client(name) as client:
        found: dict[str, Any] = client.get("/OS-SYNC/hub").raise_for_status().json()
    return found


def status(fleet: Sites, name: str) -> dict[str, Any]:
    """What `viaduct status` says there."""
    found: dict[str, Any] = json.loads(
        fleet.keystones[name].run("keystone_viaduct.cli.main", "status", "--json")
    )
    return found


def edit(fleet: Sites, name: str, user: str) -> str:
    """A user made there; its id."""
    with fleet.client(name) as client:
        return create_user(client, user)


def holders(fleet: Sites, user: str) -> list[str]:
    """Where that user is there."""

    def found(name: str) -> bool:
        with fleet.client(name) as client:
            return client.get(f"/users/{user}").status_code == httpx.codes.OK

    return [name for name in NAMES if found(name)]


def equal(fleet: Sites, hub: str) -> bool:
    """Whether every other site holds just what the hub does."""
    others = [name for name in NAMES if name != hub]
    return all(main(["compare", name, "--config", str(fleet.topology_file)]) == 0 for name in others)


def clash(fleet: Sites, *names: str) -> str:
    """A user whose description these sites changed without knowing of each other; its id."""
    user = edit(fleet, names[0], "contested")
    assert carry(fleet) == []
    for name in names:
        with fleet.client(name) as client:
            change = {"user": {"description": f"by {name}", "password": f"secret of {name}"}}
            client.patch(f"/users/{user}", json=change).raise_for_status()
    assert carry(fleet) == []
    return user


def listed(fleet: Sites, name: str, user: str) -> list[dict[str, Any]]:
    """The conflicts about that user which the site knows of, with what was lost."""
    with fleet.client(name) as client:
        found = client.get("/OS-SYNC/conflicts").raise_for_status().json()["conflicts"]
        ids = [row["id"] for row in found if row["key"] == user]
        return [client.get(f"/OS-SYNC/conflicts/{row}").raise_for_status().json() for row in ids]


def test_the_hub_is_moved_and_everybody_goes_on(fleet: Sites, capsys: pytest.CaptureFixture[str]) -> None:
    before = edit(fleet, "east", "before-the-move")
    contested = clash(fleet, "east", "west")
    decided = listed(fleet, "east", contested)
    assert any(row["lost_secrets"] and "passwords" in row["lost_secrets"] for row in decided)
    assert promote(fleet, "west", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["site"], told["term"], told["former"]) == ("west", 2, "east")
    assert listed(fleet, "west", contested) == decided
    (row, *_) = decided
    assert main(["conflicts", "resolve", row["id"], "--keep", "--config", str(fleet.topology_file)]) == 0
    users = [before, edit(fleet, "east", "at-the-old-hub"), edit(fleet, "south", "at-a-spoke")]
    users.append(edit(fleet, "west", "at-the-new-hub"))
    assert carry(fleet) == []
    assert {name: office(fleet, name)["hub"] for name in NAMES} == dict.fromkeys(NAMES, "west")
    assert [holders(fleet, user) for user in users] == [list(NAMES)] * 4
    assert equal(fleet, "west")
    resolved = listed(fleet, "west", contested)
    assert [listed(fleet, name, contested) for name in NAMES] == [resolved] * 3
    assert resolved[0]["resolution"] == "kept"
    assert promote(fleet, "west") == 1
    assert "is the hub already" in capsys.readouterr().err


def test_a_lost_hub_is_replaced_and_returns_as_a_spoke(
    fleet: Sites, capsys: pytest.CaptureFixture[str]
) -> None:
    assert office(fleet, "west")["hub"] == "west"
    alone = edit(fleet, "west", "only-at-the-lost-hub")
    fleet.keystones["west"].kill()
    assert promote(fleet, "south") == 1
    assert "--force" in capsys.readouterr().err
    assert promote(fleet, "south", "--force") == 0
    shown = status(fleet, "south")
    assert (shown["hub"], shown["term"], shown["former"]) == ("south", 3, "west")
    assert shown["not_met"] == ["east", "west"]
    users = [edit(fleet, "east", "meanwhile-at-a-spoke"), edit(fleet, "south", "meanwhile-at-the-hub")]
    assert {failure.lane for failure in carry(fleet)} == {"west-south", "south-west"}
    assert office(fleet, "east")["hub"] == "south"
    fleet.keystones["west"].start()
    fleet.keystones["west"].wait_ready()
    assert carry(fleet) == []
    assert [holders(fleet, user) for user in [alone, *users]] == [list(NAMES)] * 3
    assert equal(fleet, "south")
    assert (office(fleet, "west")["hub"], office(fleet, "west")["term"]) == ("south", 3)
