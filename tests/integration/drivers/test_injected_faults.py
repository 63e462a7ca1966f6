"""A connection that is lost at any statement, before a commit or after it: every write is there exactly once.

The fault is a real one: the server ends the session of the connection in use. When that happens between the
commit and its answer the client cannot tell it from a commit that never arrived.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from keystone import exception
from sqlalchemy import event

from keystone_viaduct.config import DriverSettings
from keystone_viaduct.drivers import counters
from tests.integration.drivers.sites import Site, add_domain, new_user, site

WRAPPED = DriverSettings(retry_first_delay=0.001, retry_max_delay=0.002)
KILL = {
    "postgresql": ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend({})"),
    "mysql": ("SELECT CONNECTION_ID()", "KILL CONNECTION {}"),
}


@pytest.fixture(
    params=[
        pytest.param("postgresql", marks=pytest.mark.postgresql),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
    ]
)
def world(request: pytest.FixtureRequest, keystone_database: Any) -> Iterator[Site]:
    with site(keystone_database(request.param), WRAPPED) as made:
        add_domain(made)
        yield made


class Saboteur:
    """Ends the session in use at the ``number``-th statement, or ``before`` or ``after`` the commit."""

    def __init__(self, engine: sa.engine.Engine, kind: str, number: int) -> None:
        self._engine = engine
        self._kind = kind
        self._left = number
        self._admin = sa.create_engine(engine.url, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
        self.struck = False

    def statement(self, connection: Any, *_rest: Any) -> None:
        """Listener of ``before_cursor_execute``."""
        if self._kind == "statement":
            self._strike(connection)

    def commit(self, connection: Any) -> None:
        """Listener of ``commit``."""
        if self._kind == "before":
            self._strike(connection)
        elif self._kind == "after" and self._left == 1 and not self.struck:
            connection.connection.dbapi_connection.commit()
            self._strike(connection)
        elif self._kind == "after":
            self._left -= 1

    def _strike(self, connection: Any) -> None:
        self._left -= 1
        if self._left or self.struck:
            return
        self.struck = True
        ask, kill = KILL[self._engine.dialect.name]
        cursor = connection.connection.dbapi_connection.cursor()
        cursor.execute(ask)
        (session,) = cursor.fetchone()
        with self._admin.connect() as admin:
            admin.exec_driver_sql(kill.format(session))


@contextmanager
def sabotage(world: Site, kind: str, number: int) -> Iterator[Saboteur]:
    saboteur = Saboteur(world.engine, kind, number)
    event.listen(world.engine, "before_cursor_execute", saboteur.statement)
    event.listen(world.engine, "commit", saboteur.commit)
    try:
        yield saboteur
    finally:
        event.remove(world.engine, "before_cursor_execute", saboteur.statement)
        event.remove(world.engine, "commit", saboteur.commit)


def everywhere(world: Site, work: Callable[[str], None]) -> int:
    """Do ``work`` (given a fresh name) with the fault at each statement and each side of each commit."""
    struck = 0
    for kind in ("statement", "before", "after"):
        number = 1
        while True:
            with sabotage(world, kind, number) as saboteur:
                work(f"{kind}{number}")
            if not saboteur.struck:
                break
            struck += 1
            number += 1
    return struck


def rows(world: Site, statement: str, **parameters: Any) -> list[Any]:
    unharmed = sa.create_engine(world.engine.url, poolclass=sa.pool.NullPool)
    with unharmed.connect() as connection:
        return list(connection.execute(sa.text(statement), parameters))


def test_a_user_is_created_once(world: Site) -> None:
    def create(name: str) -> None:
        assert world.identity.create_user(name, new_user(name))["name"] == name
        assert len(rows(world, "SELECT id FROM local_user WHERE name = :name", name=name)) == 1

    assert everywhere(world, create) >= 4
    assert counters.known().outcomes["resolved"] >= 1


def test_a_user_is_deleted_once(world: Site) -> None:
    for number in range(20):
        for kind in ("statement", "before", "after"):
            world.identity.create_user(f"{kind}{number}", new_user(f"{kind}{number}"))

    def delete(name: str) -> None:
        world.identity.delete_user(name)
        with pytest.raises(exception.UserNotFound):
            world.identity.get_user(name)

    assert everywhere(world, delete) >= 4


def test_a_password_is_changed_once(world: Site) -> None:
    import keystone.conf

    keystone.conf.CONF.set_override("unique_last_password_count", 5, "security_compliance")

    def change(name: str) -> None:
        world.identity.create_user(f"u-{name}", new_user(f"u-{name}"))
        world.identity.change_password(f"u-{name}", "second")
        assert world.identity.authenticate(f"u-{name}", "second")["id"] == f"u-{name}"
        query = (
            "SELECT p.id FROM password p JOIN local_user l ON l.id = p.local_user_id WHERE l.user_id = :user"
        )
        assert len(rows(world, query, user=f"u-{name}")) == 2

    try:
        assert everywhere(world, change) >= 4
    finally:
        keystone.conf.CONF.clear_override("unique_last_password_count", "security_compliance")


def test_a_wrong_password_is_counted_once(world: Site) -> None:
    names = iter(range(1000))

    def fail(_name: str) -> None:
        user = f"w{next(names)}"
        world.identity.create_user(user, new_user(user))
        with pytest.raises(AssertionError):
            world.identity.authenticate(user, "wrong")
        query = "SELECT failed_auth_count FROM local_user WHERE user_id = :user"
        assert rows(world, query, user=user) == [(1,)]

    assert everywhere(world, fail) >= 4


def test_a_trust_is_used_once(world: Site) -> None:
    def use(name: str) -> None:
        trust: dict[str, Any] = {
            "id": name,
            "trustor_user_id": name,
            "trustee_user_id": name,
            "project_id": None,
        }
        trust |= {"impersonation": False, "remaining_uses": 3, "redelegation_count": 0, "expires_at": None}
        world.trust.create_trust(name, dict(trust), [])
        world.trust.consume_use(name)
        assert rows(world, "SELECT remaining_uses FROM trust WHERE id = :id", id=name) == [(2,)]

    assert everywhere(world, use) >= 4


def test_a_grant_is_given_and_taken_once(world: Site) -> None:
    def grant(name: str) -> None:
        world.assignment.create_grant(name, user_id="u", project_id="p")
        assert world.assignment.list_grant_role_ids(user_id="u", project_id="p") == [name]
        world.assignment.delete_grant(name, user_id="u", project_id="p")
        assert world.assignment.list_grant_role_ids(user_id="u", project_id="p") == []

    assert everywhere(world, grant) >= 4


def test_a_role_with_options_keeps_them(world: Site) -> None:
    def create(name: str) -> None:
        role = {"id": name, "name": name, "domain_id": "default", "options": {"immutable": True}}
        world.role.create_role(name, role)
        assert world.role.get_role(name)["options"] == {"immutable": True}

    assert everywhere(world, create) >= 4


def test_a_renamed_region_and_a_second_of_the_same_id(world: Site) -> None:
    def create(name: str) -> None:
        world.catalog.create_region({"id": name, "description": "ours", "parent_region_id": None})
        with pytest.raises(exception.Conflict):
            world.catalog.create_region({"id": name, "description": "ours", "parent_region_id": None})
        assert rows(world, "SELECT description FROM region WHERE id = :id", id=name) == [("ours",)]

    assert everywhere(world, create) >= 4


def test_a_pooled_connection_that_died_unasked_is_replaced(world: Site) -> None:
    world.identity.create_user("u", new_user("u"))
    ask, kill = KILL[world.engine.dialect.name]
    with world.engine.connect() as connection:
        session = connection.exec_driver_sql(ask).scalar_one()
    admin = sa.create_engine(world.engine.url, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
    with admin.connect() as other:
        other.exec_driver_sql(kill.format(session))
    assert world.identity.get_user("u")["name"] == "u"
