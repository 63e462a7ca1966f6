"""What an operator sees of a fleet: its state, what is wrong, where a record is, lists in pages."""

from __future__ import annotations

import json
import uuid
from typing import Any

import httpx
import pytest

from keystone_viaduct.cli.main import main
from tests.integration.api.conftest import Sites
from tests.integration.api.test_conflicts import CONFLICTS, about, carry, contested
from tests.integration.api.test_replication import create_user

__all__ = ["contested"]
pytestmark = pytest.mark.keystone
Run = Any


@pytest.fixture
def viaduct(sites: Sites, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command with this fleet: exit code, and what it printed (parsed, of ``--format json``)."""

    def run(*arguments: str) -> tuple[int, Any]:
        capsys.readouterr()
        code = main([*arguments, "--config", str(sites.topology_file)])
        told = capsys.readouterr().out
        return code, json.loads(told) if "json" in arguments else told

    return run


def problems(told: dict[str, Any]) -> list[dict[str, str]]:
    """All but that the two have not the same keys of tokens yet: no agent is at work that carries these."""
    return [
        check for check in told["checks"] if check["status"] == "problem" and check["check"] != "rotation"
    ]


def test_the_state_of_the_fleet_is_on_one_screen(sites: Sites, viaduct: Run) -> None:
    carry(sites)
    _, told = viaduct("status", "--format", "json")
    assert problems(told) == []
    assert (told["hub"], told["term"]) == ("east", 1)
    east, west = told["sites"]["east"], told["sites"]["west"]
    assert (east["is_hub"], east["reached"], west["reached"], west["joined"]) == (True, True, True, True)
    assert [(link["source"], link["target"], link["behind"]) for link in told["links"]] == [
        ("west", "east", 0),
        ("east", "west", 0),
    ]
    assert told["agent"] is None and {keys["repository"] for keys in told["keys"]} >= {"tokens"}
    _, screen = viaduct("status")
    assert "hub east, term 1" in screen
    assert any(line.split()[:1] == ["west"] for line in screen.splitlines())


def test_what_a_site_lacks_is_counted_before_it_is_carried(
    sites: Sites, east: httpx.Client, viaduct: Run
) -> None:
    carry(sites)
    user = create_user(east, f"late-{uuid.uuid4().hex[:8]}")
    east.get(f"/OS-SYNC/records/user/{user}").raise_for_status()  # numbers it
    _, told = viaduct("status", "--format", "json")
    down = next(link for link in told["links"] if link["target"] == "west")
    assert down["behind"] > 0


def test_a_site_that_does_not_answer_is_a_problem_with_a_hint(sites: Sites, viaduct: Run) -> None:
    sites.keystones["west"].stop()
    try:
        code, told = viaduct("doctor", "--format", "json")
        (problem,) = problems(told)
        assert (code, problem["check"], problem["site"], bool(problem["hint"])) == (1, "reach", "west", True)
        code, text = viaduct("doctor")
        assert code == 1 and "✗ reach: west:" in text and "something is wrong" in text
        code, told = viaduct("status", "--format", "yaml")
        assert code == 1 and "reached: false" in told
    finally:
        sites.keystones["west"].start()
        sites.keystones["west"].wait_ready()
    assert problems(viaduct("doctor", "--format", "json")[1]) == []


def test_a_record_is_traced_by_its_name_and_by_its_id(sites: Sites, east: httpx.Client, viaduct: Run) -> None:
    name = f"anna-{uuid.uuid4().hex[:8]}"
    user = create_user(east, name)
    code, told = viaduct("trace", "user", name, "--format", "json")
    assert (code, told["same"], told["key"]) == (1, False, user)
    assert {site: at["state"] for site, at in told["sites"].items()} == {"east": "there", "west": "unknown"}
    carry(sites)
    code, told = viaduct("trace", "user", name, "--format", "json")
    assert (code, told["same"]) == (0, True)
    assert told["sites"]["east"]["digest"] == told["sites"]["west"]["digest"]
    code, text = viaduct("trace", "user", user)
    assert code == 0 and f"user/{user}: the same at every site" in text and "local.name" in text
    east.delete(f"/users/{user}").raise_for_status()
    carry(sites)
    code, told = viaduct("trace", "user", user, "--format", "json")
    assert (code, {at["state"] for at in told["sites"].values()}) == (0, {"deleted"})
    assert viaduct("trace", "user", "nobody-at-all", "--format", "json")[0] == 1


def test_one_name_of_several_records_is_asked_about(east: httpx.Client, viaduct: Run) -> None:
    name = f"twice-{uuid.uuid4().hex[:8]}"
    domain = east.post("/domains", json={"domain": {"name": f"d-{name}"}}).json()["domain"]["id"]
    keys = [
        east.post("/users", json={"user": {"name": name, "domain_id": where}}).json()["user"]["id"]
        for where in ("default", domain)
    ]
    code, told = viaduct("trace", "user", name, "--format", "json")
    assert code == 1
    assert sorted(record["key"] for record in told["records"]) == sorted(keys)


def test_a_resolution_that_is_only_tried_says_what_it_would_write_and_writes_nothing(
    sites: Sites, east: httpx.Client, contested: str, viaduct: Run
) -> None:
    conflict = about(east, contested)
    record = east.get(f"/OS-SYNC/records/user/{contested}").raise_for_status().json()
    place = f"{CONFLICTS}/{conflict['id']}/resolution"
    told = east.put(place, json={"action": "restore", "dry_run": True}).raise_for_status().json()
    (write,) = told["writes"]
    assert write == {
        "kind": "user",
        "key": contested,
        "does": "change",
        "fields": ["extra.description"],
    }
    assert east.get(f"/OS-SYNC/records/user/{contested}").json() == record
    assert about(east, contested)["resolution"] == ""
    prefix = conflict["id"][:12]
    code, text = viaduct("conflicts", "resolve", prefix, "--restore", "--dry-run")
    assert code == 0 and "would change user" in text and about(east, contested)["resolution"] == ""
    code, told = viaduct("conflicts", "resolve", prefix, "--restore", "--format", "json")
    assert (code, told["id"], told["resolution"]) == (0, conflict["id"], "restored")


def test_a_prefix_of_an_id_that_several_have_is_not_guessed_at(
    sites: Sites, east: httpx.Client, contested: str
) -> None:
    identifier = about(east, contested)["id"]
    assert east.get(f"{CONFLICTS}/{identifier[:3]}").status_code == 404, "too short to stand for an id"
    assert east.get(f"{CONFLICTS}/{identifier[:-1]}").json()["id"] == identifier


def test_conflicts_are_read_in_pages_and_by_what_they_are_about(
    sites: Sites, east: httpx.Client, contested: str
) -> None:
    whole = east.get(CONFLICTS, params={"limit": 1000}).json()["conflicts"]
    paged: list[dict[str, Any]] = []
    while True:
        marker = {"marker": paged[-1]["id"]} if paged else {}
        page = east.get(CONFLICTS, params={"limit": 1, **marker}).json()["conflicts"]
        if not page:
            break
        paged += page
    assert paged == whole
    mine = east.get(CONFLICTS, params={"kind": "user", "key": contested}).json()["conflicts"]
    assert mine == [one for one in whole if one["key"] == contested]
    assert east.get(CONFLICTS, params={"site": "nowhere"}).json()["conflicts"] == []
    assert east.get(CONFLICTS, params={"marker": "nothing"}).status_code == 404


def test_a_record_is_found_by_its_name_at_a_site(east: httpx.Client) -> None:
    name = f"found-{uuid.uuid4().hex[:8]}"
    user = create_user(east, name)
    found = east.get("/OS-SYNC/records", params={"name": name}).json()["records"]
    assert found == [{"kind": "user", "key": user, "name": name}]
    assert east.get("/OS-SYNC/records", params={"name": name, "kind": "role"}).json()["records"] == []
    assert east.get("/OS-SYNC/records", params={"name": name, "kind": "x"}).status_code == 404
    assert east.get("/OS-SYNC/records").status_code == 400


def test_who_holds_the_lease_is_told(sites: Sites, east: httpx.Client) -> None:
    agent = sites.agent()
    agent.lease.renew()
    try:
        told = east.get("/OS-SYNC/lease").raise_for_status().json()
        assert told["holder"] == agent.holder and told["until"] > 0
    finally:
        agent.lease.stop()
    assert east.get("/OS-SYNC/lease").json() == {"holder": "", "until": 0}
