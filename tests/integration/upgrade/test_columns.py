"""Columns that only one of the two releases knows, added and dropped."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from keystone_viaduct.errors import UpgradeRefused
from keystone_viaduct.upgrade.operations import AddColumn, DropColumn
from keystone_viaduct.upgrade.shape import Column
from keystone_viaduct.upgrade.steps import Refusal, Server, State
from keystone_viaduct.upgrade.types import Text
from tests.bridges.declared import DECLARED, TABLE
from tests.support.upgrades import make_table, site

BRIDGE = next(item.bridge for item in DECLARED if item.operation == "rename column, not null")
LOCALE = Column("locale", Text(16), nullable=False, default="en")


def test_a_column_with_a_default_is_added_for_old_rows_and_old_code(database_url: str) -> None:
    make_table(database_url, BRIDGE, [{"id": "before", "login": "l"}])
    made = site(database_url, AddColumn(TABLE, LOCALE))
    with made.runner() as runner:
        runner.expand()
        made.run("INSERT INTO thing (id, login) VALUES ('old', 'l')")
        made.run("INSERT INTO thing (id, login, locale) VALUES ('new', 'l', 'de')")
        runner.migrate()
        made.run("UPDATE thing SET locale = NULL WHERE id = 'new'")
        assert [(name, item.kind, item.rows) for name, item in runner.verify()] == [("thing", "missing", 1)]
        made.run("UPDATE thing SET locale = 'de' WHERE id = 'new'")
        assert runner.verify() == []
        assert runner.contract() is State.CONTRACTED
    assert {key: row["locale"] for key, row in made.rows("thing").items()} == {
        "before": "en",
        "old": "en",
        "new": "de",
    }
    assert made.columns("thing")["locale"]["nullable"] is False
    made.run("INSERT INTO thing (id, login) VALUES ('later', 'l')")
    made.database.close()


def test_an_added_column_goes_again_by_rollback(database_url: str) -> None:
    make_table(database_url, BRIDGE, [])
    made = site(database_url, AddColumn(TABLE, LOCALE))
    with made.runner() as runner:
        runner.expand()
        runner.rollback()
    assert "locale" not in made.columns("thing")
    made.database.close()


def test_a_dropped_column_is_there_for_old_code_until_contract(database_url: str) -> None:
    make_table(database_url, BRIDGE, [])
    login = Column("login", Text(16), nullable=False)
    made = site(database_url, DropColumn(TABLE, login, meanwhile="?"))
    with made.runner() as runner:
        runner.expand()
        made.run("INSERT INTO thing (id) VALUES ('new')", "INSERT INTO thing (id, login) VALUES ('old', 'l')")
        assert {key: row["login"] for key, row in made.rows("thing").items()} == {"new": "?", "old": "l"}
        runner.migrate()
        runner.verify()
        runner.contract()
    assert set(made.columns("thing")) == {"id", "note"}
    made.database.close()


def test_what_new_rows_have_meanwhile_may_be_an_empty_text(database_url: str) -> None:
    make_table(database_url, BRIDGE, [])
    made = site(database_url, DropColumn(TABLE, Column("login", Text(16), nullable=False), meanwhile=""))
    with made.runner() as runner:
        runner.expand()
        made.run("INSERT INTO thing (id) VALUES ('new')")
        assert made.rows("thing")["new"]["login"] == ""
        runner.rollback()
    with pytest.raises(sa.exc.DBAPIError):
        made.run("INSERT INTO thing (id) VALUES ('newer')")
    made.database.close()


def test_rollback_of_a_drop_puts_the_old_default_back(database_url: str) -> None:
    make_table(database_url, BRIDGE, [])
    made = site(database_url, DropColumn(TABLE, Column("login", Text(16), nullable=False), meanwhile="?"))
    with made.runner() as runner:
        runner.expand()
        runner.rollback()
    with pytest.raises(sa.exc.DBAPIError):
        made.run("INSERT INTO thing (id) VALUES ('new')")
    made.database.close()


@pytest.mark.parametrize(
    ("operation", "engine", "said"),
    [
        (AddColumn(TABLE, Column("x", Text(8), nullable=False)), "postgresql", "neither NULL nor a default"),
        (AddColumn(TABLE, Column("x", Text(), default="a")), "mariadb", "the whole table would be copied"),
        (DropColumn(TABLE, Column("login", Text(8), nullable=False)), "mysql", "takes neither NULL"),
    ],
)
def test_what_would_break_the_other_release_is_refused_with_a_way_out(
    operation: AddColumn | DropColumn, engine: str, said: str
) -> None:
    refusal = operation.steps(Server(engine, (10, 11)))
    assert isinstance(refusal, Refusal)
    assert refusal.engine == engine and said in refusal.reason and refusal.way_out


def test_a_refused_operation_changes_nothing(sqlite_url: str) -> None:
    make_table(sqlite_url, BRIDGE, [])
    made = site(sqlite_url, AddColumn(TABLE, Column("x", Text(8), nullable=False)))
    with made.runner() as runner, pytest.raises(UpgradeRefused, match="old code leaves x out"):
        runner.expand()
    assert "x" not in made.columns("thing")
