"""Constraints, types in place, and tables as a whole: through their phases on every engine, or refused."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from keystone_viaduct.errors import UpgradeError, UpgradeRefused
from keystone_viaduct.upgrade.constraints import ForeignKey
from keystone_viaduct.upgrade.expression import AnyOf, Field, IsNull, Within
from keystone_viaduct.upgrade.operations import (
    AddConstraint,
    ChangeType,
    DropTable,
    RenameColumn,
    RenameTable,
)
from keystone_viaduct.upgrade.shape import Column, Table
from keystone_viaduct.upgrade.steps import Operation, State
from keystone_viaduct.upgrade.types import Integer, Text
from tests.bridges.workload import connect
from tests.support.upgrades import Site, site

THING = Table("thing", (Column("id", Text(16), nullable=False),))
PORT = Column("port", Integer(32))
RANGE = AddConstraint(
    THING,
    "port_range",
    check=AnyOf((IsNull(Field("port")), Within(Field("port"), 1, 65535))),
    columns=(PORT,),
)
OF_PARENT = AddConstraint(
    THING, "of_parent", refers=ForeignKey("of_parent", ("parent_id",), "parent", ("id",), "CASCADE")
)
ALIKE = AddConstraint(THING, "by_port", unique=("parent_id", "port"))


def made_with(url: str, *operations: Operation, stopping: bool = False) -> Site:
    """Two tables with a few rows, in the old shape."""
    made = site(url, *operations)
    made.database.stopping_allowed = stopping
    charset = " ENGINE=InnoDB CHARACTER SET utf8mb4" if made.database.engine.dialect.name == "mysql" else ""
    made.run(
        f"CREATE TABLE parent (id VARCHAR(16) PRIMARY KEY){charset}",
        "CREATE TABLE thing (id VARCHAR(16) PRIMARY KEY, parent_id VARCHAR(16), port INTEGER,"
        f" name VARCHAR(16)){charset}",
        "INSERT INTO parent VALUES ('p'), ('q')",
        "INSERT INTO thing VALUES ('a', 'p', 1, 'x'), ('b', 'p', 2, 'y'), ('c', NULL, NULL, NULL)",
    )
    return made


BROKEN = {
    "port_range": (
        "UPDATE thing SET port = 70000 WHERE id = 'a'",
        "UPDATE thing SET port = 7 WHERE id = 'a'",
    ),
    "of_parent": (
        "UPDATE thing SET parent_id = 'nobody' WHERE id = 'a'",
        "UPDATE thing SET parent_id = 'q' WHERE id = 'a'",
    ),
    "by_port": ("UPDATE thing SET port = 2 WHERE id = 'a'", "UPDATE thing SET port = 1 WHERE id = 'a'"),
}


@pytest.mark.parametrize("operation", [RANGE, OF_PARENT, ALIKE], ids=lambda item: item.name)
def test_a_constraint_holds_from_contract_on_and_rows_that_break_it_are_found_before(
    database_url: str, operation: AddConstraint
) -> None:
    breaks, mends = BROKEN[operation.name]
    copied = operation is RANGE and database_url.startswith("mysql")
    made = made_with(database_url, operation, stopping=copied)
    with made.runner() as runner:
        runner.expand()
        made.run(breaks)  # old code may
        runner.migrate()
        (found,) = (item for _, item in runner.verify())
        assert (found.kind, found.fatal) == (operation.name, True) and found.example in ("a", "b")
        made.run(mends)
        assert runner.verify() == []
        assert runner.contract() is State.CONTRACTED
    with connect(database_url) as connection, pytest.raises(sa.exc.DBAPIError):
        connection.exec_driver_sql(breaks)


def test_a_row_that_breaks_a_constraint_after_verification_is_named_at_the_end(mariadb_url: str) -> None:
    """MariaDB makes a foreign key without looking; so the rows are looked at once more."""
    made = made_with(mariadb_url, OF_PARENT)
    with made.runner() as runner:
        runner.expand()
        runner.migrate()
        runner.verify()
        before = made.database.run
        breaks, mends = BROKEN["of_parent"]

        def run(statement: object) -> None:
            made.run(breaks)
            before(statement)  # type: ignore[arg-type]

        made.database.run = run  # type: ignore[method-assign]
        with pytest.raises(UpgradeError, match="rows from before it break it: 1 of_parent"):
            runner.contract()
        assert made.journal.state("next") is State.CONTRACTING
        made.run(mends)
        assert runner.resume() is State.CONTRACTED


def test_a_text_gets_longer_under_its_own_name(database_url: str) -> None:
    made = made_with(database_url, ChangeType(THING, Column("name", Text(16)), Text(32)))
    with made.runner() as runner:
        runner.expand()
        made.run(f"UPDATE thing SET name = '{'n' * 32}' WHERE id = 'a'")
        runner.migrate()
        runner.verify()
        runner.contract()
    assert made.columns("thing")["name"]["type"].length == 32
    assert made.columns("thing")["name"]["nullable"] is True


def test_a_number_of_more_bits_needs_a_new_name_but_on_sqlite(database_url: str) -> None:
    made = made_with(database_url, ChangeType(THING, PORT, Integer(64)))
    with made.runner() as runner:
        if database_url.startswith("sqlite"):
            runner.expand()
            assert isinstance(made.columns("thing")["port"]["type"], sa.BigInteger)
            return
        with pytest.raises(UpgradeRefused, match=r"thing\.port can't become Integer\(bits=64\)") as caught:
            runner.expand()
    assert "new name" in caught.value.hint


RENAMED = RenameTable(THING, "item")


def test_a_table_is_read_and_written_under_both_names_until_contract(database_url: str) -> None:
    made = made_with(database_url, RENAMED)
    with made.runner() as runner:
        if database_url.startswith("sqlite"):
            with pytest.raises(UpgradeRefused, match="a view takes no writes"):
                runner.expand()
            return
        runner.expand()
        made.run("INSERT INTO item (id, port) VALUES ('new', 9)", "UPDATE item SET port = 8 WHERE id = 'a'")
        made.run("INSERT INTO thing (id, port) VALUES ('old', 9)", "DELETE FROM item WHERE id = 'b'")
        assert made.rows("thing") == made.rows("item")
        assert set(made.rows("item")) == {"a", "c", "new", "old"}
        runner.migrate()
        runner.verify()
        runner.contract()
    assert set(made.rows("item")) == {"a", "c", "new", "old"}
    assert set(sa.inspect(made.database.engine).get_table_names()) >= {"item", "parent"}
    assert not sa.inspect(made.database.engine).has_table("thing")
    assert not sa.inspect(made.database.engine).get_view_names()
    made.run("INSERT INTO item (id, port) VALUES ('later', 9)")


def test_a_rollback_takes_the_new_name_away(database_url: str) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("refused there")
    made = made_with(database_url, RENAMED)
    with made.runner() as runner:
        runner.expand()
        runner.rollback()
    assert not sa.inspect(made.database.engine).get_view_names()
    assert len(made.rows("thing")) == 3


def test_a_dropped_table_is_there_for_old_code_until_contract(database_url: str) -> None:
    made = made_with(database_url, DropTable(THING))
    with made.runner() as runner:
        runner.expand()
        made.run("INSERT INTO thing (id) VALUES ('old')")
        runner.migrate()
        runner.verify()
        runner.contract()
    assert not sa.inspect(made.database.engine).has_table("thing")


def test_a_table_whose_rows_would_hold_others_is_not_dropped(database_url: str) -> None:
    made = made_with(database_url, DropTable(Table("child", THING.key)))
    key = "t VARCHAR(16), FOREIGN KEY (t) REFERENCES thing (id)"
    made.run(f"CREATE TABLE child (id VARCHAR(16) PRIMARY KEY, {key})")
    with made.runner() as runner, pytest.raises(UpgradeRefused, match="child refers to thing: new code"):
        runner.expand()
    other = site(database_url, DropTable(THING), name="other")
    with other.runner() as runner, pytest.raises(UpgradeRefused, match="child refers to thing by"):
        runner.expand()


def test_a_view_that_shows_what_goes_and_a_table_changed_after_its_renaming_are_refused(
    database_url: str,
) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("refused there anyway")
    rename = RenameColumn(THING, Column("name", Text(16)), "title")
    made_with(database_url).database.close()
    for operations, said in (
        ((rename, RenameTable(THING, "item")), "item shows thing.name, which goes at contract"),
        ((rename, RenameTable(THING, "item", ("id", "name"))), "item shows thing.name"),
        ((RenameTable(THING, "item", ("id", "title")), rename), "changed after it has become item"),
    ):
        made = site(database_url, *operations)
        with made.runner() as runner, pytest.raises(UpgradeRefused, match=said):
            runner.expand()
        assert made.journal.state("next") is None


def test_a_constraint_is_confirmed_under_the_new_name_of_its_table(database_url: str) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("refused there: a view takes no writes")
    made = made_with(database_url, ALIKE, OF_PARENT, RenameTable(THING, "item"))
    with made.runner() as runner:
        runner.expand()
        runner.migrate()
        assert not runner.verify()
        assert runner.contract() is State.CONTRACTED
    assert set(made.rows("item")) == {"a", "b", "c"}
