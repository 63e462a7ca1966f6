"""A MySQL server that the user names takes the place of ours, and keeps nothing of the tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.support.databases import Databases
from tests.support.servers import MYSQL_GIVEN, MissingServer, Server, Servers


def names(url: str) -> set[str]:
    """The databases of a server."""
    with sa.create_engine(url, poolclass=sa.pool.NullPool).connect() as connection:
        return set(connection.exec_driver_sql("SHOW DATABASES").scalars())


@pytest.mark.mysql
def test_databases_are_made_at_the_named_server_and_go_at_the_end(
    mysql: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MYSQL_GIVEN, mysql.url("mysql"))
    ours = Servers(tmp_path, os.getpid())
    made = sa.engine.make_url(Databases(ours).empty("mysql"))
    assert made.query == sa.engine.make_url(mysql.admin_url).query
    assert made.database in names(mysql.admin_url)
    other_process = Servers(tmp_path, os.getpid())
    assert other_process.get("mysql") == ours.get("mysql")
    ours.stop_all()
    assert made.database not in names(mysql.admin_url)
    assert not list(tmp_path.glob("*"))


def test_a_named_server_that_does_not_answer_is_a_missing_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MYSQL_GIVEN, f"mysql+pymysql://root@/mysql?unix_socket={tmp_path}/none")
    with pytest.raises(MissingServer, match=MYSQL_GIVEN):
        Servers(tmp_path, os.getpid()).get("mysql")
