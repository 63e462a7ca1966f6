"""Editing the definition that SQLite keeps of a table."""

from __future__ import annotations

import sqlite3

import pytest

from keystone_viaduct.errors import UpgradeError
from keystone_viaduct.upgrade.ddl.definition import check_definition, edit_definition
from keystone_viaduct.upgrade.steps import Edit

AWKWARD = """CREATE TABLE "thing" ( -- a comment, with a comma
    id VARCHAR(64) NOT NULL /* NOT NULL, too */, "not null" TEXT DEFAULT 'a, NOT NULL' NOT NULL,
    [login] VARCHAR(16) DEFAULT ('x' || (1 + 2)) CONSTRAINT must NOT NULL ON CONFLICT ABORT
        CHECK (login NOT NULL),
    `port` INTEGER DEFAULT -1 UNIQUE, state TEXT,
    PRIMARY KEY (id), CHECK (port IS NOT NULL OR state = ')')
)"""


def columns(sql: str) -> dict[str, tuple[bool, str | None]]:
    with sqlite3.connect(":memory:") as connection:
        connection.execute(sql)
        found = connection.execute("SELECT name, \"notnull\", dflt_value FROM pragma_table_info('thing')")
        return {name: (not notnull, default) for name, notnull, default in found}


@pytest.mark.parametrize("column", ["id", "not null", "login", "port", "state"])
@pytest.mark.parametrize("nullable", [True, False])
def test_one_column_takes_null_or_not_and_the_others_stay(column: str, nullable: bool) -> None:
    before = columns(AWKWARD)
    after = columns(edit_definition(AWKWARD, Edit(column, nullable=nullable)))
    assert after == {**before, column: (nullable, before[column][1])}


@pytest.mark.parametrize("column", ["id", "not null", "login", "port", "state"])
@pytest.mark.parametrize("default", ["'it''s'", "-7", "NULL"])
def test_one_column_gets_a_default_and_the_others_stay(column: str, default: str) -> None:
    before = columns(AWKWARD)
    after = columns(edit_definition(AWKWARD, Edit(column, default=default)))
    assert after == {**before, column: (before[column][0], None if default == "NULL" else default)}


def test_a_column_that_is_not_there_is_refused() -> None:
    with pytest.raises(UpgradeError, match="no column other"):
        edit_definition(AWKWARD, Edit("other", nullable=True))


def test_a_text_that_sqlite_would_read_otherwise_is_refused() -> None:
    with pytest.raises(UpgradeError, match=r"thing\.login could not be changed"):
        check_definition("thing", AWKWARD, Edit("login", nullable=True))
    with pytest.raises(UpgradeError, match="could not be changed"):
        check_definition("thing", AWKWARD[:-1], Edit("login", nullable=True))
