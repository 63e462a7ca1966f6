"""``viaduct sql locality`` against the stand-in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from keystone_viaduct.cli.main import main
from tests.support.keystones import CommandFailed
from tests.support.standin.sites import Site

pytestmark = [pytest.mark.postgresql, pytest.mark.keystone]


def locality(site: Site, *arguments: str) -> list[str]:
    """The statements of ``viaduct sql locality``."""
    told = site.viaduct("sql", "locality", "--json", *arguments, "--config-file", str(site.home.config))
    statements: list[str] = json.loads(told)["statements"]
    return statements


def run(site: Site, *statements: str) -> None:
    with sa.create_engine(site.standin.url, poolclass=sa.pool.NullPool).begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_tables_move_when_told_once_and_go_on_after_an_interruption(empty_site: Site) -> None:
    tables = ("role", '"user"', "trust", "project")
    run(empty_site, *(f"CREATE TABLE {table} (id text)" for table in tables))
    with pytest.raises(CommandFailed, match="the database has no regions"):
        locality(empty_site)
    run(empty_site, "INSERT INTO standin.regions VALUES ('north'), ('south')")
    wanted = [f'ALTER TABLE "{table}" SET LOCALITY GLOBAL' for table in ("project", "role", "user")]
    assert locality(empty_site) == wanted
    empty_site.standin.plan = lambda sql: "XX000" if '"role"' in sql else None
    with pytest.raises(CommandFailed, match="1 tables were moved; run it again"):
        locality(empty_site, "--apply")
    empty_site.standin.plan = lambda _sql: None
    assert locality(empty_site) == wanted[1:]
    assert locality(empty_site, "--apply") == wanted[1:]
    assert locality(empty_site) == []


def test_other_engines_have_none(sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "keystone.conf"
    config.write_text(f"[database]\nconnection = {sqlite_url}\n")
    assert main(["sql", "locality", "--config-file", str(config)]) == 2
    assert "tables have a locality on CockroachDB only" in capsys.readouterr().err
