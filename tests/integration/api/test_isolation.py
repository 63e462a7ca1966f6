"""``[viaduct] refuse_after`` at real Keystones: a spoke that is cut off, and a hub that never is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
import requests
import sqlalchemy as sa

from keystone_viaduct.demo.keystones import ADMIN_PASSWORD, Keystone
from tests.integration.fleet.pair import Pair, joined, spec

pytestmark = pytest.mark.keystone

LIMIT = 60.0
PATIENCE = 60.0
HOUR = 3_600_000_000
SYSTEM = {"system": {"all": True}}
PROJECT = {"project": {"name": "admin", "domain": {"id": "default"}}}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("isolation")
    options = {"refuse_after": str(LIMIT)}
    with joined(
        folder, spec("east", folder, options=options), spec("west", folder, options=options)
    ) as found:
        yield found


def log_in(site: Keystone, scope: object) -> requests.Response:
    """Ask for a token by the administrator's password."""
    user = {"name": "admin", "domain": {"id": "default"}, "password": ADMIN_PASSWORD}
    identity = {"methods": ["password"], "password": {"user": user}}
    body = {"auth": {"identity": identity, "scope": scope}}
    return requests.post(f"{site.url}/auth/tokens", json=body, timeout=PATIENCE)


def validate(site: Keystone, token: str) -> requests.Response:
    """Ask who shows this token, as a service does."""
    shown = {"X-Auth-Token": token, "X-Subject-Token": token}
    return requests.get(f"{site.url}/auth/tokens", headers=shown, timeout=PATIENCE)


def long_ago(site: Keystone) -> None:
    """Let the site have heard of its hub an hour earlier than it has."""
    with sa.create_engine(site.database_url, poolclass=sa.pool.NullPool).begin() as connection:
        connection.execute(sa.text("UPDATE viaduct_site SET caught_up = caught_up - :hour"), {"hour": HOUR})


def catch_up(pair: Pair) -> None:
    """As the agent does when there is no news."""
    pair.link.down.confirm = True
    pair.carry(pair.link.down)
    pair.link.down.confirm = False


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether it becomes true; a process looks at its database every few seconds."""
    pause = threading.Event()
    return any(condition() or pause.wait(0.5) for _ in range(int(PATIENCE / 0.5)))


def test_a_spoke_that_is_cut_off_refuses_tokens_until_it_has_caught_up(pair: Pair) -> None:
    west = pair.spoke.keystone
    pair.sync()
    catch_up(pair)
    token = log_in(west, PROJECT).headers["X-Subject-Token"]
    assert validate(west, token).status_code == 200

    long_ago(west)
    assert eventually(lambda: validate(west, token).status_code == 503)
    refused = validate(west, token)
    assert int(refused.headers["Retry-After"]) > 0
    assert "has not heard from its hub" in refused.json()["error"]["message"]
    assert log_in(west, PROJECT).status_code == 503

    system = log_in(west, SYSTEM)
    assert system.status_code == 201
    headers = {"X-Auth-Token": system.headers["X-Subject-Token"]}
    assert requests.get(f"{west.url}/OS-SYNC", headers=headers, timeout=PATIENCE).status_code == 200
    assert requests.get(f"{west.url}/users", headers=headers, timeout=PATIENCE).status_code == 503
    assert requests.get(west.url, timeout=PATIENCE).status_code == 200

    catch_up(pair)
    assert eventually(lambda: validate(west, token).status_code == 200)
    assert log_in(west, PROJECT).status_code == 201


def test_the_hub_refuses_nothing(pair: Pair) -> None:
    east = pair.hub.keystone
    with sa.create_engine(east.database_url, poolclass=sa.pool.NullPool).begin() as connection:
        connection.execute(sa.text("UPDATE viaduct_site SET caught_up = 1"))
    restarted = log_in(east, PROJECT)
    assert restarted.status_code == 201
    assert validate(east, restarted.headers["X-Subject-Token"]).status_code == 200
