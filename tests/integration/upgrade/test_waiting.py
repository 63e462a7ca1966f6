"""DDL while others read and write: who waits, and for how long."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future

import pytest
import sqlalchemy as sa

from keystone_viaduct.errors import TableBusy, UpgradeRefused
from keystone_viaduct.upgrade.ddl import Budget, LiveDatabase, dialect_for, open_database
from keystone_viaduct.upgrade.ddl.mysql_running import MySQLRunning
from keystone_viaduct.upgrade.operations import ReplaceColumns
from keystone_viaduct.upgrade.steps import Lock, Observation, Seen, Statement
from tests.bridges.declared import DECLARED
from tests.support.upgrades import make_table
from tests.upgrades.waits import Requests, phases, prepared, reader, under_a_reader

BRIDGE = next(item.bridge for item in DECLARED if item.operation == "rename column")
LONGEST = 1.0
"""Seconds: far above what a statement may wait (on a busy machine too), far below its patience."""


@pytest.fixture
def server_url(database_url: str) -> str:
    """On the engines that have readers and writers at the same time."""
    if database_url.startswith("sqlite"):
        pytest.skip("SQLite has one writer, and readers wait for nobody")
    return database_url


class Watch:
    """Reads and writes the table all the time; ``worst`` is the longest that one of them took."""

    def __init__(self, url: str) -> None:
        self.engine = sa.create_engine(url, pool_size=2)
        self.worst = 0.0
        self.requests = 0
        self.refused: list[str] = []
        self._stop = threading.Event()
        with self.engine.connect() as connection:
            connection.execute(sa.text("SELECT 1"))
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.is_set():
            begun = time.monotonic()
            try:
                with self.engine.begin() as connection:
                    connection.execute(sa.text("SELECT count(*) FROM thing"))
                    connection.execute(sa.text("UPDATE thing SET login = 'x' WHERE id = 'k1'"))
            except sa.exc.OperationalError as error:
                self.refused.append(str(error.orig))
            self.worst = max(self.worst, time.monotonic() - begun)
            self.requests += 1
            self._stop.wait(0.005)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.engine.dispose()


def statements(database: LiveDatabase) -> list[Statement]:
    steps = ReplaceColumns(BRIDGE).steps(database.server())
    dialect = dialect_for(database.server())
    return [item for change in steps.expand for item in dialect.statements(change, database.server())]  # type: ignore[union-attr]


def run_all(database: LiveDatabase, found: list[Statement]) -> None:
    for item in found:
        database.run(item)


def test_nobody_waits_behind_a_statement_that_cannot_have_its_table(server_url: str) -> None:
    make_table(server_url, BRIDGE, [{"id": "k1", "login": "a"}])
    database = open_database(server_url, Budget(wait=0.2, patience=4.0))
    first = statements(database)[0]
    with reader(server_url), Watch(server_url) as watch:
        with pytest.raises(TableBusy, match="thing was in use") as caught:
            database.run(first)
    assert watch.requests > 4 and watch.worst < LONGEST and not watch.refused
    assert "end them" in caught.value.hint and first.sql in str(caught.value)
    assert not database.observe(first.done)
    database.close()


def test_it_goes_through_once_the_reader_is_done(server_url: str) -> None:
    make_table(server_url, BRIDGE, [{"id": "k1", "login": "a"}])
    database = open_database(server_url, Budget(wait=0.2, patience=30.0))
    found = statements(database)
    with Watch(server_url) as watch:
        with reader(server_url):
            runner = threading.Thread(target=run_all, args=(database, found))
            runner.start()
            runner.join(2.0)
            assert runner.is_alive()
        runner.join(30)
    assert all(database.observe(item.done) for item in found)
    assert watch.worst < LONGEST
    # MySQL has no DDL that does not wait, and takes a writer for the victim when it has read before
    assert len(watch.refused) <= (3 if database.server().engine == "mysql" else 0)
    database.close()


def test_what_would_stop_writers_is_refused_before_it_is_tried(database_url: str) -> None:
    make_table(database_url, BRIDGE, [])
    database = open_database(database_url)
    there = Observation(Seen.COLUMN, "thing", "extra")
    stopping = Statement("ALTER TABLE thing ADD COLUMN extra INTEGER", "thing", Lock.WRITES_WAIT, there)
    with pytest.raises(UpgradeRefused, match="stand still"):
        database.run(stopping)
    assert not database.observe(there)
    allowed = open_database(database_url, stopping_allowed=True)
    allowed.run(stopping)
    assert database.observe(there)
    database.close()
    allowed.close()


def test_triggers_keep_the_settings_that_we_pin_whatever_the_server_has(server_url: str) -> None:
    database = open_database(server_url)
    if database.engine.dialect.name != "mysql":
        pytest.skip("only MariaDB and MySQL keep a session's settings with a trigger")
    make_table(server_url, BRIDGE, [])
    url = sa.engine.make_url(server_url).update_query_dict({"init_command": "SET SESSION sql_mode=''"})
    loose = open_database(url.render_as_string(hide_password=False))
    for item in statements(loose):
        loose.run(item)
    assert all(database.observe(item.done) for item in statements(loose))
    with database.engine.begin() as connection:
        drop = "DROP TRIGGER viaduct_b_thing_account_upd"
        connection.exec_driver_sql(drop)
        connection.exec_driver_sql("SET SESSION sql_mode = ''")
        armed = next(item for item in statements(loose) if "account_upd" in item.sql)
        connection.exec_driver_sql(armed.sql, execution_options={"no_parameters": True})
    assert not database.observe(armed.done)
    database.close()
    loose.close()


def test_mysql_asks_for_a_table_once_more_in_the_same_packet(
    server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody may take it between our look and our statement: a writer that has read would be the victim."""
    make_table(server_url, BRIDGE, [{"id": "k1", "login": "a"}])
    database = open_database(server_url, Budget(wait=0.2, patience=1.0))
    if database.server().engine != "mysql":
        pytest.skip("only MySQL makes a writer the victim, and shows who holds a table")
    monkeypatch.setattr(database, "is_held", lambda table: False)
    first = statements(database)[0]
    with reader(server_url), Watch(server_url) as watch, pytest.raises(TableBusy):
        database.run(first)
    assert watch.requests and not watch.refused
    database.run(first)
    assert database.observe(first.done)
    database.close()


