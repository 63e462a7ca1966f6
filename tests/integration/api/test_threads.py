"""Many requests at once, in many threads of one process: each is served by the token that it brings."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.integration.api.conftest import Sites

pytestmark = pytest.mark.keystone
REQUESTS = 100


def test_requests_at_once_do_not_lend_each_other_their_tokens(sites: Sites, west: httpx.Client) -> None:
    """An application credential gets the roles of the token: beside an administrator it was asked for his."""
    account = {"name": "just-a-member", "password": "x", "domain_id": "default"}
    user = west.post("/users", json={"user": account}).json()["user"]["id"]
    project = west.post("/projects", json={"project": {"name": "of-members", "domain_id": "default"}})
    member = west.get("/roles?name=member").json()["roles"][0]["id"]
    grant = f"/projects/{project.json()['project']['id']}/users/{user}/roles/{member}"
    west.put(grant).raise_for_status()
    scope = {"project": {"name": "of-members", "domain": {"id": "default"}}}
    token = sites.token("west", scope, "just-a-member", "x")
    path = f"{sites.url('west')}/users/{user}/application_credentials"

    def create(number: int) -> str:
        body = {"application_credential": {"name": f"number {number}"}}
        answer = httpx.post(path, json=body, headers={"X-Auth-Token": token}, timeout=60, trust_env=False)
        if answer.status_code != 201:
            return answer.text
        return " ".join(sorted(role["name"] for role in answer.json()["application_credential"]["roles"]))

    def look(number: int) -> int:
        return west.get("/users").status_code

    with ThreadPoolExecutor(8) as pool:
        roles, seen = (pool.map(what, range(REQUESTS)) for what in (create, look))
        found = Counter(roles), Counter(seen)
    assert found == (Counter({"member reader": REQUESTS}), Counter({200: REQUESTS}))
