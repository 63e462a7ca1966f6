"""Fewer messages to the database, with the same results."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from oslo_db.exception import DBDuplicateEntry
from oslo_db.sqlalchemy import enginefacade

from keystone_viaduct.config import SqlSettings
from keystone_viaduct.drivers import scope
from keystone_viaduct.sql import installer


class World:
    """An engine facade whose scopes are those that the hooks look at."""

    def __init__(self, url: str, settings: SqlSettings) -> None:
        installer.register()
        self.context = threading.local()
        self.manager = enginefacade.transaction_context()
        self.manager.configure(connection=url, max_retries=0)
        self.manager.append_on_engine_create(lambda engine: installer.attach(engine, settings))
        self.engine = self.manager.writer.get_engine()
        with self.engine.begin() as connection:
            connection.execute(sa.text("CREATE TABLE seen (id INTEGER PRIMARY KEY)"))

    def reader(self) -> Any:
        return self.manager.reader.using(self.context)

    def writer(self) -> Any:
        return self.manager.writer.using(self.context)

    def count(self) -> int:
        with self.engine.connect() as connection:
            return int(connection.execute(sa.text("SELECT count(*) FROM seen")).scalar_one())


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    made: list[World] = []
    original = scope.current
    monkeypatch.setattr(scope, "current", lambda: original(made[-1].context) if made else scope.Scope.NONE)

    def world(url: str, **settings: Any) -> World:
        made.append(World(url, SqlSettings(**settings)))
        return made[-1]

    yield world
    for one in made:
        one.engine.dispose()


XID = "SELECT pg_current_xact_id()::text"


@pytest.mark.postgresql
def test_statements_of_a_reader_are_transactions_of_their_own(make: Any, postgresql_url: str) -> None:
    world = make(postgresql_url)
    with world.reader() as session:
        first, second = (session.execute(sa.text(XID)).scalar_one() for _ in range(2))
    assert first != second
    with world.writer() as session:
        first, second = (session.execute(sa.text(XID)).scalar_one() for _ in range(2))
    assert first == second


@pytest.mark.postgresql
def test_a_transaction_that_the_driver_has_begun_before_is_left_alone(make: Any, postgresql_url: str) -> None:
    """oslo.db asks connections whether they are alive in there before SQLAlchemy 2.0.5 (Keystone 24)."""
    world = make(postgresql_url)

    @sa.event.listens_for(world.engine, "engine_connect")
    def ask(connection: sa.engine.Connection) -> None:
        cursor = connection.connection.cursor()
        cursor.execute("SELECT 1")
        cursor.close()

    for scope_of in (world.reader, world.writer, world.reader):
        with scope_of() as session:
            assert session.execute(sa.text("SELECT count(*) FROM seen")).scalar_one() == 0


@pytest.mark.postgresql
@pytest.mark.parametrize("level", ["SERIALIZABLE", "REPEATABLE READ"])
def test_readers_of_stricter_levels_keep_their_transaction(
    make: Any, postgresql_url: str, level: str
) -> None:
    world = make(postgresql_url, isolation_level=level)
    with world.reader() as session:
        assert session.execute(sa.text("SHOW transaction_isolation")).scalar_one() == level.lower()
        first, second = (session.execute(sa.text(XID)).scalar_one() for _ in range(2))
    assert first == second


@pytest.mark.postgresql
def test_a_write_in_a_reader_is_rolled_back_as_ever(make: Any, postgresql_url: str) -> None:
    world = make(postgresql_url)
    with world.reader() as session:
        session.execute(sa.text("SELECT 1"))
        session.execute(sa.text("INSERT INTO seen VALUES (1)"))
        assert session.execute(sa.text("SELECT count(*) FROM seen")).scalar_one() == 1
    assert world.count() == 0
    with world.writer() as session:
        session.execute(sa.text("INSERT INTO seen VALUES (1)"))
    assert world.count() == 1


@pytest.mark.postgresql
def test_a_writer_after_a_reader_on_the_same_connection_can_roll_back(make: Any, postgresql_url: str) -> None:
    world = make(postgresql_url)
    with world.reader() as session:
        session.execute(sa.text("SELECT 1"))

    def write_twice() -> None:
        with world.writer() as session:
            for _ in range(2):
                session.execute(sa.text("INSERT INTO seen VALUES (1)"))

    with pytest.raises(DBDuplicateEntry):
        write_twice()
    assert world.count() == 0
