"""Conflicts over the API of two real Keystones: listed, explained, kept or reversed."""

from __future__ import annotations

import json
import uuid
from typing import Any

import httpx
import pytest

from keystone_viaduct.cli.main import main
from tests.integration.api.conftest import Sites
from tests.integration.api.test_replication import create_user

pytestmark = pytest.mark.keystone
CONFLICTS = "/OS-SYNC/conflicts"


def carry(sites: Sites) -> None:
    """Until both are equal."""
    assert sites.agent().once() == []


def about(east: httpx.Client, key: str) -> dict[str, Any]:
    """The latest conflict about a record."""
    found = [c for c in east.get(CONFLICTS).json()["conflicts"] if c["key"] == key]
    assert found, f"nothing is listed about {key}"
    body: dict[str, Any] = east.get(f"{CONFLICTS}/{found[0]['id']}").json()
    return body


@pytest.fixture
def contested(sites: Sites, east: httpx.Client, west: httpx.Client) -> str:
    """A user whose description both sites changed without knowing of each other; the hub's stands."""
    user = create_user(east, f"contested-{uuid.uuid4().hex[:8]}")
    carry(sites)
    for client, text in ((east, "the hub's"), (west, "the spoke's")):
        client.patch(f"/users/{user}", json={"user": {"description": text}}).raise_for_status()
    carry(sites)
    assert west.get(f"/users/{user}").json()["user"]["description"] == "the hub's"
    return user


def test_what_lost_is_restored_at_every_site(
    sites: Sites, east: httpx.Client, west: httpx.Client, contested: str
) -> None:
    conflict = about(east, contested)
    assert conflict["lost"]["extra.description"] == "the spoke's"
    answer = east.put(f"{CONFLICTS}/{conflict['id']}/resolution", json={"action": "restore"})
    assert answer.json()["resolution"] == "restored", answer.text
    carry(sites)
    for client in (east, west):
        assert client.get(f"/users/{contested}").json()["user"]["description"] == "the spoke's"
    again = east.put(f"{CONFLICTS}/{conflict['id']}/resolution", json={"action": "keep"})
    assert (again.status_code, "already" in again.text) == (403, True)


def test_a_decision_that_is_kept_changes_no_record(east: httpx.Client, contested: str) -> None:
    conflict = about(east, contested)
    record = east.get(f"/OS-SYNC/records/user/{contested}").raise_for_status().json()
    answer = east.put(f"{CONFLICTS}/{conflict['id']}/resolution", json={"action": "keep"})
    assert (answer.json()["resolution"], answer.json()["open"]) == ("kept", False)
    assert east.get(f"/OS-SYNC/records/user/{contested}").json() == record


def test_a_grant_that_fell_with_its_user_comes_back_only_with_the_user(
    sites: Sites, east: httpx.Client, west: httpx.Client
) -> None:
    user = create_user(east, f"granted-{uuid.uuid4().hex[:8]}")
    role = east.get("/roles", params={"name": "reader"}).json()["roles"][0]["id"]
    carry(sites)
    west.put(f"/system/users/{user}/roles/{role}").raise_for_status()
    east.delete(f"/users/{user}").raise_for_status()
    carry(sites)
    listed = [c for c in east.get(CONFLICTS).json()["conflicts"] if user in c["key"] and c["key"] != user]
    assert listed, "the grant that was given to the deleted user is listed"
    answer = east.put(f"{CONFLICTS}/{listed[0]['id']}/resolution", json={"action": "restore"})
    assert answer.status_code == 403
    assert "not there" in answer.text
    assert not east.get(f"{CONFLICTS}/{listed[0]['id']}").json()["resolution"]


def test_a_spoke_resolves_nothing(west: httpx.Client, east: httpx.Client, contested: str) -> None:
    conflict = about(east, contested)
    answer = west.put(f"{CONFLICTS}/{conflict['id']}/resolution", json={"action": "keep"})
    assert answer.status_code == 403
    assert "not the hub" in answer.text


@pytest.mark.parametrize(
    ("identifier", "body", "status"),
    [("nothing", {"action": "keep"}, 404), ("nothing", {"action": "undo"}, 400), ("nothing", {}, 400)],
)
def test_a_bad_resolution_is_refused(
    east: httpx.Client, identifier: str, body: dict[str, str], status: int
) -> None:
    assert east.put(f"{CONFLICTS}/{identifier}/resolution", json=body).status_code == status


def test_the_command_lists_shows_and_resolves(
    sites: Sites, east: httpx.Client, contested: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ["--config", str(sites.topology_file)]
    assert main(["conflicts", "list", "--json", *config]) == 0
    listed = json.loads(capsys.readouterr().out)["conflicts"]
    conflict = next(c for c in listed if c["key"] == contested)
    assert main(["conflicts", "show", conflict["id"], *config]) == 0
    shown = capsys.readouterr().out
    assert "the spoke's" in shown and "west" in shown
    assert main(["conflicts", "resolve", conflict["id"], *config]) == 2
    assert "--keep, --restore or --withdraw" in capsys.readouterr().err
    assert main(["conflicts", "resolve", conflict["id"], "--restore", *config]) == 0
    assert east.get(f"/users/{contested}").json()["user"]["description"] == "the spoke's"


def test_all_that_was_refused_to_a_site_is_left_as_decided(
    sites: Sites, east: httpx.Client, west: httpx.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ["--config", str(sites.topology_file)]
    wanted = ["conflicts", "resolve", "--all-refused", "west"]
    assert main([*wanted, *config]) == 2 and main(["conflicts", "--all-refused", "west", *config]) == 2
    assert "--all-refused SITE --keep" in capsys.readouterr().err
    assert main([*wanted, "--keep", *config]) == 0
    assert "0 refused changes of west" in capsys.readouterr().out
    answer = west.post("/OS-SYNC/conflicts", json={"keep_refused": "west"})
    assert answer.status_code == 403, answer.text
    assert east.post("/OS-SYNC/conflicts", json={}).status_code == 400


def test_a_name_that_is_taken_is_restored_as_another(
    sites: Sites, east: httpx.Client, west: httpx.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"twice-{uuid.uuid4().hex[:8]}"
    create_user(east, name)
    loser = create_user(west, name)
    carry(sites)
    conflict = about(east, loser)
    resolve = ["conflicts", "resolve", conflict["id"], "--config", str(sites.topology_file)]
    assert main([*resolve, "--restore"]) != 0
    assert "--as NAME" in capsys.readouterr().err
    assert main([*resolve, "--keep", "--as", f"{name}-west"]) == 2
    assert main([*resolve, "--restore", "--as", f"{name}-west"]) == 0
    carry(sites)
    for client in (east, west):
        assert client.get(f"/users/{loser}").json()["user"]["name"] == f"{name}-west"
    answer = east.put(f"{CONFLICTS}/nothing/resolution", json={"action": "keep", "name": "n"})
    assert answer.status_code == 400
