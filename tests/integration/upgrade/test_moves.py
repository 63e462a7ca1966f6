"""Columns that move to another table: an upgrade from its plan to its contract, or back, on every engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from keystone_viaduct.clock import SystemClock
from keystone_viaduct.errors import LeaseHeld, UpgradeRefused
from keystone_viaduct.upgrade.expression import Scalar, same
from keystone_viaduct.upgrade.marks import MARKS
from keystone_viaduct.upgrade.move import NEW, OLD
from keystone_viaduct.upgrade.operations import MoveColumn
from keystone_viaduct.upgrade.ports import MARKED
from keystone_viaduct.upgrade.repair import Repairer
from keystone_viaduct.upgrade.steps import State
from tests.bridges.across.declared import MOVED, Moved
from tests.support.moves import Tables, Values, make_old, pairs
from tests.support.upgrades import Site, site

BY_NAME = {item.operation: item for item in MOVED}
SINGLE, SEVERAL = BY_NAME["move column 1:1 to child"], BY_NAME["move column 1:n to parent"]


def prepared(url: str, moved: Moved, *, each: int = 2) -> tuple[Site, Tables]:
    """The old shape with rows in it, and an upgrade to the new one."""
    move = moved.move
    number = max(len(moved.values[column.name]) for column in move.old)
    rows: list[Values] = []
    for index in range(number):
        row: dict[str, Scalar] = {}
        for column in move.old:
            given = [item for item in moved.values[column.name] if item is not None or column.nullable]
            row[column.name] = given[index % len(given)]
        rows.append(row)
    made = make_old(url, move, rows, each=each if move.many else 1)
    return site(url, MoveColumn(move)), made


def held(made: Site, tables: Tables, moved: Moved) -> list[Values]:
    """All pairs."""
    with made.database.engine.connect() as connection:
        return pairs(connection, tables, moved.move)


@contextmanager
def writing(made: Site, statement: str) -> Iterator[None]:
    """A transaction that has written, and stays open."""
    engine = sa.create_engine(made.url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection, connection.begin():
        connection.exec_driver_sql(statement)
        yield


class Later:
    """A clock by which leases of now have run out."""

    def now(self) -> int:
        """An hour on."""
        return SystemClock().now() + 3_600_000_000


@pytest.fixture
def server_url(database_url: str) -> str:
    """On the engines that have several writers at the same time."""
    if database_url.startswith("sqlite"):
        pytest.skip("SQLite has one writer")
    return database_url


QUICK = ("single", "made", "required")
EACH = [
    pytest.param(item, id=item.operation, marks=[] if item.move.name in QUICK else pytest.mark.slow)
    for item in MOVED
]


@pytest.mark.parametrize("moved", EACH)
def test_every_value_arrives_as_up_makes_it_and_the_old_column_is_gone(
    database_url: str, moved: Moved
) -> None:
    made, tables = prepared(database_url, moved)
    before = held(made, tables, moved)
    with made.runner() as runner:
        assert runner.expand() is State.EXPANDED
        assert runner.migrate() is State.MIGRATED
        assert not any(item.fatal for _, item in runner.verify())
        assert runner.contract() is State.CONTRACTED
    after = held(made, tables, moved)
    assert len(after) == len(before)
    wanted = {str(row["id"]): moved.move.made_of(row, NEW) for row in before}
    for row in after:
        for name, value in wanted[str(row["id"])].items():
            assert same(row[f"new.{name}"], value), row
    assert moved.move.keeps or not any(name.startswith("old.") for row in after for name in row)


@pytest.mark.parametrize("moved", [SINGLE, SEVERAL], ids=lambda item: item.operation)
def test_a_rollback_after_both_sides_wrote_keeps_what_the_new_side_wrote(
    database_url: str, moved: Moved
) -> None:
    made, tables = prepared(database_url, moved)
    old, new = moved.move.tables
    with made.runner() as runner:
        runner.expand()
        runner.migrate()
        runner.verify()
        made.run(f"UPDATE {new.name} SET email = 'new' WHERE id LIKE '%1%'")
        made.run(f"UPDATE {old.name} SET mail = 'old' WHERE id LIKE '%2%'")
        assert runner.rollback() is State.ROLLED_BACK
    values = {row["id"]: row["old.mail"] for row in held(made, tables, moved)}
    assert values["p1"] == "new" and values["p2"] == "old"


@pytest.mark.parametrize("moved", [SINGLE, SEVERAL], ids=lambda item: item.operation)
def test_a_busy_counterpart_is_not_waited_for_but_marked_and_settled(server_url: str, moved: Moved) -> None:
    made, tables = prepared(server_url, moved)
    old, new = moved.move.tables
    key = "p1" if old.name == "place" else "c1x0"
    other = "c1x0" if old.name == "place" else "p1"
    with made.runner() as runner:
        runner.expand()
        runner.migrate()
        with writing(made, f"UPDATE {new.name} SET note = 'held' WHERE id = '{other}'"):
            made.run(_without_waiting(made), f"UPDATE {old.name} SET mail = 'moved' WHERE id = '{key}'")
            found = [item for _, item in runner.verify() if item.kind == MARKED]
            assert [item.rows for item in found] == [1] and found[0].fatal
        assert not any(item.fatal for _, item in runner.verify())
    assert {row["new.email"] for row in held(made, tables, moved) if row["id"] == "p1"} == {"moved"}


def _without_waiting(made: Site) -> str:
    """An error instead of a wait for a row."""
    if made.database.server().engine == "postgresql":
        return "SET lock_timeout = '100ms'"
    return "SET innodb_lock_wait_timeout = 1"


def test_of_two_workers_one_is_at_it_and_whoever_had_it_before_writes_nothing(database_url: str) -> None:
    made, _ = prepared(database_url, SEVERAL)
    engine, bridges = made.database.engine, [SEVERAL.move]
    with made.runner() as runner:
        runner.expand()
    first = Repairer(engine, SystemClock(), bridges, holder="first@elsewhere:1")
    third = Repairer(engine, SystemClock(), bridges, holder="third@elsewhere:3")
    second = Repairer(engine, Later(), bridges, holder="second@elsewhere:2")
    first.once()
    with pytest.raises(LeaseHeld):
        third.once()
    second.once()
    with engine.begin() as connection:
        connection.execute(sa.insert(MARKS).values(bridge="several", side=OLD, record="p1"))
    with pytest.raises(LeaseHeld):
        first.once()
    assert second.open() == 1
    assert second.once().settled == 1
    second.close()
    made.database.close()


def test_a_record_that_cannot_be_written_is_named_and_stops_no_other(database_url: str) -> None:
    made, _ = prepared(database_url, SEVERAL)
    engine = made.database.engine
    with made.runner() as runner:
        runner.expand()
        worker = Repairer(engine, SystemClock(), [SEVERAL.move])
        with engine.begin() as connection:
            for record in ("p1/one too many", "p2"):
                connection.execute(sa.insert(MARKS).values(bridge="several", side=OLD, record=record))
        done = worker.once()
        assert done.settled == 1 and list(done.failed) == ["several p1/one too many"]
        worker.close()
        runner.migrate()
        found = runner.verify()
        assert [(item.kind, item.rows, item.fatal) for _, item in found] == [(MARKED, 1, True)]


def test_children_that_disagree_are_found_before_anything_is_changed(database_url: str) -> None:
    made, tables = prepared(database_url, SEVERAL)
    made.run("UPDATE thing SET mail = 'other' WHERE id = 'c1x1'")
    with made.runner() as runner, pytest.raises(UpgradeRefused, match="belong to p1 have different values"):
        runner.expand()
    assert "email" not in made.columns(tables.parent.name)


def test_a_link_without_an_index_is_refused(sqlite_url: str) -> None:
    made, _ = prepared(sqlite_url, SEVERAL)
    made.run("DROP INDEX ix_thing_place_id")
    with made.runner() as runner, pytest.raises(UpgradeRefused, match="thing has no index on place_id"):
        runner.expand()


def test_a_link_without_a_foreign_key_is_refused(server_url: str) -> None:
    made, _ = prepared(server_url, SEVERAL)
    (key,) = sa.inspect(made.database.engine).get_foreign_keys("thing")
    kind = "CONSTRAINT" if made.database.server().engine == "postgresql" else "FOREIGN KEY"
    made.run(f"ALTER TABLE thing DROP {kind} {key['name']}")
    with made.runner() as runner, pytest.raises(UpgradeRefused, match="no foreign key of thing"):
        runner.expand()


@pytest.mark.parametrize("engine_name", ["mariadb", "mysql"], indirect=True)
def test_texts_that_would_get_another_character_set_by_moving_are_refused(database_url: str) -> None:
    made, _ = prepared(database_url, SINGLE)
    old, new = SINGLE.move.tables
    made.run(f"ALTER TABLE {old.name} MODIFY COLUMN mail VARCHAR(16) CHARACTER SET latin1")
    with made.runner() as runner:
        with pytest.raises(UpgradeRefused, match=f"{old.name}.mail is latin1 and {new.name} is utf8mb4"):
            runner.expand()
    assert made.journal.state("next") is None


@pytest.mark.parametrize("engine_name", ["mariadb", "mysql"], indirect=True)
def test_texts_of_a_smaller_character_set_move_within_it(database_url: str) -> None:
    made, tables = prepared(database_url, SEVERAL)
    old, new = SEVERAL.move.tables
    made.run(
        f"ALTER TABLE {old.name} MODIFY COLUMN mail VARCHAR(16) CHARACTER SET latin1",
        f"ALTER TABLE {new.name} DEFAULT CHARACTER SET latin1",
    )
    with made.runner() as runner:
        runner.expand()
        runner.migrate()
        made.run(f"UPDATE {old.name} SET mail = 'é' WHERE id LIKE '%1%'")
        made.run(f"UPDATE {new.name} SET email = 'ü' WHERE id LIKE '%2%'")
        assert [item for _, item in runner.verify() if item.fatal] == []
    values = {row["id"]: (row["old.mail"], row["new.email"]) for row in held(made, tables, SEVERAL)}
    assert (values["p1"], values["p2"]) == (("é", "é"), ("ü", "ü"))
    with made.database.engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(MARKS)).scalar() == 0


def test_a_log_of_statements_is_refused_for_its_reads_lock(server_url: str) -> None:
    made, _ = prepared(server_url, SEVERAL)
    with made.database.engine.connect() as connection:
        if (
            made.database.server().engine == "postgresql"
            or not connection.execute(sa.text("SELECT @@log_bin")).scalar()
        ):
            pytest.skip("no binary log here")
    made.run("SET GLOBAL binlog_format = MIXED")
    try:
        with made.runner() as runner, pytest.raises(UpgradeRefused, match="binlog_format is MIXED"):
            runner.expand()
    finally:
        made.run("SET GLOBAL binlog_format = ROW")
        made.database.close()


@pytest.mark.parametrize("engine_name", ["mariadb", "mysql"], indirect=True)
def test_a_silent_row_of_the_same_statement_takes_nothing_from_one_that_speaks(database_url: str) -> None:
    """Both get the same parent, which the statement reads: so no trigger may write it, and marks are left."""
    made, tables = prepared(database_url, SEVERAL)
    with made.runner() as runner:
        runner.expand()
        runner.migrate()
        child, note = tables.child.name, f"(SELECT note FROM {tables.parent.name} WHERE id = 'p1')"
        silent, loud = (f"('{key}', 'p1', {mail}, {note})" for key, mail in (("s", "NULL"), ("t", "'new'")))
        made.run(f"DELETE FROM {child}", f"UPDATE {tables.parent.name} SET email = NULL")
        runner.verify()
        made.run(f"INSERT INTO {child} (id, place_id, mail, note) VALUES {silent}, {loud}")
        assert not any(item.fatal for _, item in runner.verify())
    found = [row for row in held(made, tables, SEVERAL) if row["id"] == "p1"]
    assert {(row["old.mail"], row["new.email"]) for row in found} == {("new", "new")}
