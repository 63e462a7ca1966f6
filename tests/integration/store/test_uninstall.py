"""``viaduct uninstall``: the database is as Keystone made it, in every table, index, constraint, trigger and
routine.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.documents.codec import Codecs
from keystone_viaduct.documents.schema import reflect
from keystone_viaduct.sync.sealing import KeyRing
from keystone_viaduct.sync.store import SqlStore, make_engine
from tests.integration.store.test_init import Command, command
from tests.support.sites import HexCipher

pytestmark = pytest.mark.engines("sqlite", "postgresql", "mariadb")

__all__ = ["command"]
_POSTGRESQL = (
    "SELECT table_name, column_name, data_type, is_nullable, column_default, character_maximum_length "
    "FROM information_schema.columns WHERE table_schema = 'public'",
    "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
    "WHERE connamespace = 'public'::regnamespace",
    "SELECT tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "SELECT proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    "SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace",
    "SELECT relname, relkind FROM pg_class WHERE relnamespace = 'public'::regnamespace",
)
_MYSQL = (
    "SELECT trigger_name, event_object_table, action_statement FROM information_schema.triggers "
    "WHERE trigger_schema = DATABASE()",
    "SELECT routine_name, routine_definition FROM information_schema.routines "
    "WHERE routine_schema = DATABASE()",
    "SELECT event_name FROM information_schema.events WHERE event_schema = DATABASE()",
)


def schema_of(url: str) -> list[Any]:
    """All that a database says of its schema, in order."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            rows = connection.execute(sa.text("SELECT type, name, tbl_name, sql FROM sqlite_master"))
            found = [tuple(row) for row in rows if row.name != "sqlite_sequence"]
        elif engine.dialect.name == "postgresql":
            found = [tuple(row) for text in _POSTGRESQL for row in connection.execute(sa.text(text))]
        else:
            found = [tuple(row) for text in _MYSQL for row in connection.execute(sa.text(text))]
            for name in sa.inspect(connection).get_table_names():
                made = connection.execute(sa.text(f"SHOW CREATE TABLE `{name}`")).one()[1]
                found.append((name, re.sub(r" AUTO_INCREMENT=\d+", "", made)))
    engine.dispose()
    return sorted(found, key=str)


def rows_of(url: str) -> dict[str, list[str]]:
    """Every row of every table."""
    engine = sa.create_engine(url)
    tables = sa.MetaData()
    with engine.connect() as connection:
        tables.reflect(connection)
        found = {
            table.name: sorted(str(tuple(row)) for row in connection.execute(sa.select(table)))
            for table in tables.tables.values()
        }
    engine.dispose()
    return found


def test_the_schema_and_every_row_are_as_before(command: Command) -> None:
    schema, rows = schema_of(command.url), rows_of(command.url)
    assert command.init()[0] == 0
    assert command.run("agent-account", "create")[0] == 0
    assert command.run("upgrade", "status")[0] == 0
    with_us = schema_of(command.url)
    assert with_us != schema

    code, preview = command.run("uninstall", "--dry-run")
    assert code == 0 and schema_of(command.url) == with_us
    assert (
        preview["triggers"] > 100 and "viaduct_site" in preview["tables"] and preview["accounts"]["user"] == 1
    )

    code, done = command.run("uninstall")
    assert code == 0 and {**done, "dry_run": True} == preview
    assert schema_of(command.url) == schema
    assert rows_of(command.url) == rows
    assert command.keys.is_dir(), "keys stay unless somebody says so"
    code, again = command.run("uninstall", "--delete-keys")
    assert (code, again["triggers"], again["tables"]) == (0, 0, []) and not command.keys.exists()
    assert schema_of(command.url) == schema


def test_what_was_cut_off_is_ended_by_another_try(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from keystone_viaduct.cli import _removing

    schema = schema_of(command.url)
    command.init()

    class Cut(Exception):
        """The process is gone."""

    def cut(_engine: object) -> None:
        raise Cut

    with monkeypatch.context() as patch:
        patch.setattr(_removing, "migrating", cut)
        with pytest.raises(Cut):
            command.run("uninstall")
    assert schema_of(command.url) != schema
    assert command.run("uninstall")[0] == 0
    assert schema_of(command.url) == schema


def _state(command: Command, **changed: Any) -> None:
    engine = make_engine(command.url)
    store = SqlStore(engine, KeyRing.load(command.keys), Codecs(reflect(engine), HexCipher()))
    store.run(lambda tx: tx.save_state(replace(tx.state(), **changed)))
    engine.dispose()


def test_an_upgrade_that_is_under_way_is_ended_first(command: Command) -> None:
    command.init()
    engine = sa.create_engine(command.url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE viaduct_upgrade (name VARCHAR(64), state VARCHAR(32))"))
        connection.execute(sa.text("INSERT INTO viaduct_upgrade VALUES ('next', 'expanded')"))
    engine.dispose()
    before = schema_of(command.url)
    code, told = command.run("uninstall")
    assert code == 1 and "next (expanded)" in told["error"]["message"] and told["error"]["hint"]
    assert schema_of(command.url) == before


def test_a_plain_keystone_has_nothing_to_lose(command: Command, tmp_path: Path) -> None:
    schema = schema_of(command.url)
    code, told = command.run("uninstall")
    assert (code, told["triggers"], told["tables"], told["keys"]) == (0, 0, [], "")
    assert schema_of(command.url) == schema
