"""Many clients at the same few rows: no call fails for it, and no update is lost.

Without the wrapping the same storm fails, which is asserted too: otherwise it would show nothing.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest
import sqlalchemy as sa
from keystone import exception
from oslo_db import exception as db_exception

from keystone_viaduct.config import DriverSettings
from keystone_viaduct.drivers import counters
from tests.integration.drivers.sites import PLAIN, Site, add_domain, new_user, site

CLIENTS = 8
ROUNDS = 12
WRAPPED = DriverSettings(retry_deadline=60.0)


@pytest.fixture(
    params=[
        pytest.param(
            ("postgresql", "SERIALIZABLE"), marks=pytest.mark.postgresql, id="postgresql-serializable"
        ),
        pytest.param(("mariadb", "SERIALIZABLE"), marks=pytest.mark.mariadb, id="mariadb-serializable"),
    ]
)
def place(request: pytest.FixtureRequest, keystone_database: Any) -> tuple[str, str]:
    engine, level = request.param
    return keystone_database(engine), level


class Storm:
    """The same user, project and trust under all clients at once; each does the same things in turn."""

    def __init__(self, world: Site) -> None:
        self._world = world
        self.failures: Counter[str] = Counter()
        self._lock = threading.Lock()
        add_domain(world)
        world.identity.create_user("hot", new_user("hot"))
        world.identity.create_user("wrong", new_user("wrong"))
        world.identity.create_group("hot", {"id": "hot", "name": "hot", "domain_id": "default"})
        trust: dict[str, Any] = {"id": "hot", "trustor_user_id": "hot", "trustee_user_id": "hot"}
        trust |= {
            "project_id": "p",
            "impersonation": False,
            "remaining_uses": 100_000,
            "redelegation_count": 0,
        }
        world.trust.create_trust("hot", trust | {"expires_at": None}, [])

    def blow(self) -> None:
        """Run all clients to their end."""
        threads = [threading.Thread(target=self._client, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _client(self, number: int) -> None:
        for round_ in range(ROUNDS):
            name = f"{number}-{round_}"
            self._try(self._world.assignment.create_grant, name, user_id="hot", project_id="p")
            self._try(self._world.identity.update_user, "hot", {"description": name})
            self._try(self._world.identity.authenticate, "wrong", "wrong")
            self._try(self._world.trust.consume_use, "hot")
            self._try(self._world.identity.add_user_to_group, "hot", "hot")
            self._try(self._world.identity.create_user, f"u-{name}", new_user(f"name-{round_}"))
            if round_ % 2:
                self._try(self._world.assignment.delete_grant, name, user_id="hot", project_id="p")

    def _try(self, method: Any, *args: Any, **kwargs: Any) -> None:
        try:
            method(*args, **kwargs)
        except (exception.Conflict, AssertionError):
            return  # two of one name, a wrong password: right answers
        except (db_exception.DBError, sa.exc.DBAPIError, exception.Error) as error:
            with self._lock:
                self.failures[type(error).__name__] += 1


def scalar(world: Site, statement: str) -> Any:
    with world.engine.connect() as connection:
        return connection.execute(sa.text(statement)).scalar_one()


def test_wrapped_drivers_fail_no_call_and_lose_no_update(place: tuple[str, str]) -> None:
    url, level = place
    before = sum(counters.known().retries.values())
    with site(url, WRAPPED, level) as world:
        storm = Storm(world)
        storm.blow()
        assert storm.failures == Counter()
        assert sum(counters.known().retries.values()) > before
        uses = scalar(world, "SELECT remaining_uses FROM trust WHERE id = 'hot'")
        assert uses == 100_000 - CLIENTS * ROUNDS
        failed = scalar(world, "SELECT failed_auth_count FROM local_user WHERE user_id = 'wrong'")
        assert failed == CLIENTS * ROUNDS
        grants = scalar(world, "SELECT count(*) FROM assignment WHERE actor_id = 'hot'")
        assert grants == CLIENTS * ROUNDS // 2
        names = scalar(world, "SELECT count(*) FROM local_user WHERE name LIKE 'name-%'")
        assert names == ROUNDS


def test_the_same_storm_without_wrapping_fails(place: tuple[str, str]) -> None:
    url, level = place
    with site(url, PLAIN, level) as world:
        storm = Storm(world)
        storm.blow()
        assert sum(storm.failures.values()) > 0
