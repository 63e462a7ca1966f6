"""Marks of a record that somebody holds at every moment: the worker queues for its rows as writers do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.clock import SystemClock
from keystone_viaduct.upgrade import repair
from keystone_viaduct.upgrade.marks import MARKS
from keystone_viaduct.upgrade.move import OLD
from keystone_viaduct.upgrade.repair import Repairer
from keystone_viaduct.upgrade.settling import MoveSettler
from tests.bridges.across.declared import Moved
from tests.integration.upgrade.test_moves import SEVERAL, SINGLE, held, prepared, server_url, writing
from tests.support.upgrades import Site

__all__ = ["server_url"]
WAITING = {
    "postgresql": "SELECT COUNT(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'",
    "mysql": "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'",
}
WAITING["mariadb"] = WAITING["mysql"]
#: Seconds from look to look: InnoDB shows the same for 0.1 s after each, so more often is never.
LOOK = 0.12
#: Seconds after which somebody who waits for his turn has been forgotten.
FORGOTTEN = 20.0


@contextmanager
def never_free(made: Site, statement: str) -> Iterator[None]:
    """Two writers of one row: each lets it go only when somebody waits for it."""
    stop, begun = threading.Event(), threading.Event()
    writers = [threading.Thread(target=_hold, args=(made, statement, stop, begun)) for _ in range(2)]
    for writer in writers:
        writer.start()
    assert begun.wait(FORGOTTEN)
    try:
        yield
    finally:
        stop.set()
        for writer in writers:
            writer.join()


def _hold(made: Site, statement: str, stop: threading.Event, begun: threading.Event) -> None:
    engine = sa.create_engine(made.url, poolclass=sa.pool.NullPool)
    waiting = WAITING[made.database.server().engine]
    with engine.connect() as connection, engine.connect() as watcher:
        while not stop.is_set():
            with connection.begin():
                connection.exec_driver_sql(statement)
                begun.set()
                while not stop.is_set() and not _count(watcher, waiting):
                    stop.wait(LOOK)


def _count(connection: sa.Connection, query: str) -> int:
    with connection.begin():
        return int(connection.exec_driver_sql(query).scalar_one())


#: A parent with several children whose child is busy goes row by row; the others are shorter ways.
CASES = [
    pytest.param(moved, busy, id=f"{moved.operation}, {busy}", marks=[pytest.mark.slow] if slow else [])
    for moved, busy, slow in (
        (SEVERAL, "old", False),
        (SEVERAL, "new", True),
        (SINGLE, "old", True),
        (SINGLE, "new", True),
    )
]


@pytest.mark.parametrize(("moved", "busy"), CASES)
def test_a_row_that_is_never_free_is_waited_for_in_the_queue(
    server_url: str, moved: Moved, busy: str
) -> None:
    move = moved.move
    made, tables = prepared(server_url, moved)
    old, new = move.tables
    keys = {move.parent.name: "p1", move.child.name: "c1x0"}
    with made.runner() as runner:
        runner.expand()
        runner.migrate()
    with writing(made, f"UPDATE {new.name} SET note = 'held' WHERE id = '{keys[new.name]}'"):
        made.run(f"UPDATE {old.name} SET mail = 'moved' WHERE id = '{keys[old.name]}'")
    with made.database.engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(MARKS)).scalar_one()
    table = old if busy == "old" else new
    worker = Repairer(made.database.engine, SystemClock(), [move], patience=FORGOTTEN)
    with never_free(made, f"UPDATE {table.name} SET note = 'again' WHERE id = '{keys[table.name]}'"):
        assert worker.settle() == 0
    worker.close()
    found = {row["new.email"] for row in held(made, tables, moved) if row["id"] == "p1"}
    assert found == {"moved"}


class Busy(Repairer):
    """A worker during whose every step somebody leaves another mark."""

    steps = 0

    def _batch(self, groups: Any, done: Any) -> None:
        super()._batch(groups, done)
        self.steps += 1
        assert self.steps < 10, "the pass does not end"
        _mark(self._engine)


def _mark(engine: sa.engine.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.insert(MARKS).values(bridge="several", side=OLD, record="p1"))


def test_a_pass_ends_however_fast_new_marks_come(database_url: str) -> None:
    """Or what was busy would never come again."""
    made, _ = prepared(database_url, SEVERAL)
    with made.runner() as runner:
        runner.expand()
    _mark(made.database.engine)
    worker = Busy(made.database.engine, SystemClock(), [SEVERAL.move])
    assert worker.once().settled == 1
    assert (worker.steps, worker.open()) == (1, 1)
    worker.close()


def test_a_record_that_can_not_be_settled_after_a_wait_is_named_and_stops_no_other(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = prepared(database_url, SEVERAL)
    with made.runner() as runner:
        runner.expand()
    _mark(made.database.engine)
    monkeypatch.setattr(MoveSettler, "settle", lambda *_: False)
    monkeypatch.setattr(repair, "_CONTENDED", 0.0)

    def odd(*_: object) -> bool:
        raise ValueError("it is odd")

    monkeypatch.setattr(MoveSettler, "settle_contended", odd)
    worker = Repairer(made.database.engine, SystemClock(), [SEVERAL.move])
    assert worker.once().failed == {"several p1": "it is odd"}
    monkeypatch.undo()
    assert worker.once().settled == 1
    worker.close()
