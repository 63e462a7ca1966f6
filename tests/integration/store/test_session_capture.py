"""Capture by events of the engine, where a database has no triggers."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.cli.main import main
from keystone_viaduct.sync.capture import SessionCapture
from keystone_viaduct.sync.capture.choice import by_events, has_triggers
from tests.support.keystones import make_home

pytestmark = [pytest.mark.keystone, pytest.mark.engines("sqlite", "postgresql", "mariadb")]


class Answering:
    """A connection to a server that gives its version."""

    def __init__(self, dialect: str, version: str = "") -> None:
        self.dialect = type("Dialect", (), {"name": dialect})
        self._version = version

    def execute(self, _statement: Any) -> Any:
        """The only question is the version."""
        return type("Result", (), {"scalar_one": lambda _self: self._version})()


@pytest.mark.parametrize(
    ("dialect", "version", "there"),
    [
        ("postgresql", "", True),
        ("mysql", "", True),
        ("sqlite", "", True),
        ("cockroachdb", "CockroachDB CCL v23.2.5 (x86_64-pc-linux-gnu, built 2024/04/30)", False),
        ("cockroachdb", "CockroachDB CCL v24.2.9 (x86_64-pc-linux-gnu)", False),
        ("cockroachdb", "CockroachDB CCL v24.3.0 (x86_64-pc-linux-gnu)", True),
        ("cockroachdb", "CockroachDB CCL v25.4.1 (x86_64-pc-linux-gnu)", True),
        ("cockroachdb", "CockroachDB CCL v26.1.0-beta.1 (aarch64)", True),
        ("cockroachdb", "a name without a number", False),
    ],
)
def test_which_servers_have_triggers(dialect: str, version: str, there: bool) -> None:
    assert has_triggers(Answering(dialect, version)) is there
    assert by_events(Answering(dialect, version), "auto") is not there
    assert by_events(Answering(dialect, version), "events") is True
    assert by_events(Answering(dialect, version), "triggers") is False


def test_marks_go_with_the_transaction(sqlite_url: str) -> None:
    engine = sa.create_engine(sqlite_url)
    capture = SessionCapture()
    capture.attach(engine)
    project = sa.table("project", *map(sa.column, ("id", "name", "domain_id", "is_domain")))
    with engine.begin() as connection:  # neither our tables nor Keystone's are there: nothing happens
        connection.exec_driver_sql(
            "CREATE TABLE project (id TEXT PRIMARY KEY, name TEXT, domain_id TEXT, is_domain BOOLEAN)"
        )
        connection.execute(project.insert().values(id="a", name="a", domain_id="d", is_domain=False))
        connection.exec_driver_sql(
            "CREATE TABLE viaduct_dirty (id INTEGER PRIMARY KEY, kind TEXT, key TEXT, stamped_at BIGINT)"
        )
    with engine.connect() as connection:
        connection.execute(project.update().where(project.c.id == "a").values(name="b"))
        assert _marks(connection) == [("project", "a")]
        connection.rollback()
        assert _marks(connection) == []
        connection.execute(project.update().where(project.c.id == "a").values(name="a"))
        assert _marks(connection) == []  # nothing has changed
        connection.execute(project.update().where(project.c.id == "a").values(is_domain=True))
        assert set(_marks(connection)) == {("project", "a"), ("domain", "a")}


def _marks(connection: Any) -> list[tuple[str, str]]:
    rows = connection.exec_driver_sql("SELECT kind, key FROM viaduct_dirty ORDER BY id")
    return [(row[0], row[1]) for row in rows]


def test_a_site_by_events_from_init_to_the_api(
    keystone_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = f"[viaduct]\nkey_repository = {tmp_path}/keys\ncapture = events\n"
    home = make_home(tmp_path / "home", keystone_url, extra=keys)
    home.bootstrap()
    config = ("--config-file", str(home.config), "--json")
    assert main(["init", "--site", "east", "--hub", "east", *config]) == 0
    made = json.loads(capsys.readouterr().out)["triggers"]["created"]
    assert bool(made) == keystone_url.startswith("sqlite")  # those that keep references, and mark nothing
    engine = sa.create_engine(keystone_url, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM viaduct_dirty"))
    work = ("-m", "tests.support.standin.work", "1", "events")
    home.release.run("python", *work, env=home.env)
    with engine.connect() as connection:
        kinds = set(connection.execute(sa.text("SELECT DISTINCT kind FROM viaduct_dirty")).scalars())
    assert kinds >= {"domain", "project", "role", "user", "group", "membership", "assignment", "credential"}
    assert kinds >= {"service", "endpoint", "revocation_event"}
    main(["doctor", *config])
    told = json.loads(capsys.readouterr().out)
    found = next(item for item in told["checks"] if item["check"] == "capture")
    assert found["status"] == "ok" and "by events" in found["message"]


def test_manage_writes_marks_too(sqlite_url: str, tmp_path: Path) -> None:
    keys = f"[viaduct]\nkey_repository = {tmp_path}/keys\ncapture = events\n"
    home = make_home(tmp_path / "home", sqlite_url, extra=keys)
    manage = [str(home.release.bin / "python"), "-m", "keystone_viaduct.cli.main", "manage"]
    environment = home.release.environment(home.env)

    def run(*arguments: str) -> str:
        command = [*manage, "--config-file", str(home.config), *arguments]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    run("db_sync")
    assert main(["init", "--site", "east", "--hub", "east", "--config-file", str(home.config)]) == 0
    home.bootstrap_by(run)
    with sa.create_engine(sqlite_url).connect() as connection:
        marks = set(_marks(connection))
    assert {kind for kind, _ in marks} >= {"user", "role", "project", "domain", "assignment", "implied_role"}
