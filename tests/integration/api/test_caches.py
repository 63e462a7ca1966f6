"""What a site has cached it serves no longer than it holds: changes by other sites and by SQL count, too."""

from __future__ import annotations

import uuid
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from tests.integration.api.conftest import Sites, running

pytestmark = pytest.mark.keystone


def test_an_id_that_was_moved_by_sql_is_served_by_no_cache_once_it_is_numbered(tmp_path: Path) -> None:
    """At the site where that was done as at the other; Keystone's managers know nothing of it."""
    with running(tmp_path, cached=True) as sites, sites.client("east") as east, sites.client("west") as west:
        body = {"user": {"name": "moved", "domain_id": "default", "password": "secret"}}
        old = str(east.post("/users", json=body).json()["user"]["id"])
        new = uuid.uuid4().hex
        assert sites.agent().once() == []
        for site in (east, west):
            assert (site.get(f"/users/{old}").status_code, found(site)) == (200, [old])
        move(sites, old, new)
        assert east.get(f"/users/{old}").status_code == 200, "there is a cache"
        assert sites.agent().once() == []
        for site in (east, west):
            assert (site.get(f"/users/{old}").status_code, found(site)) == (404, [new])
            assert site.get(f"/users/{new}").status_code == 200


def found(site: httpx.Client) -> list[str]:
    """The ids of that name."""
    users = site.get("/users", params={"name": "moved", "domain_id": "default"}).json()["users"]
    return [user["id"] for user in users]


def move(sites: Sites, old: str, new: str) -> None:
    """As a script does it, in the tables alone."""
    engine = sa.create_engine(sites.keystones["east"].database_url)
    with engine.begin() as connection:
        for table, column in (("local_user", "user_id"), ("user", "id")):
            statement = f"UPDATE {table} SET {column} = :new WHERE {column} = :old"
            connection.execute(sa.text(statement), {"new": new, "old": old})
    engine.dispose()
