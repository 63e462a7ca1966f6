"""Comparing a live database's triggers with the specs, and bringing them in line."""

from __future__ import annotations

import dataclasses

import pytest
import sqlalchemy as sa

from keystone_viaduct.errors import TriggerError
from keystone_viaduct.triggers import Event, Installer, Timing, TriggerSpec, key_text, new
from tests.golden.triggers.examples import SPECS, mark, metadata, trust, user
from tests.integration.triggers.conftest import Database

FIRST, SECOND = (
    TriggerSpec(f"viaduct_{name}", user, Event.INSERT, Timing.AFTER, (mark(name, key_text(new(user.c.id))),))
    for name in ("first", "second")
)
BROKEN = TriggerSpec(
    "viaduct_third", sa.table("no_such_table", sa.column("id")), Event.INSERT, Timing.AFTER, FIRST.body
)


def states(database: Database, *specs: TriggerSpec, prefix: str = "viaduct_") -> dict[str, str]:
    """Name to state."""
    with database.engine.connect() as connection:
        return {item.name: item.state.value for item in Installer(connection, prefix).status(specs)}


def install(database: Database, *specs: TriggerSpec, dry_run: bool = False) -> list[tuple[str, str]]:
    """Verbs and names of what was done."""
    with database.engine.connect() as connection:
        return [(item.verb, item.name) for item in Installer(connection).install(specs, dry_run=dry_run)]


def test_a_fresh_database_misses_everything_and_install_creates_it(database: Database) -> None:
    names = [spec.name for spec in SPECS]
    assert states(database, *SPECS) == dict.fromkeys(names, "missing")
    assert install(database, *SPECS) == [("create", name) for name in names]
    assert states(database, *SPECS) == dict.fromkeys(names, "installed")


def test_installing_again_does_nothing(database: Database) -> None:
    install(database, *SPECS)
    assert install(database, *SPECS) == []


def test_a_dry_run_tells_the_sql_and_changes_nothing(database: Database) -> None:
    with database.engine.connect() as connection:
        actions = Installer(connection).install([FIRST], dry_run=True)
    assert [(item.verb, item.name, item.table) for item in actions] == [("create", "viaduct_first", "user")]
    assert any(sql.startswith("CREATE TRIGGER") for sql in actions[0].sql)
    assert states(database, FIRST) == {"viaduct_first": "missing"}


def test_a_changed_spec_is_outdated_and_gets_replaced(database: Database) -> None:
    install(database, FIRST)
    changed = dataclasses.replace(FIRST, body=SECOND.body)
    assert states(database, changed) == {"viaduct_first": "outdated"}
    assert install(database, changed) == [("replace", "viaduct_first")]
    database.run(user.insert().values(id="a"))
    assert database.marks() == [("second", "a")]


def test_a_trigger_on_another_table_is_outdated_and_moves(database: Database) -> None:
    install(database, FIRST)
    moved = dataclasses.replace(FIRST, table=trust, body=(mark("trust", key_text(new(trust.c.id))),))
    assert states(database, moved) == {"viaduct_first": "outdated"}
    assert install(database, moved) == [("replace", "viaduct_first")]
    database.run(user.insert().values(id="a"), trust.insert().values(id=1))
    assert database.marks() == [("trust", "1")]
    assert install(database, moved) == []


def test_a_trigger_without_a_spec_is_an_orphan_and_is_pruned(database: Database) -> None:
    install(database, FIRST, SECOND)
    assert states(database, SECOND) == {"viaduct_second": "installed", "viaduct_first": "orphan"}
    assert install(database, SECOND) == [("drop", "viaduct_first")]
    assert states(database) == {"viaduct_second": "orphan"}
    with database.engine.connect() as connection:
        assert [item.name for item in Installer(connection).prune()] == ["viaduct_second"]
    assert states(database, FIRST, SECOND) == {"viaduct_first": "missing", "viaduct_second": "missing"}


def test_pruning_leaves_alone_what_still_has_a_spec(database: Database) -> None:
    install(database, FIRST, SECOND)
    with database.engine.connect() as connection:
        assert [item.name for item in Installer(connection).prune([SECOND])] == ["viaduct_first"]
    assert states(database, SECOND) == {"viaduct_second": "installed"}


def test_triggers_of_another_prefix_are_neither_seen_nor_touched(database: Database) -> None:
    install(database, FIRST)
    with database.engine.connect() as connection:
        assert Installer(connection, "other_").install([]) == []
        with pytest.raises(TriggerError, match="does not start with other_"):
            Installer(connection, "other_").install([FIRST])
    assert states(database, FIRST) == {"viaduct_first": "installed"}


def test_triggers_that_went_with_their_table_are_missing_and_come_back(database: Database) -> None:
    install(database, *SPECS)
    metadata.drop_all(database.engine)
    metadata.create_all(database.engine)
    assert set(states(database, *SPECS).values()) == {"missing"}
    install(database, *SPECS)
    assert set(states(database, *SPECS).values()) == {"installed"}


