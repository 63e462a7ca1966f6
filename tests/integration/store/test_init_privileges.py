"""``viaduct init`` by a user who may make no triggers: nothing is changed, and it works without them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from keystone_viaduct.sync.capture import SessionCapture
from tests.integration.store.test_init import Command, everything
from tests.support.databases import DatabaseScope
from tests.support.servers import MissingServer, unavailable

#: What our tables take, and Keystone's rows.
TABLES = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES"


@contextmanager
def account(url: sa.engine.URL, statements: Sequence[str], gone: Sequence[str]) -> Iterator[sa.engine.URL]:
    """The database as a user of these statements sees it; ``{name}`` is his."""
    name = f"u_{url.database}"[:32]
    admin = sa.create_engine(url)

    def run(texts: Sequence[str]) -> None:
        with admin.begin() as connection:
            for text in texts:
                given = text.format(name=name, database=url.database)
                connection.exec_driver_sql(given, execution_options={"no_parameters": True})

    run(statements)
    try:
        yield url.set(username=name, password="of-a-test")
    finally:
        run(gone)
        admin.dispose()


def keystone(databases: DatabaseScope, server: str) -> sa.engine.URL:
    """A migrated database of that server."""
    try:
        return sa.engine.make_url(databases.keystone(server))
    except MissingServer as missing:
        unavailable(str(missing), "`make servers`", optional=server == "mysql")


def mysql_account(url: sa.engine.URL, rights: str) -> AbstractContextManager[sa.engine.URL]:
    """A user with these rights on all of the database, and none on the server."""
    made = (
        "CREATE USER '{name}'@'localhost' IDENTIFIED BY 'of-a-test'",
        f"GRANT {rights} ON `{{database}}`.* TO '{{name}}'@'localhost'",
    )
    return account(url, made, ("DROP USER '{name}'@'localhost'",))


def postgresql_account(url: sa.engine.URL) -> AbstractContextManager[sa.engine.URL]:
    """A user who owns nothing."""
    made = (
        "CREATE ROLE {name} LOGIN PASSWORD 'of-a-test'",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}",
        "GRANT CREATE, USAGE ON SCHEMA public TO {name}",
    )
    return account(url, made, ("DROP OWNED BY {name} CASCADE", "DROP ROLE {name}"))


@pytest.fixture(
    params=[
        pytest.param("mysql", marks=pytest.mark.mysql),
        pytest.param("mariadb-logged", marks=pytest.mark.mariadb),
    ]
)
def beside_a_binary_log(request: pytest.FixtureRequest, database_scope: DatabaseScope) -> Iterator[str]:
    """All rights on the database, at a server that writes a binary log and trusts nobody without SUPER."""
    made = keystone(database_scope, request.param)
    alone = database_scope.databases.servers.alone(request.param)
    with alone, mysql_account(made, "ALL PRIVILEGES") as url:
        yield url.render_as_string(hide_password=False)


@pytest.fixture(
    params=[
        pytest.param("mysql", marks=pytest.mark.mysql),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
        pytest.param("postgresql", marks=pytest.mark.postgresql),
    ]
)
def without_the_privilege(request: pytest.FixtureRequest, database_scope: DatabaseScope) -> Iterator[str]:
    """A user who may do anything that our tables take, but make triggers."""
    url = keystone(database_scope, request.param)
    made = postgresql_account(url) if request.param == "postgresql" else mysql_account(url, TABLES)
    with made as limited:
        yield limited.render_as_string(hide_password=False)


def refused(command: Command) -> str:
    """``init`` ends with an error, the dry run too, and nothing is there that was not before; the error."""
    before = everything(command.url)
    for options in (("--dry-run",), ()):
        code, found = command.init(*options)
        error = found["error"]
        assert code == 2 and error["code"] == "trigger.failed", found
        assert "nothing was changed" in error["message"] and "capture = events" in error["hint"]
        assert everything(command.url) == before and not command.keys.exists()
    return f"{error['message']} {error['hint']}"


def test_a_binary_log_is_told_of_before_anything_is_changed_and_events_do_instead(
    beside_a_binary_log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = Command(beside_a_binary_log, tmp_path, capsys)
    told = refused(command)
    assert "lacks SUPER on server" in told and "log_bin_trust_function_creators" in told
    by_events(command)


def test_a_missing_privilege_is_told_before_anything_is_changed_and_events_do_instead(
    without_the_privilege: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = Command(without_the_privilege, tmp_path, capsys)
    assert "TRIGGER" in refused(command)
    by_events(command)


def by_events(command: Command) -> None:
    """What is offered works for the same user: the site is prepared, and a write leaves its mark."""
    command.configure(command.url, "[viaduct]\ncapture = events\n")
    code, done = command.init()
    assert code == 0 and sum(done["triggers"].values()) == 0 and done["tables"] == "created"
    engine = sa.create_engine(command.url)
    SessionCapture().attach(engine)
    region = sa.table("region", *map(sa.column, ("id", "description", "extra")))
    dirty = sa.table("viaduct_dirty", sa.column("kind"), sa.column("key"))
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM viaduct_dirty"))
        connection.execute(region.insert().values(id="r", description="", extra="{}"))
        marks = connection.execute(sa.select(dirty)).all()
    engine.dispose()
    assert [tuple(mark) for mark in marks] == [("region", "r")]
    _, report = command.run("doctor")
    (told,) = [check for check in report["checks"] if check["check"] == "capture"]
    assert told["status"] == "ok" and "by events" in told["message"]
