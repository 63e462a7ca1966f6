"""Each migration of our own tables, on each engine, with rows in every table: all stay as they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory

from keystone_viaduct.sync.store import make_engine, schema
from keystone_viaduct.sync.store.engine import migrating

pytestmark = pytest.mark.engines("sqlite", "postgresql", "mariadb")

#: As long as a key can be, with a character of four bytes; what differs in accents, in case, in escapes.
KEYS = ["k" * 699 + "🐧", "Jose/1", "José/1", "jose/1", "%2F/%25"]
REVISIONS = [
    revision.revision
    for revision in reversed(list(ScriptDirectory.from_config(schema._config()).walk_revisions()))
]

Rows = list[dict[str, Any]]


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.engine.Engine]:
    """An empty database."""
    made = make_engine(database_url)
    yield made
    made.dispose()


def migrate(engine: sa.engine.Engine, to: str) -> None:
    config = schema._config()
    with migrating(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, to)


def tables_of(engine: sa.engine.Engine) -> dict[str, sa.Table]:
    metadata = sa.MetaData()
    metadata.reflect(engine, only=lambda name, _: name.startswith("viaduct_") and "version" not in name)
    return dict(metadata.tables)


def value(column: sa.Column[Any], number: int) -> Any:
    """Something that the column can hold; what is a key is one of :data:`KEYS`."""
    if column.name == "key":
        return KEYS[number]
    python = column.type.python_type
    if python is bytes:
        return bytes(range(256)) * (number + 1)
    if python is bool:
        return bool(number % 2)
    if python is int:
        return 1 if column.table.name == "viaduct_site" and column.name == "id" else number + 1
    length = min(getattr(column.type, "length", None) or 200, 200)
    ascii_only = length in (64, 96) or column.name == "target"  # sites and digests
    return (f"{number}" + ("a" if ascii_only else "é🐧 ") * length)[: length - 1] + "."


def fill(engine: sa.engine.Engine, name: str, table: sa.Table) -> None:
    count = 1 if name == "viaduct_site" else len(KEYS)
    rows = [{column.name: value(column, number) for column in table.columns} for number in range(count)]
    with engine.begin() as connection:
        connection.execute(table.insert(), rows)


def rows_of(engine: sa.engine.Engine) -> dict[str, Rows]:
    found: dict[str, Rows] = {}
    for name, table in tables_of(engine).items():
        with engine.connect() as connection:
            rows = [dict(row._mapping) for row in connection.execute(sa.select(table))]
        found[name] = sorted(rows, key=lambda row: repr([row[c.name] for c in table.primary_key]))
    return found


def plain(found: Any) -> Any:
    """A blank after the text of the release only makes the site think of it once more."""
    return found.rstrip() if isinstance(found, str) else found


def test_rows_that_are_there_stay_as_they_are_through_each_migration(engine: sa.engine.Engine) -> None:
    filled: set[str] = set()
    before: dict[str, Rows] = {}
    for revision in REVISIONS:
        migrate(engine, revision)
        after = rows_of(engine)
        for name, rows in before.items():
            found = [{column: plain(row[column]) for column in rows[0]} for row in after[name]]
            assert found == [{c: plain(v) for c, v in row.items()} for row in rows], (revision, name)
        for name, table in tables_of(engine).items():
            if name not in filled:  # as soon as there is one
                fill(engine, name, table)
                filled.add(name)
        before = rows_of(engine)
        assert all(before.values()), revision
    assert schema.upgrade(engine) is False


def test_keys_that_differ_in_a_blank_at_the_end_are_two_afterwards(engine: sa.engine.Engine) -> None:
    """In every table that has keys, also where rows were there before."""
    migrate(engine, REVISIONS[3])
    early = tables_of(engine)
    for name, table in early.items():
        fill(engine, name, table)
    migrate(engine, "head")
    for name, table in tables_of(engine).items():
        if "key" not in table.primary_key.columns:
            continue
        row = {column.name: value(column, 1) for column in table.columns}
        if name not in early:
            fill(engine, name, table)
        if "seq" in row:
            row["seq"] = 99
        with engine.begin() as connection:
            connection.execute(table.insert(), [{**row, "key": f"{row['key']} "}])
            keys = set(connection.execute(sa.select(table.c.key)).scalars())
        assert keys >= {row["key"], f"{row['key']} "}, table.name
