"""A Keystone whose site is cut off from the cluster, and those at the other sites."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from keystone_viaduct.testing.galera import Galera
from tests.support.served import ADMIN_PASSWORD, Keystone, serving

pytestmark = [pytest.mark.galera, pytest.mark.keystone]


class Administrator:
    """A client of one Keystone, logged in."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=60)
        self.login().raise_for_status()

    def login(self) -> httpx.Response:
        domain = {"id": "default"}
        user = {"name": "admin", "domain": domain, "password": ADMIN_PASSWORD}
        identity = {"methods": ["password"], "password": {"user": user}}
        scope = {"project": {"name": "admin", "domain": domain}}
        answer = self.http.post("/auth/tokens", json={"auth": {"identity": identity, "scope": scope}})
        if answer.is_success:
            self.http.headers["X-Auth-Token"] = answer.headers["X-Subject-Token"]
        return answer

    def create(self, name: str) -> httpx.Response:
        body: dict[str, Any] = {"user": {"name": name, "domain_id": "default", "password": "p"}}
        return self.http.post("/users", json=body)

    def names(self) -> set[str]:
        answer = self.http.get("/users")
        answer.raise_for_status()
        return {user["name"] for user in answer.json()["users"]}


@pytest.fixture
def two(cluster: Galera, database: str, tmp_path: Path) -> Iterator[list[Keystone]]:
    """Keystones at the sites 1 and 3."""
    urls = [cluster.url(site, database) for site in (1, 3)]
    with serving(tmp_path, urls, {}, workers=1) as sites:
        yield sites


def test_it_answers_503_at_once_while_the_others_go_on_and_then_has_what_it_missed(
    cluster: Galera, two: list[Keystone]
) -> None:
    majority, alone = (Administrator(site.url) for site in two)
    cluster.cut(3)
    cluster.wait_size(3, 1)
    seconds = []
    for number in range(4):
        begun = time.monotonic()
        answer = [alone.create(f"alone-{number}"), alone.http.get("/users"), alone.login()][number % 3]
        seconds.append((time.monotonic() - begun) / 3)
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.headers["x-openstack-request-id"].startswith("req-")
        assert answer.json()["error"]["code"] == 503
    assert max(seconds[1:]) < 0.5, "only the first request waits"
    cluster.wait_size(1, 2)
    assert majority.create("meanwhile").status_code == 201
    cluster.heal(3)
    cluster.wait(cluster.sites)
    assert alone.create("again").status_code == 201
    assert {"meanwhile", "again"} <= alone.names()
    assert not any(name.startswith("alone") for name in alone.names())


def test_one_that_is_started_while_cut_off_answers_503_at_once_and_serves_when_the_road_is_open(
    cluster: Galera, two: list[Keystone]
) -> None:
    alone = two[1]
    alone.stop()
    cluster.cut(3)
    cluster.wait_size(3, 1)
    alone.start()
    alone.wait_ready()
    http = httpx.Client(base_url=alone.url, headers={"X-Auth-Token": "gAAAAA"}, timeout=60)
    begun = time.monotonic()
    body = {
        "auth": {"identity": {"methods": ["password"], "password": {"user": {"id": "u", "password": "p"}}}}
    }
    answers = [http.post("/auth/tokens", json=body, headers={"X-Auth-Token": ""}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 503]
    assert time.monotonic() - begun < 10
    cluster.heal(3)
    cluster.wait(cluster.sites)
    assert Administrator(alone.url).create("served").status_code == 201


@pytest.fixture
def reading_alone(cluster: Galera, database: str, tmp_path: Path) -> Iterator[Keystone]:
    """A Keystone at site 3 that may read while it is cut off."""
    options = {"viaduct": {"galera_dirty_reads": "true", "galera_sync_wait": "1"}}
    with serving(tmp_path, [cluster.url(3, database)], options, workers=1) as sites:
        yield sites[0]


def test_with_dirty_reads_it_goes_on_to_read_and_to_issue_tokens(
    cluster: Galera, reading_alone: Keystone
) -> None:
    alone = Administrator(reading_alone.url)
    assert alone.create("before").status_code == 201
    cluster.cut(3)
    cluster.wait_size(3, 1)
    assert "before" in alone.names()
    assert alone.login().status_code == 201
    subject = {"X-Subject-Token": alone.http.headers["X-Auth-Token"]}
    assert alone.http.get("/auth/tokens", headers=subject).status_code == 200
    refused = alone.create("meanwhile")
    assert refused.status_code == 503
    reading_alone.stop()
    reading_alone.start()
    reading_alone.wait_ready()
    assert Administrator(reading_alone.url).names() == alone.names()
