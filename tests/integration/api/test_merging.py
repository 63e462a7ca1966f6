"""Two ids of one user become one over the API of two real Keystones."""

from __future__ import annotations

import json
import uuid

import httpx
import pytest

from keystone_viaduct.cli.main import main
from tests.integration.api.conftest import Sites
from tests.integration.api.test_replication import create_user

pytestmark = pytest.mark.keystone


def carry(sites: Sites) -> None:
    """Until both are equal."""
    assert sites.agent().once() == []


@pytest.fixture
def twins(sites: Sites, east: httpx.Client, west: httpx.Client) -> tuple[str, str]:
    """The ids of one person at the hub and at the spoke; the second has lost its name."""
    name = f"twin-{uuid.uuid4().hex[:8]}"
    ids = create_user(east, name), create_user(west, name)
    carry(sites)
    assert east.get(f"/users/{ids[1]}").json()["user"]["name"] == f"{name}~west"
    return ids


def role(client: httpx.Client) -> str:
    """A role that every Keystone has."""
    return str(client.get("/roles", params={"name": "reader"}).json()["roles"][0]["id"])


def merge(client: httpx.Client, kind: str, key: str, into: str) -> httpx.Response:
    return client.post("/OS-SYNC/merges", json={"kind": kind, "key": key, "into": into})


def test_a_merge_reaches_every_site_and_a_grant_made_meanwhile_follows(
    sites: Sites, east: httpx.Client, west: httpx.Client, twins: tuple[str, str]
) -> None:
    stays, goes = twins
    reader = role(west)
    west.put(f"/system/users/{goes}/roles/{reader}").raise_for_status()
    created = west.post(f"/users/{goes}/credentials/OS-EC2", json={"tenant_id": project(west)})
    access = created.raise_for_status().json()["credential"]["access"]
    carry(sites)
    answer = merge(east, "user", goes, stays)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["moved"], answer.json()["conflict"]["into"]) == (2, stays)
    assert "password_hash" not in answer.text
    west.put(f"/domains/default/users/{goes}/roles/{reader}").raise_for_status()
    carry(sites)
    for client in (east, west):
        assert client.get(f"/users/{goes}").status_code == 404
        assert client.head(f"/system/users/{stays}/roles/{reader}").status_code == 204
        assert client.head(f"/domains/default/users/{stays}/roles/{reader}").status_code == 204
        found = client.get(f"/users/{stays}/credentials/OS-EC2").json()["credentials"]
        assert access in [item["access"] for item in found]


def project(client: httpx.Client) -> str:
    """Any project of the default domain."""
    return str(client.get("/projects", params={"domain_id": "default"}).json()["projects"][0]["id"])


def test_bad_merges_are_refused(east: httpx.Client, west: httpx.Client, twins: tuple[str, str]) -> None:
    stays, goes = twins
    answers = {
        "a spoke": (merge(west, "user", goes, stays), 403),
        "nobody": (merge(east, "user", uuid.uuid4().hex, stays), 400),
        "itself": (merge(east, "user", stays, stays), 403),
        "a domain": (merge(east, "domain", "default", "default2"), 403),
        "no such kind": (merge(east, "cat", goes, stays), 400),
        "no key": (merge(east, "user", "", stays), 400),
    }
    assert {name: found.status_code for name, (found, _) in answers.items()} == {
        name: wanted for name, (_, wanted) in answers.items()
    }
    assert east.get(f"/users/{goes}").status_code == 200


def test_the_command_says_what_became_of_it(
    sites: Sites, twins: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    stays, goes = twins
    config = ["--config", str(sites.topology_file)]
    assert main(["merge", "user", goes, stays, "--json", *config]) == 0
    assert json.loads(capsys.readouterr().out)["conflict"]["key"] == goes
    assert main(["merge", "user", goes, stays, *config]) != 0
    assert "no user" in capsys.readouterr().err


def test_a_merge_is_undone_by_restoring_the_one_that_went(
    sites: Sites, east: httpx.Client, west: httpx.Client, twins: tuple[str, str]
) -> None:
    stays, goes = twins
    conflict = merge(east, "user", goes, stays).raise_for_status().json()["conflict"]
    carry(sites)
    assert west.get(f"/users/{goes}").status_code == 404
    path = f"/OS-SYNC/conflicts/{conflict['id']}/resolution"
    answer = east.put(path, json={"action": "restore"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["resolution"] == "restored"
    carry(sites)
    reader = role(west)
    west.put(f"/system/users/{goes}/roles/{reader}").raise_for_status()
    carry(sites)
    assert east.head(f"/system/users/{goes}/roles/{reader}").status_code == 204
    assert east.head(f"/system/users/{stays}/roles/{reader}").status_code == 404
