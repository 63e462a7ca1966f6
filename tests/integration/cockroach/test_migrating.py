"""``viaduct manage db_sync`` where schema changes are not transactional, against the stand-in."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.support.keystones import CommandFailed
from tests.support.standin.sites import WRITES, Site, Unlucky

pytestmark = [pytest.mark.postgresql, pytest.mark.keystone]


def versions(site: Site) -> list[str]:
    engine = sa.create_engine(site.standin.url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        return sorted(connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalars())


def test_keystone_alone_changes_the_schema_beside_other_statements(empty_site: Site) -> None:
    with pytest.raises(CommandFailed, match="stand-in: a schema change beside other statements"):
        empty_site.stock_manage("db_sync")


def test_expand_and_contract_go_one_after_the_other(empty_site: Site) -> None:
    with pytest.raises(CommandFailed, match="upgrade contract ahead of expand"):
        empty_site.manage("db_sync", "--contract")
    for phase in ("--expand", "--migrate", "--contract"):
        empty_site.manage("db_sync", phase)
    empty_site.manage("db_sync", "--check")
    assert len(versions(empty_site)) == 2


def test_a_refused_schema_change_is_run_again_alone(empty_site: Site) -> None:
    empty_site.standin.plan = Unlucky(seed=7, restart=0.05, only=WRITES)
    empty_site.manage("db_sync")
    refused = list(empty_site.standin.refused)
    assert len([sql for sql in refused if sql.lstrip().startswith(("CREATE", "ALTER", "DROP"))]) >= 2
    empty_site.standin.plan = lambda _sql: None
    empty_site.manage("db_sync", "--check")


@pytest.mark.parametrize(
    "last",
    ["CREATE TABLE endpoint", "version_num) VALUES ('27e647c0fad4')", "ADD COLUMN", "trust@duplicate"],
)
def test_an_interrupted_db_sync_is_simply_run_again(empty_site: Site, last: str) -> None:
    reached: list[str] = []

    def broken(sql: str) -> str | None:
        """From a certain statement on the server refuses everything."""
        if last in " ".join(sql.split()):
            reached.append(sql)
        return "XX000" if reached else None

    empty_site.standin.plan = broken
    with pytest.raises(CommandFailed):
        empty_site.manage("db_sync")
    assert reached
    empty_site.standin.plan = lambda _sql: None
    empty_site.manage("db_sync")
    empty_site.manage("db_sync", "--check")
    assert versions(empty_site) == sorted(["742c857f1dfb", "c88cdce8f248"])


def test_a_table_of_somebody_else_is_named(empty_site: Site) -> None:
    with sa.create_engine(empty_site.standin.url, poolclass=sa.pool.NullPool).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE credential (id integer)")
    with pytest.raises(CommandFailed, match=r"there is a table credential already, without .*encrypted_blob"):
        empty_site.manage("db_sync")
