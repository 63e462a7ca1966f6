"""MariaDB and PostgreSQL as they come: two changes to one user at the same moment are both there."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct import sql
from keystone_viaduct.config import DriverSettings, SqlSettings
from keystone_viaduct.drivers import counters
from tests.integration.drivers.sites import add_domain, new_user, site


def change_what_was_read(url: str, settings: SqlSettings) -> int:
    """Two transactions read a row and then add to it; what it holds at the end."""
    engine = sa.create_engine(url)
    sql.attach(engine, settings)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (id INT PRIMARY KEY, a INT)")
        connection.exec_driver_sql("INSERT INTO t VALUES (1, 0)")
    try:
        with engine.connect() as one, engine.connect() as other:
            read = [link.exec_driver_sql("SELECT a FROM t").scalar_one() for link in (one, other)]
            for link, value in zip((one, other), read, strict=True):
                link.exec_driver_sql(f"UPDATE t SET a = {value + 1}")
                link.commit()
        with engine.connect() as connection:
            return int(connection.exec_driver_sql("SELECT a FROM t").scalar_one())
    finally:
        engine.dispose()


@pytest.mark.mariadb
def test_the_second_transaction_is_refused(mariadb_url: str) -> None:
    with pytest.raises(sa.exc.OperationalError, match="1020"):
        change_what_was_read(mariadb_url, SqlSettings())


@pytest.mark.mariadb
def test_without_it_one_change_is_lost(mariadb_url: str) -> None:
    assert change_what_was_read(mariadb_url, SqlSettings(snapshot_isolation=False)) == 1


@pytest.mark.parametrize(
    "engine",
    [
        pytest.param("mariadb", marks=pytest.mark.mariadb),
        pytest.param("postgresql", marks=pytest.mark.postgresql),
    ],
)
def test_every_client_finds_its_own_field_in_the_user_that_all_of_them_change(
    keystone_database: Any, engine: str
) -> None:
    before = sum(counters.known().retries.values())
    with site(keystone_database(engine), DriverSettings(retry_deadline=60.0)) as world:
        add_domain(world)
        world.identity.create_user("hot", new_user("hot"))

        def client(number: int) -> None:
            for round_ in range(12):
                world.identity.update_user("hot", {f"field_{number}": round_})

        threads = [threading.Thread(target=client, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        user = world.identity.get_user("hot")
    assert [user.get(f"field_{number}") for number in range(6)] == [11] * 6
    assert sum(counters.known().retries.values()) > before


@pytest.mark.postgresql
def test_a_writer_that_has_read_what_another_changed_meanwhile_is_refused_and_run_again(
    keystone_database: Any,
) -> None:
    with site(keystone_database("postgresql"), DriverSettings()) as world:
        add_domain(world)
        world.identity.create_user("hot", new_user("hot"))
        applied: list[str] = []

        @sa.event.listens_for(world.engine, "before_cursor_execute")
        def apply(connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            if statement.startswith("UPDATE") and not applied:  # it has read, and has not written yet
                applied.append(statement)
                with sa.create_engine(world.engine.url).begin() as another_sites_edit:
                    another_sites_edit.exec_driver_sql('UPDATE "user" SET extra = \'{"far": 1}\'')

        world.identity.update_user("hot", {"near": 2})
        user = world.identity.get_user("hot")
    assert applied
    assert (user.get("far"), user.get("near")) == (1, 2)


@pytest.mark.postgresql
def test_readers_and_what_is_outside_of_any_scope_stay_at_the_servers_level(keystone_database: Any) -> None:
    with site(keystone_database("postgresql"), DriverSettings()) as world:
        add_domain(world)
        levels: set[tuple[str, str]] = set()

        @sa.event.listens_for(world.engine, "before_cursor_execute")
        def look(connection: Any, cursor: Any, statement: str, *_rest: Any) -> None:
            cursor.execute("SHOW transaction_isolation")
            levels.add((statement.split()[0], cursor.fetchone()[0]))

        world.identity.create_user("hot", new_user("hot"))
        world.identity.get_user("hot")
        with world.engine.connect() as connection:
            connection.exec_driver_sql("VALUES (1)")
    assert ("INSERT", "repeatable read") in levels
    assert {level for verb, level in levels if verb == "VALUES"} == {"read committed"}
    assert ("SELECT", "read committed") in levels
