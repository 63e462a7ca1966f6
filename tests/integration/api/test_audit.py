"""The audit trail of two real sites."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from keystone_viaduct.cli.main import main
from tests.integration.api.conftest import Sites

pytestmark = pytest.mark.keystone
CHARTER = "/OS-SYNC/charter"


def test_who_changed_the_charter_and_how_it_was_is_written_down(
    sites: Sites, east: httpx.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    before = east.get(CHARTER).json()
    body = {**before, "policies": [{"policy": "latest", "kinds": ["region"], "domains": "all"}]}
    assert east.put(CHARTER, json={**body, "delegations": {"west": {}}}).status_code == 400
    after = east.put(CHARTER, json=body).raise_for_status().json()
    found = east.get("/OS-SYNC/audit", params={"limit": 1}).json()["audit"]
    me = east.get("/users", params={"name": "admin"}).json()["users"][0]["id"]
    (entry,) = found
    assert (entry["action"], entry["target"], entry["actor"]) == ("put_charter", "charter", me)
    assert entry["address"] == "127.0.0.1" and (entry["old"], entry["new"]) == (before, after)
    again = {**body, "edition": after["edition"], "policies": []}
    east.put(CHARTER, json=again).raise_for_status()
    config = ["--config", str(sites.topology_file)]
    assert main(["audit", "--limit", "2", "--json", *config]) == 0
    listed = json.loads(capsys.readouterr().out)["audit"]
    assert [row["action"] for row in listed] == ["put_charter", "put_charter"] and listed[1] == entry
    assert main(["audit", *config]) == 0 and "put_charter" in capsys.readouterr().out
    assert main(["audit", "--site", "west", *config]) == 0


def test_what_is_only_read_or_refused_leaves_no_row(east: httpx.Client) -> None:
    before = east.get("/OS-SYNC/audit").json()["audit"]
    assert east.get(CHARTER).status_code == 200
    assert east.put(CHARTER, json={"edition": [99, 99]}).status_code == 403
    assert east.delete("/OS-SYNC/records/user/nobody").status_code == 404
    assert east.get("/OS-SYNC/audit").json()["audit"] == before
    assert east.get("/OS-SYNC/audit", params={"limit": "0"}).status_code == 400


_HEARD = re.compile(r"oslo\.messaging\.notification\.\S+ .*?(\{.*\})")


def heard(sites: Sites, site: str, deed: Callable[[], object]) -> list[dict[str, Any]]:
    """What a site's Keystone puts on its message bus while something is done."""
    log = sites.keystones[site].layout.log
    before = log.stat().st_size
    deed()
    with log.open("rb") as file:
        file.seek(before)
        lines = file.read().decode().splitlines()
    return [json.loads(found[1]) for line in lines if (found := _HEARD.search(line))]


def test_a_collector_of_keystones_notifications_hears_who_changed_the_charter(
    sites: Sites, east: httpx.Client
) -> None:
    me = east.get("/users", params={"name": "admin"}).json()["users"][0]["id"]
    charter = east.get(CHARTER).json()
    (own,) = heard(sites, "east", lambda: east.post("/regions", json={"region": {}}).raise_for_status())
    (ours,) = heard(sites, "east", lambda: east.put(CHARTER, json=charter).raise_for_status())
    assert own["event_type"] == "identity.region.created"
    assert ours["event_type"] == "identity.OS-SYNC:put_charter.updated"
    event = ours["payload"]
    assert (event["typeURI"], event["eventType"]) == (own["payload"]["typeURI"], "activity")
    assert (event["action"], event["outcome"]) == ("updated.OS-SYNC:put_charter", "success")
    assert event["target"]["id"] == "charter"
    assert event["initiator"]["user_id"] == me == own["payload"]["initiator"]["user_id"]
    assert event["initiator"]["host"]["address"] == "127.0.0.1"
    assert event["observer"] == own["payload"]["observer"]
    assert ours["publisher_id"] == own["publisher_id"]


def test_a_change_from_another_site_is_told_as_such_and_what_is_refused_is_not(
    sites: Sites, east: httpx.Client, west: httpx.Client
) -> None:
    made = west.post("/regions", json={"region": {}}).raise_for_status().json()["region"]["id"]
    told = heard(sites, "east", lambda: sites.agent().once())
    (event,) = (one for one in told if one["payload"].get("resource_info") == made)
    assert event["event_type"] == "identity.region.created"
    assert event["payload"]["replicated"] is True and event["payload"]["replicated_from"] == "west"
    assert heard(sites, "east", lambda: east.put(CHARTER, json={"edition": [99, 99]})) == []