def test_inside_the_callers_transaction_the_caller_decides(database: Database) -> None:
    with database.engine.connect() as connection:
        transaction = connection.begin()
        connection.execute(user.insert().values(id="a"))
        Installer(connection).install([FIRST])
        connection.execute(user.insert().values(id="b"))
        transaction.rollback()
    # MariaDB and MySQL commit what was open, at every DDL statement.
    autocommitting = database.name == "mysql"
    assert states(database, FIRST) == {"viaduct_first": "installed" if autocommitting else "missing"}
    assert database.rows(user.c.id) == ([("a",)] if autocommitting else [])


def test_a_failure_changes_nothing_or_says_what_was_done(database: Database) -> None:
    with database.engine.connect() as connection, pytest.raises(TriggerError) as caught:
        Installer(connection).install([FIRST, BROKEN, SECOND])
    assert caught.value.fields["trigger"] == "viaduct_third"
    if database.name == "mysql":
        assert [item.name for item in caught.value.fields["done"]] == ["viaduct_first"]
        assert "done before: create viaduct_first" in caught.value.message
        assert states(database, FIRST, SECOND) == {"viaduct_first": "installed", "viaduct_second": "missing"}
    else:
        assert caught.value.fields["done"] == []
        assert "nothing was changed" in caught.value.message
        assert states(database, FIRST, SECOND) == {"viaduct_first": "missing", "viaduct_second": "missing"}


def test_a_failure_inside_the_callers_transaction_leaves_that_usable(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(user.insert().values(id="a"))
        with pytest.raises(TriggerError):
            Installer(connection).install([BROKEN])
        connection.execute(user.insert().values(id="b"))
    assert database.rows(user.c.id) == [("a",), ("b",)]


def test_a_body_that_would_fail_is_refused_before_it_stops_a_writer(database: Database) -> None:
    nowhere = sa.table("no_such_table", sa.column("id"))
    spec = dataclasses.replace(FIRST, body=(nowhere.insert().values(id=new(user.c.id)),))
    with database.engine.connect() as connection:
        with pytest.raises(TriggerError, match="no_such_table, which does not exist; nothing was changed"):
            Installer(connection).install([SECOND, spec])
    assert states(database, SECOND) == {"viaduct_second": "missing"}
    database.run(user.insert().values(id="a"))


def test_names_must_be_unique(database: Database) -> None:
    with database.engine.connect() as connection, pytest.raises(TriggerError, match="two triggers"):
        Installer(connection).status([FIRST, FIRST])


def test_an_installed_trigger_survives_the_engines_own_dump_format(database: Database) -> None:
    """What the catalogue gives back as the trigger's source, run again, is still the same trigger to us."""
    if database.name != "mysql":
        pytest.skip("only MySQL's client programs strip comments")
    install(database, FIRST)
    with database.engine.begin() as connection:
        source = connection.exec_driver_sql("SHOW CREATE TRIGGER viaduct_first").all()[0][2]
        connection.exec_driver_sql("DROP TRIGGER viaduct_first")
        assert "/*" not in source
        connection.exec_driver_sql(source, execution_options={"no_parameters": True})
    assert states(database, FIRST) == {"viaduct_first": "installed"}


@pytest.mark.postgresql
def test_postgresql_a_disabled_trigger_is_outdated(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    install(database, FIRST)
    with database.engine.begin() as connection:
        connection.exec_driver_sql('ALTER TABLE "user" DISABLE TRIGGER viaduct_first')
    assert states(database, FIRST) == {"viaduct_first": "outdated"}
    assert install(database, FIRST) == [("replace", "viaduct_first")]
    database.run(user.insert().values(id="a"))
    assert database.marks() == [("first", "a")]
    database.engine.dispose()


@pytest.mark.postgresql
def test_postgresql_triggers_follow_the_connections_own_schema(postgresql_url: str) -> None:
    engine = sa.create_engine(postgresql_url, future=True)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA keystone")
        connection.exec_driver_sql("SET LOCAL search_path = keystone")
        metadata.create_all(connection)
        Installer(connection).install([FIRST])
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO keystone.\"user\" (id) VALUES ('a')")
        assert connection.exec_driver_sql("SELECT key FROM keystone.viaduct_dirty").scalar() == "a"
        assert Installer(connection).status([]) == []
    engine.dispose()


@pytest.mark.postgresql
def test_postgresql_waiting_for_a_table_ends_and_says_why(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    with database.engine.begin() as writer, database.engine.connect() as connection:
        writer.execute(user.insert().values(id="a"))
        with pytest.raises(TriggerError, match="holds the table") as caught:
            Installer(connection, lock_seconds=0.05).install([FIRST])
        assert caught.value.hint
        assert connection.exec_driver_sql("SHOW lock_timeout").scalar() == "0"
    database.engine.dispose()


@pytest.mark.mariadb
def test_mariadb_waiting_for_a_table_ends_and_says_why(mariadb_url: str) -> None:
    database = Database(mariadb_url)
    with database.engine.begin() as writer, database.engine.connect() as connection:
        writer.execute(user.insert().values(id="a"))
        before = connection.exec_driver_sql("SELECT @@lock_wait_timeout").scalar()
        connection.rollback()
        with pytest.raises(TriggerError, match="holds the table"):
            Installer(connection, lock_seconds=1).install([FIRST])
        assert connection.exec_driver_sql("SELECT @@lock_wait_timeout").scalar() == before
    database.engine.dispose()
