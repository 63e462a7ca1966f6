"""Who gets in."""

from __future__ import annotations

import httpx
import pytest

from tests.integration.api.conftest import Sites

pytestmark = pytest.mark.keystone
SYNC = "/OS-SYNC"


@pytest.fixture
def auditor(sites: Sites, east: httpx.Client) -> str:
    """A user's id with no role at all."""
    user = east.post("/users", json={"user": {"name": "auditor", "password": "pw", "domain_id": "default"}})
    return str(user.json()["user"]["id"])


def test_a_reader_of_the_system_is_refused_and_an_administrator_not_until_the_password_changes(
    sites: Sites, east: httpx.Client, auditor: str
) -> None:
    roles = {role["name"]: role["id"] for role in east.get("/roles").json()["roles"]}
    east.put(f"/system/users/{auditor}/roles/{roles['reader']}").raise_for_status()
    url = f"{sites.url('east')}{SYNC}"

    def call() -> httpx.Response:
        return httpx.get(url, headers={"X-Auth-Token": token})

    token = sites.token("east", {"system": {"all": True}}, "auditor", "pw")
    refused = call()
    assert refused.status_code == 403
    assert refused.json()["error"]["viaduct"]["code"] == "sync.scope"
    assert "sync:get_capabilities" in refused.json()["error"]["message"]

    east.put(f"/system/users/{auditor}/roles/{roles['admin']}").raise_for_status()
    token = sites.token("east", {"system": {"all": True}}, "auditor", "pw")
    assert call().status_code == 200
    assert call().status_code == 200  # remembered
    east.patch(f"/users/{auditor}", json={"user": {"password": "other"}}).raise_for_status()
    assert call().status_code == 401