@pytest.mark.parametrize("lock", [Lock.ONLINE, Lock.BRIEF])
def test_mariadb_waits_only_where_a_build_would_be_lost_again(
    server_url: str, lock: Lock, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_table(server_url, BRIDGE, [])
    database = open_database(server_url, Budget(wait=0.1, patience=1.0))
    assert isinstance(database, MySQLRunning) or not server_url.startswith("mysql")
    if database.server().engine != "mariadb" or not isinstance(database, MySQLRunning):
        pytest.skip("the others wait anyway")
    database.built_after = -1.0  # every loss is one of something that took long
    waits: list[int] = []
    kept = database._killer
    monkeypatch.setattr(database, "_killer", lambda number: waits.append(number) or kept(number))  # type: ignore[func-returns-value]
    there = Observation(Seen.INDEX, "thing", "by_note")
    build = Statement("ALTER TABLE thing ADD INDEX by_note (note)", "thing", lock, there)
    with reader(server_url), pytest.raises(TableBusy):
        database.run(build)
    assert bool(waits) is (lock is Lock.ONLINE)
    waits.clear()
    database.run(build)
    assert database.observe(there) and not waits, "another statement begins without waiting"
    database.close()


@pytest.mark.parametrize("wanted", ["expand", "contract", "rollback"])
def test_requests_go_on_while_a_phase_waits_for_a_reader(server_url: str, wanted: str) -> None:
    """How long one takes, `make test-upgrade-waits` measures; here only that none waits for the reader."""
    made = prepared(server_url, rows=5)
    requests = Requests()

    def held(phase: Future[object]) -> None:
        assert requests.wait_for(30) and not phase.done()

    with made.runner() as runner:
        for name, (work, column) in phases(runner, going_back=wanted == "rollback").items():
            if name == wanted:
                under_a_reader(server_url, work, requests, column, held)
                break
            work()
    assert len(requests.failed) <= (3 if made.database.engine.dialect.name == "mysql" else 0)
