"""Keystone's own migrations as steps of the runner: shown first, giving way, gone on with."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.clock import SystemClock
from keystone_viaduct.errors import ConfigError, TableBusy, UpgradeRefused
from keystone_viaduct.upgrade.backfill import SqlFiller
from keystone_viaduct.upgrade.ddl import Budget, dialect_for, open_database
from keystone_viaduct.upgrade.journal import SqlJournal
from keystone_viaduct.upgrade.preflight import Preflight
from keystone_viaduct.upgrade.repair import Repairer
from keystone_viaduct.upgrade.runner import Hooks, Runner
from keystone_viaduct.upgrade.steps import Lock, Phase, State, Statement, Upgrade
from keystone_viaduct.upgrade.upstream import Environment, UpstreamScripts
from keystone_viaduct.upgrade.verify import SqlVerifier
from tests.support import patched
from tests.support.upgrades import QUICK

REVISION = """
op.add_column("mapping", sa.Column("note", sa.String(5)))
op.create_index("ix_mapping_note", "mapping", ["note"])
with op.batch_alter_table("mapping") as batch:
    batch.alter_column("note", server_default="x", existing_type=sa.String(5))
op.execute("INSERT INTO mapping (id, rules, schema_version) VALUES ('made', '[]', '1.0')")
"""


class Crash(BaseException):
    """The process is gone."""


@pytest.fixture(scope="module")
def next_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the installed release with one more revision."""
    folder = tmp_path_factory.mktemp("next")
    patched.add_revision(patched.copy_of(Path(sys.executable), folder), "abcdef012345", REVISION)
    return folder


@pytest.fixture
def release(next_release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is what the environment's Python finds."""
    monkeypatch.setenv("PYTHONPATH", str(next_release))


@contextmanager
def runner(url: str, hooks: Hooks | None = None, budget: Budget = QUICK) -> Iterator[Runner]:
    """A runner of nothing but the scripts."""
    database = open_database(url, budget)
    journal = SqlJournal(database.engine, SystemClock())
    journal.prepare()
    journal.acquire()
    environment = Environment(Path(sys.executable))
    try:
        with UpstreamScripts(environment, database, journal) as scripts:
            yield Runner(
                Upgrade("next", (), scripts.release),
                database,
                dialect_for(database.server()),
                journal,
                SqlFiller(database.engine, journal),
                SqlVerifier(database.engine),
                Preflight(database.engine),
                Repairer(database.engine, SystemClock()),
                hooks,
                scripts,
            )
    finally:
        journal.release()
        database.close()


def facts(url: str) -> tuple[bool, bool, int, set[str]]:
    """Whether the column and the index are there, how many rows, and Alembic's heads."""
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    inspector = sa.inspect(engine)
    column = "note" in {item["name"] for item in inspector.get_columns("mapping")}
    index = "ix_mapping_note" in {item["name"] for item in inspector.get_indexes("mapping")}
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT count(*) FROM mapping")).scalar_one()
        heads = set(connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalars())
    return column, index, int(rows), heads


@pytest.mark.usefixtures("release")
def test_scripts_are_shown_give_way_and_go_on_where_they_were_cut_off(keystone_url: str) -> None:
    before = facts(keystone_url)
    engine = sa.create_engine(keystone_url, poolclass=sa.pool.NullPool)
    is_sqlite, has_transaction = engine.dialect.name == "sqlite", engine.dialect.name != "mysql"
    with engine.connect() as reader, runner(keystone_url) as made:
        (planned,) = made.plan()
        assert facts(keystone_url) == before
        if not is_sqlite:  # (there a reader is in nobody's way)
            reader.execute(sa.text("SELECT count(*) FROM mapping"))
            with pytest.raises(TableBusy, match="mapping was in use at every try"):
                made.expand()
            assert facts(keystone_url)[0] is False
    shown = planned.statements[Phase.EXPAND]
    assert planned.statements[Phase.CONTRACT] == ()
    assert shown[0].sql.startswith("ALTER TABLE mapping ADD COLUMN note") and shown[0].lock is Lock.BRIEF
    assert not any(item.lock.stops for item in shown)
    assert ("CONCURRENTLY" in shown[1].sql) is (engine.dialect.name == "postgresql")

    def crash(statement: Statement) -> None:
        if "ADD COLUMN note" in statement.sql:
            raise Crash

    with pytest.raises(Crash), runner(keystone_url, Hooks(ran=crash)) as made:
        made.resume() if not is_sqlite else made.expand()
    assert facts(keystone_url)[0] is not has_transaction
    ran: list[str] = []
    with runner(keystone_url, Hooks(ran=lambda statement: ran.append(statement.sql))) as made:
        assert made.resume() is State.EXPANDED
        assert made.resume() is State.EXPANDED
    assert any("ADD COLUMN note" in sql for sql in ran) is has_transaction
    column, index, rows, heads = facts(keystone_url)
    assert column and index and rows == 1 and "abcdef012345" in heads


@pytest.mark.usefixtures("release")
def test_a_table_that_sqlite_makes_anew_keeps_its_triggers(sqlite_keystone: str) -> None:
    engine = sa.create_engine(sqlite_keystone, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE seen (id VARCHAR(64))")
        connection.exec_driver_sql(
            "CREATE TRIGGER see AFTER INSERT ON mapping BEGIN INSERT INTO seen VALUES (NEW.id); END"
        )
    with runner(sqlite_keystone) as made:
        made.expand()
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO mapping (id, rules, schema_version) VALUES ('later', '[]', '1.0')"
        )
        assert "later" in connection.exec_driver_sql("SELECT id FROM seen").scalars().all()


@pytest.mark.usefixtures("release")
def test_contract_before_expand_and_what_nothing_shows_to_be_done_are_refused(sqlite_keystone: str) -> None:
    database = open_database(sqlite_keystone, QUICK)
    journal = SqlJournal(database.engine, SystemClock())
    journal.prepare()
    journal.acquire()
    with UpstreamScripts(Environment(Path(sys.executable)), database, journal) as scripts:
        with pytest.raises(UpgradeRefused, match="expand of the same release is not done: abcdef012345"):
            scripts.run("next", Phase.CONTRACT, lambda statement: None)
    journal.release()
    database.close()


@pytest.mark.usefixtures("release")
def test_scripts_are_played_for_show_once_before_they_run(
    sqlite_keystone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    played: list[tuple[str, bool]] = []
    conversation = UpstreamScripts._conversation

    def counted(scripts: UpstreamScripts, phase: Phase, *, dry: bool) -> Any:
        played.append((phase.value, dry))
        return conversation(scripts, phase, dry=dry)

    monkeypatch.setattr(UpstreamScripts, "_conversation", counted)
    with runner(sqlite_keystone) as made:
        made.expand()
        assert played == [("expand", True), ("contract", True), ("expand", False)]
        made.migrate()
        made.verify()
        played.clear()
        made.contract()
        assert played == [("contract", True), ("contract", False)]


def test_an_environment_without_keystone_is_named(sqlite_keystone: str, tmp_path: Path) -> None:
    database = open_database(sqlite_keystone, QUICK)
    journal = SqlJournal(database.engine, SystemClock())
    for python in (tmp_path / "python", Path("/bin/true")):
        with pytest.raises(ConfigError, match="there is no Keystone in the environment") as error:
            UpstreamScripts(Environment(python), database, journal).release  # noqa: B018
        assert "--upstream" in error.value.hint
    database.close()


@pytest.fixture
def sqlite_keystone(keystone_database: object) -> str:
    """A database migrated by the installed release."""
    url: str = keystone_database("sqlite")  # type: ignore[operator]
    return url
