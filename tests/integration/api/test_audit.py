"""The audit trail of two real sites."""

from __future__ import annotations

import json

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
