"""``key_text`` gives the same text on every engine as this reference in Python."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keystone_viaduct.triggers import Event, Installer, Timing, TriggerSpec, key_text, new
from tests.golden.triggers.examples import mark, trust, user
from tests.integration.triggers.conftest import Database

# PostgreSQL has no NUL in texts.
CHARACTERS = st.characters(exclude_characters="\0", codec="utf-8")
TEXTS = st.text(CHARACTERS, max_size=60) | st.text("%/\\'\"2F5 :a", max_size=30)
ROWS = st.tuples(
    TEXTS, st.none() | TEXTS, st.none() | st.booleans(), st.none() | st.integers(-(2**31), 2**31 - 1)
)
CHECKED = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def reference(*values: object) -> str:
    """The record key as the project's conventions define it."""

    texts = ["" if v is None else str(int(v)) if isinstance(v, bool) else str(v) for v in values]
    key = "/".join(text.replace("%", "%25").replace("/", "%2F") for text in texts)
    if len(key) <= 700:
        return key
    return "%~" + "/".join(text.replace("%", "%%").replace("/", "%s") for text in texts)


@given(rows=st.lists(ROWS, min_size=1, max_size=10))
@CHECKED
def test_key_text_is_the_reference_in_queries(database: Database, rows: list[tuple[object, ...]]) -> None:
    columns = (user.c.name, user.c.group, user.c.enabled, user.c.limit)
    with database.engine.connect() as connection:
        transaction = connection.begin()
        for number, values in enumerate(rows):
            row = dict(zip(("name", "group", "enabled", "limit"), values, strict=True))
            connection.execute(user.insert().values(id=str(number), **row))
        query = sa.select(user.c.id, key_text(*columns, "a/%"))
        found = {row[0]: row[1] for row in connection.execute(query)}
        transaction.rollback()
    assert found == {str(number): reference(*values, "a/%") for number, values in enumerate(rows)}


@given(row=ROWS, identifier=TEXTS)
@CHECKED
def test_key_text_is_the_reference_in_triggers(
    database: Database, row: tuple[object, ...], identifier: str
) -> None:
    columns = (user.c.id, user.c.name, user.c.group, user.c.enabled, user.c.limit)
    body = (mark("user", key_text(*(new(column) for column in columns))),)
    database.install(TriggerSpec("viaduct_key", user, Event.INSERT, Timing.AFTER, body))
    name, group, enabled, limit = row
    statement = user.insert().values(id=identifier, name=name, group=group, enabled=enabled, limit=limit)
    database.run(user.delete(), statement)
    assert database.marks() == [("user", reference(identifier, *row))]


@given(literal=TEXTS)
@CHECKED
def test_literals_arrive_as_they_are(database: Database, literal: str) -> None:
    database.install(
        TriggerSpec("viaduct_literal", user, Event.INSERT, Timing.AFTER, (mark("literal", literal),))
    )
    database.run(user.delete(), user.insert().values(id="a"))
    assert database.marks() == [("literal", literal)]


def test_the_native_enumeration_of_postgresql_is_text_too(database: Database) -> None:
    body = (mark("trust", key_text(new(trust.c.kind), new(trust.c.id))),)
    database.install(TriggerSpec("viaduct_enum", trust, Event.INSERT, Timing.AFTER, body))
    database.run(trust.insert().values([{"id": -1, "kind": "two"}, {"id": 2, "kind": None}]))
    assert database.marks() == [("trust", "two/-1"), ("trust", "/2")]


@pytest.mark.mariadb
@pytest.mark.parametrize("mode", ["NO_BACKSLASH_ESCAPES", "ANSI_QUOTES,PIPES_AS_CONCAT", ""])
@pytest.mark.parametrize("charset", ["latin1", "utf8mb4"])
def test_mariadb_session_settings_do_not_change_a_trigger(mariadb_url: str, mode: str, charset: str) -> None:
    literal = "back\\slash, quote ', umlaut ü, key \U0001f511"
    database = Database(mariadb_url)
    engine = sa.create_engine(database.engine.url.update_query_dict({"charset": charset}), future=True)
    body = (mark("literal", literal), mark("key", key_text(new(user.c.name))))
    with engine.connect() as connection:
        connection.exec_driver_sql(f"SET SESSION sql_mode = '{mode}'")
        connection.rollback()
        Installer(connection).install([TriggerSpec("viaduct_x", user, Event.INSERT, Timing.AFTER, body)])
    engine.dispose()
    database.run(user.insert().values(id="a", name="ü/\U0001f511"))
    assert database.marks() == [("literal", literal), ("key", "ü%2F\U0001f511")]
    database.engine.dispose()
