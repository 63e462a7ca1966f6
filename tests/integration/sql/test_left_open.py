"""Keystone 27 on SQLite: the query that it leaves open at each log-in stops no writer."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from keystone_viaduct.demo.keystones import Keystone, Keystones, SiteSpec
from keystone_viaduct.demo.scenario.place import Place
from tests.support.keystones import Release

pytestmark = [pytest.mark.keystone, pytest.mark.keystone27]

PROVIDER = {"auth_url": "https://sp.example/auth", "sp_url": "https://sp.example/sp", "enabled": True}


@pytest.fixture
def place(keystone27: Release, tmp_path: Path) -> Iterator[Place]:
    keys = {"viaduct": {"key_repository": str(tmp_path / "viaduct-keys")}}
    spec = SiteSpec("west", python=keystone27.bin / "python", options=keys, threads=4)
    with Keystones(tmp_path, [spec]) as running:
        yield Place(running["west"])


def test_logins_and_writes_at_once_never_meet_a_locked_database(place: Place) -> None:
    place.admin.put("/OS-FEDERATION/service_providers/elsewhere", service_provider=PROVIDER)

    def log_in_and_write(thread: int) -> list[str]:
        return [one_user(place.keystone, f"user-{thread}-{number}") for number in range(4)]

    with ThreadPoolExecutor(4) as pool:
        made = [name for names in pool.map(log_in_and_write, range(4)) for name in names]
    users = {user["name"] for user in place.admin.get("/users")["users"]}
    assert set(made) < users
    assert len(made) == 16
    assert "database is locked" not in place.keystone.layout.log.read_text()


def one_user(site: Keystone, name: str) -> str:
    """Made with a token of its own: its log-in reads the service providers."""
    made = Place(site).admin.post("/users", user={"name": name, "domain_id": "default"})
    return str(made["name"])
