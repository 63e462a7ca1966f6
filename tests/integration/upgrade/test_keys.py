"""Computed columns, new primary keys, and indexes that follow their columns, on every engine."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from keystone_viaduct.errors import UpgradeRefused
from keystone_viaduct.upgrade.constraints import Index
from keystone_viaduct.upgrade.expression import After, AsInteger, Before, Field, Joined, Literal
from keystone_viaduct.upgrade.operations import AddComputedColumn, ChangeKey, RenameColumn, ReplaceColumns
from keystone_viaduct.upgrade.shape import Bridge, Column, Conversion, Table
from keystone_viaduct.upgrade.steps import Operation, State
from keystone_viaduct.upgrade.types import Integer, Text
from tests.support.upgrades import Site, site

THING = Table("thing", (Column("id", Text(16), nullable=False),))
NAME, SOCKET = Column("name", Text(16)), Column("socket", Text(32))


def made_with(url: str, *operations: Operation) -> Site:
    """A table with indexes and a reference, and one that it refers to."""
    made = site(url, *operations)
    charset = " ENGINE=InnoDB CHARACTER SET utf8mb4" if made.database.engine.dialect.name == "mysql" else ""
    made.run(
        f"CREATE TABLE parent (name VARCHAR(16) PRIMARY KEY){charset}",
        "CREATE TABLE thing (id VARCHAR(16) PRIMARY KEY, name VARCHAR(16), socket VARCHAR(32),"
        " note VARCHAR(8), CONSTRAINT thing_name_fk FOREIGN KEY (name) REFERENCES parent (name)"
        f" ON DELETE CASCADE){charset}",
        "CREATE UNIQUE INDEX by_name_note ON thing (name, note)",
        "INSERT INTO parent VALUES ('x'), ('y')",
        "INSERT INTO thing (id, name, socket) VALUES ('a', 'x', 'h:1'), ('b', 'y', 'h:2'), ('c', NULL, NULL)",
    )
    return made


def indexes(made: Site) -> dict[str, tuple[str, ...]]:
    """Of the table, by name."""
    found = sa.inspect(made.database.engine).get_indexes("thing")
    return {str(item["name"]): tuple(map(str, item["column_names"])) for item in found}


def references(made: Site) -> list[tuple[str, ...]]:
    """The columns that refer to another table."""
    found = sa.inspect(made.database.engine).get_foreign_keys("thing")
    return sorted(tuple(item["constrained_columns"]) for item in found)


PORT = AddComputedColumn(
    THING,
    Column("port", Integer(32), nullable=False),
    AsInteger(After(Field("socket"), ":")),
    reads=(SOCKET,),
    fallback=0,
)


def test_a_computed_column_is_filled_for_old_code_and_kept_from_new_code(
    database_url: str,
) -> None:
    made = made_with(database_url, PORT)
    with made.runner() as runner:
        runner.expand()
        made.run("INSERT INTO thing (id, socket) VALUES ('old', 'h:9')")
        runner.migrate()
        assert not any(item.fatal for _, item in runner.verify())
        made.run("INSERT INTO thing (id, socket, port) VALUES ('new', 'h:9', 10)")
        made.run("UPDATE thing SET socket = 'h:3' WHERE id = 'a'", "UPDATE thing SET port = 7 WHERE id = 'b'")
        made.run("UPDATE thing SET note = 'n' WHERE id = 'b'")
        assert runner.contract() is State.CONTRACTED
    ports = {key: row["port"] for key, row in made.rows("thing").items()}
    assert ports == {"a": 3, "b": 7, "c": 0, "old": 9, "new": 10}
    assert made.columns("thing")["port"]["nullable"] is False
    assert "socket" in made.columns("thing")


def test_a_rollback_takes_a_computed_column_away(database_url: str) -> None:
    made = made_with(database_url, PORT)
    before = made.rows("thing")
    with made.runner() as runner:
        runner.expand()
        runner.migrate()
        runner.rollback()
    assert made.rows("thing") == before


KEY = ChangeKey(THING, Column("uuid", Text(32), nullable=False))


def test_a_new_key_is_unique_from_the_beginning_and_the_key_from_contract_on(database_url: str) -> None:
    made = made_with(database_url, KEY)
    with made.runner() as runner:
        if database_url.startswith("sqlite"):
            with pytest.raises(UpgradeRefused, match="how its rows are stored"):
                runner.expand()
            return
        runner.expand()
        made.run("INSERT INTO thing (id) VALUES ('old')", "INSERT INTO thing (id, uuid) VALUES ('new', 'u')")
        runner.migrate()
        made.run("UPDATE thing SET note = 'n' WHERE id = 'a'")
        assert runner.verify() == []
        before = {key: row["uuid"] for key, row in made.rows("thing").items()}
        runner.contract()
    assert {key: row["uuid"] for key, row in made.rows("thing").items()} == before
    assert before["new"] == "u" and len(set(before.values())) == 5
    assert all(len(str(value)) == 32 for key, value in before.items() if key != "new")
    inspector = sa.inspect(made.database.engine)
    assert inspector.get_pk_constraint("thing")["constrained_columns"] == ["uuid"]
    with pytest.raises(sa.exc.DBAPIError):
        made.run("INSERT INTO thing (id, uuid) VALUES ('a', 'v')")


def test_a_rollback_takes_a_new_key_away(database_url: str) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("refused there")
    made = made_with(database_url, KEY)
    with made.runner() as runner:
        runner.expand()
        runner.migrate()
        runner.rollback()
    assert "uuid" not in made.columns("thing")


@pytest.mark.postgresql
def test_a_key_that_others_refer_to_stays_on_postgresql(postgresql_url: str) -> None:
    made = made_with(postgresql_url, KEY)
    made.run("CREATE TABLE child (t VARCHAR(16) CONSTRAINT child_t REFERENCES thing (id))")
    with made.runner() as runner, pytest.raises(UpgradeRefused, match="child_t of child refers to thing"):
        runner.expand()


def test_indexes_and_references_follow_a_column_to_its_new_name(database_url: str) -> None:
    made = made_with(database_url, RenameColumn(THING, NAME, "title"))
    with made.runner() as runner:
        runner.expand()
        assert indexes(made)["by_title_note"] == ("title", "note")
        assert references(made) == [("name",), ("title",)]
        runner.migrate()
        runner.verify()
        runner.contract()
    assert ("title", "note") in indexes(made).values()
    assert not any("name" in columns for columns in indexes(made).values())
    assert references(made) == [("title",)]
    assert set(made.columns("thing")) == {"id", "title", "socket", "note"}
    made.database.close()


def test_a_rollback_leaves_the_indexes_and_references_of_before(database_url: str) -> None:
    made = made_with(database_url, RenameColumn(THING, NAME, "title"))
    before = indexes(made), references(made)
    with made.runner() as runner:
        runner.expand()
        runner.migrate()
        runner.rollback()
    assert (indexes(made), references(made)) == before


SPLIT = Bridge(
    "thing_socket",
    THING,
    old=(SOCKET,),
    new=(Column("host", Text(16)), Column("port", Text(16))),
    up=(Conversion("host", Before(Field("socket"), ":")), Conversion("port", After(Field("socket"), ":"))),
    down=(Conversion("socket", Joined((Field("host"), Literal(":"), Field("port")))),),
)
PLACES = (Index("by_host", ("host",)), Index("one_place", ("host", "port"), unique=True))


def test_a_unique_index_of_split_columns_is_made_once_no_two_rows_are_alike(
    database_url: str,
) -> None:
    made = made_with(database_url, ReplaceColumns(SPLIT, indexes=PLACES, drops=("by_socket",)))
    made.run("CREATE INDEX by_socket ON thing (socket)")
    with made.runner() as runner:
        runner.expand()
        assert {"by_host", "by_socket"} <= indexes(made).keys() and "one_place" not in indexes(made)
        made.run("INSERT INTO thing (id, socket) VALUES ('old', 'h:1')")  # old code may
        runner.migrate()
        assert [(item.kind, item.rows) for _, item in runner.verify() if item.fatal] == [("one_place", 2)]
        made.run("DELETE FROM thing WHERE id = 'old'")
        runner.verify()
        runner.contract()
    assert {"by_host", "one_place"} <= indexes(made).keys() and "by_socket" not in indexes(made)
