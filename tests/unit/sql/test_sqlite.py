"""SQLite: writers wait for their turn at BEGIN, readers never wait."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from oslo_db import exception as db_exception
from oslo_db.sqlalchemy import enginefacade
from sqlalchemy import event

from keystone_viaduct.config import SqlSettings
from keystone_viaduct.drivers import scope
from keystone_viaduct.sql import installer, sqlite, sqlite_pool


class Context:
    """What oslo.db hangs its scopes on."""


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch) -> Any:
    local = threading.local()
    original = scope.current
    monkeypatch.setattr(scope, "current", lambda _context=None: original(local))
    return local


def make_manager(path: Path, settings: SqlSettings) -> Any:
    installer.register()
    manager = enginefacade.transaction_context()
    manager.configure(connection=f"sqlite:///{path}")
    manager.append_on_engine_create(lambda engine: sqlite.attach(engine, settings))
    return manager


@pytest.fixture
def manager(tmp_path: Path) -> Any:
    path = tmp_path / "keystone.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE counter (id INTEGER PRIMARY KEY, value INTEGER)")
        connection.execute("INSERT INTO counter VALUES (1, 0)")
    return make_manager(path, SqlSettings(sqlite_busy_timeout=20.0))


def statements_of(manager: Any) -> list[str]:
    seen: list[str] = []
    event.listen(
        manager.writer.get_engine(),
        "after_cursor_execute",
        lambda _connection, _cursor, statement, *_rest: seen.append(statement),
    )
    return seen


def test_a_writer_scope_begins_immediately(manager: Any, context: Any) -> None:
    seen = statements_of(manager)
    with manager.writer.using(context) as session:
        session.execute(sa.text("SELECT 1"))
    assert seen[0] == "BEGIN IMMEDIATE"


def test_a_reader_scope_begins_deferred(manager: Any, context: Any) -> None:
    seen = statements_of(manager)
    with manager.reader.using(context) as session:
        session.execute(sa.text("SELECT 1"))
    assert seen[0] == "BEGIN"


def test_a_transaction_outside_of_scopes_begins_deferred_and_can_write(manager: Any, context: Any) -> None:
    seen = statements_of(manager)
    with manager.writer.get_engine().begin() as connection:
        connection.execute(sa.text("UPDATE counter SET value = 5"))
    with manager.reader.using(context) as session:
        assert session.execute(sa.text("SELECT value FROM counter")).scalar() == 5
    assert [text for text in seen if text.startswith("BEGIN")] == ["BEGIN", "BEGIN"]


def test_a_query_that_runs_after_its_scope_keeps_no_writer_waiting(
    context: Any, manager: Any, tmp_path: Path
) -> None:
    """As Keystone 27 runs the one for the service providers of a token."""
    hasty = make_manager(tmp_path / "keystone.db", SqlSettings(sqlite_busy_timeout=0.01))
    with hasty.reader.using(context) as session:
        query = session.query(sa.table("counter", sa.column("value")))
    assert [row.value for row in query] == [0]
    assert session.in_transaction()
    with hasty.writer.using(context) as writing:
        writing.execute(sa.text("UPDATE counter SET value = 7"))
    assert sqlite3.connect(tmp_path / "keystone.db").execute("SELECT value FROM counter").fetchone() == (7,)


def test_the_file_is_in_write_ahead_mode_and_its_log_outlives_the_last_connection(
    manager: Any, context: Any, tmp_path: Path
) -> None:
    with manager.writer.using(context) as session:
        session.execute(sa.text("UPDATE counter SET value = 1"))
    assert sqlite3.connect(tmp_path / "keystone.db").execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert (tmp_path / "keystone.db-wal").stat().st_size > 0


def test_without_the_option_the_journal_stays(tmp_path: Path, context: Any) -> None:
    manager = make_manager(tmp_path / "plain.db", SqlSettings(sqlite_wal=False))
    with manager.writer.using(context) as session:
        assert session.execute(sa.text("PRAGMA journal_mode")).scalar() == "delete"


def test_a_database_in_memory_has_no_journal(context: Any) -> None:
    manager = enginefacade.transaction_context()
    manager.configure(connection="sqlite://")
    manager.append_on_engine_create(lambda engine: sqlite.attach(engine, SqlSettings()))
    with manager.writer.using(context) as session:
        assert session.execute(sa.text("SELECT 1")).scalar() == 1


def test_a_lock_that_is_not_given_up_in_time_is_a_deadlock_for_oslo_db(
    manager: Any, context: Any, tmp_path: Path
) -> None:
    hasty = make_manager(tmp_path / "keystone.db", SqlSettings(sqlite_busy_timeout=0.01))
    other = sqlite3.connect(tmp_path / "keystone.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(db_exception.DBDeadlock), hasty.writer.using(context) as session:
        session.execute(sa.text("UPDATE counter SET value = 2"))
    other.close()


def test_threads_that_read_and_then_write_lose_no_update(manager: Any, context: Any, tmp_path: Path) -> None:
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(25):
                with manager.writer.using(context) as session:
                    value = session.execute(sa.text("SELECT value FROM counter")).scalar()
                    session.execute(sa.text("UPDATE counter SET value = :value"), {"value": value + 1})
                with manager.reader.using(context) as session:
                    session.execute(sa.text("SELECT value FROM counter")).scalar()
        except db_exception.DBError as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sqlite3.connect(tmp_path / "keystone.db").execute("SELECT value FROM counter").fetchone() == (100,)


def connections_of(manager: Any) -> list[Any]:
    made: list[Any] = []
    event.listen(manager.writer.get_engine(), "connect", lambda connection, _record: made.append(connection))
    return made


def value_of(manager: Any, context: Any) -> Any:
    with manager.reader.using(context) as session:
        return session.execute(sa.text("SELECT value FROM counter")).scalar()


def test_a_connection_serves_one_transaction_after_the_other(manager: Any, context: Any) -> None:
    made = connections_of(manager)
    for _ in range(5):
        with manager.writer.using(context) as session:
            session.execute(sa.text("UPDATE counter SET value = value + 1"))
    assert value_of(manager, context) == 5
    assert len(made) == 1
    assert made[0].execute("PRAGMA busy_timeout").fetchone() == (20_000,)


def test_more_threads_than_kept_connections_each_have_one(manager: Any, context: Any) -> None:
    made = connections_of(manager)
    inside = threading.Barrier(sqlite_pool.KEPT + 3, timeout=20)

    def work() -> None:
        with manager.reader.using(context) as session:
            session.execute(sa.text("SELECT 1"))
            inside.wait()

    threads = [threading.Thread(target=work) for _ in range(sqlite_pool.KEPT + 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == sqlite_pool.KEPT + 3
    assert value_of(manager, context) == 0


def test_a_file_that_was_replaced_is_opened_anew(manager: Any, context: Any, tmp_path: Path) -> None:
    assert value_of(manager, context) == 0
    backup = tmp_path / "backup.db"
    with sqlite3.connect(backup) as connection:
        connection.execute("CREATE TABLE counter (id INTEGER PRIMARY KEY, value INTEGER)")
        connection.execute("INSERT INTO counter VALUES (1, 42)")
    connection.close()
    for suffix in ("-wal", "-shm"):
        (tmp_path / f"keystone.db{suffix}").unlink()
    backup.replace(tmp_path / "keystone.db")
    assert value_of(manager, context) == 42


def test_what_a_failed_transaction_leaves_is_rolled_back(manager: Any, context: Any) -> None:
    made = connections_of(manager)

    def write_and_fail() -> None:
        with manager.writer.using(context) as session:
            session.execute(sa.text("UPDATE counter SET value = 9"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    assert value_of(manager, context) == 0
    assert len(made) == 1


def test_a_forked_process_has_connections_of_its_own(manager: Any, context: Any) -> None:
    assert value_of(manager, context) == 0
    parents = manager.writer.get_engine().pool
    child = os.fork()
    if child == 0:
        made = connections_of(manager)
        os._exit(0 if value_of(manager, context) == 0 and len(made) == 1 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert parents.checkedin() == 1
    assert value_of(manager, context) == 0
