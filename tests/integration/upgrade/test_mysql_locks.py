"""MySQL takes a table in one step, with all that it locks together with it, when nobody holds any of them.

``ALTER TABLE`` lets readers in and then waits for them: one that writes afterwards would be the victim.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import sqlalchemy as sa

from keystone_viaduct.errors import TableBusy
from keystone_viaduct.upgrade.ddl import Budget, LiveDatabase, open_database
from keystone_viaduct.upgrade.ddl.mysql_together import PRECEDES, together, within_lock
from keystone_viaduct.upgrade.steps import Lock, Observation, Seen, Statement
from tests.bridges.declared import DECLARED
from tests.support.upgrades import make_table

BRIDGE = next(item.bridge for item in DECLARED if item.operation == "rename column")
THERE = Observation(Seen.COLUMN, "thing", "more")
ADDED = Statement("ALTER TABLE thing ADD COLUMN more INT NULL, ALGORITHM=INSTANT", "thing", Lock.BRIEF, THERE)
DROPPED = replace(ADDED, sql="ALTER TABLE thing DROP COLUMN more", done=replace(THERE, there=False))
_KEY = "id VARCHAR(64) PRIMARY KEY, above_id VARCHAR(64)"
_CASCADE = "ON DELETE CASCADE) ENGINE=InnoDB"
_HELD = """
SELECT DISTINCT object_name FROM performance_schema.metadata_locks
WHERE object_type = 'TABLE' AND object_schema = DATABASE() AND lock_status = 'GRANTED'
"""
_ORDERED = """
SELECT trigger_name FROM information_schema.triggers
WHERE trigger_schema = DATABASE() AND event_object_table = 'thing' AND event_manipulation = 'UPDATE'
ORDER BY action_order
"""


@pytest.fixture
def related(mysql_url: str) -> Iterator[LiveDatabase]:
    """A table with others that are locked together with it: by keys, by triggers, and by both."""
    make_table(mysql_url, BRIDGE, [{"id": "k1", "login": "a"}])
    database = open_database(mysql_url, Budget(wait=0.2, patience=1.0))
    run(
        database,
        "CREATE TABLE above (id VARCHAR(64) PRIMARY KEY) ENGINE=InnoDB",
        f"CREATE TABLE below ({_KEY}, FOREIGN KEY (above_id) REFERENCES thing (id) {_CASCADE}",
        f"CREATE TABLE further ({_KEY}, FOREIGN KEY (above_id) REFERENCES below (id) {_CASCADE}",
        f"CREATE TABLE written ({_KEY}, FOREIGN KEY (above_id) REFERENCES above (id) {_CASCADE}",
        f"CREATE TABLE apart ({_KEY}) ENGINE=InnoDB",
        "CREATE TRIGGER viaduct_writes AFTER UPDATE ON further FOR EACH ROW"
        " INSERT INTO written VALUES (NEW.id, NULL)",
    )
    yield database
    database.close()


def run(database: LiveDatabase, *statements: str) -> None:
    """As the owner of all."""
    with database.engine.begin() as connection:
        for sql in statements:
            connection.exec_driver_sql(sql)


def test_it_is_asked_for_all_tables_that_are_locked_together_with_one(related: LiveDatabase) -> None:
    with related.engine.connect() as locking, related.engine.connect() as looking:
        said = together(looking, "thing", related.server().keys)
        locking.exec_driver_sql("LOCK TABLES thing WRITE")
        held = {str(name) for (name,) in looking.exec_driver_sql(_HELD)}
        locking.exec_driver_sql("UNLOCK TABLES")
    assert held <= set(said) and {"thing", "below"} <= held and "apart" not in said


@pytest.mark.parametrize("table", ["below", "written"])
def test_no_table_is_taken_while_one_is_held_that_would_be_locked_too(
    related: LiveDatabase, table: str
) -> None:
    engine = sa.create_engine(related.engine.url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(f"SELECT count(*) FROM {table}"))
        with pytest.raises(TableBusy):
            related.run(ADDED)
        connection.execute(sa.text(f"INSERT INTO {table} (id) VALUES ('x')"))
        connection.commit()
    related.run(ADDED)
    assert related.observe(ADDED.done)


@pytest.mark.parametrize("may", [True, False])
def test_a_table_is_taken_in_one_step_if_the_account_may(
    related: LiveDatabase, may: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = related.engine.url.database
    name, more = f"l_{base}"[:30], ", LOCK TABLES" if may else ""
    rights = f"SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, TRIGGER{more}"
    run(
        related,
        f"CREATE USER '{name}'@'localhost'",
        f"GRANT {rights} ON {base}.* TO '{name}'@'localhost'",
        f"GRANT SELECT ON performance_schema.* TO '{name}'@'localhost'",
    )
    url = related.engine.url.set(username=name).render_as_string(hide_password=False)
    database = open_database(url, Budget(wait=0.2, patience=5.0))
    locked: list[str] = []

    def telling(statement: Statement) -> str:
        locked.append(statement.sql)
        return within_lock(statement)

    monkeypatch.setattr("keystone_viaduct.upgrade.ddl.mysql_running.within_lock", telling)
    try:
        for item in (ADDED, DROPPED):
            database.run(item)
            assert database.observe(item.done)
        assert locked == ([ADDED.sql, DROPPED.sql] if may else [ADDED.sql])
    finally:
        database.close()
        run(related, f"DROP USER '{name}'@'localhost'")


def test_a_trigger_comes_before_another_one_on_a_table_that_triggers_read(related: LiveDatabase) -> None:
    """As capture's do: under LOCK TABLES MySQL would not find the other one."""
    mark = "INSERT INTO apart SELECT OLD.id, t.id FROM thing t WHERE t.id = OLD.id"
    run(
        related,
        "CREATE TRIGGER viaduct_c_first BEFORE UPDATE ON thing FOR EACH ROW SET @seen = 1",
        f"CREATE TRIGGER viaduct_c_reads AFTER DELETE ON below FOR EACH ROW {mark}",
    )
    body = (
        f"CREATE TRIGGER viaduct_b_early BEFORE UPDATE ON thing\n{PRECEDES}`viaduct_c_first`\nSET @seen = 0"
    )
    done = Observation(Seen.TRIGGER, "thing", "viaduct_b_early")
    related.run(Statement(body, "thing", Lock.BRIEF, done))
    with related.engine.connect() as connection:
        found = connection.exec_driver_sql(_ORDERED).scalars().all()
    assert found == ["viaduct_b_early", "viaduct_c_first"]
