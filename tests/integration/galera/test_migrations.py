"""Keystone's migrations on a cluster: run at one site, there at all; an upgrade by way of another site."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from keystone_viaduct.testing.galera import Galera
from tests.support.keystones import Release, installed, make_home

pytestmark = [pytest.mark.galera, pytest.mark.keystone]
Shape = dict[str, list[tuple[str, str]]]


def shape(cluster: Galera, site: int, database: str) -> Shape:
    """Tables with their columns and types as a site has them."""
    engine = sa.create_engine(cluster.url(site, database), poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql("SET SESSION wsrep_sync_wait = 1")
        rows = connection.exec_driver_sql(
            "SELECT table_name, column_name, column_type FROM information_schema.columns"
            f" WHERE table_schema = '{database}' ORDER BY table_name, column_name"
        ).all()
    found: Shape = {}
    for table, column, type_ in rows:
        found.setdefault(table, []).append((column, type_))
    return found


def versions(cluster: Galera, site: int, database: str) -> set[str]:
    engine = sa.create_engine(cluster.url(site, database), poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        return {row[0] for row in connection.exec_driver_sql("SELECT version_num FROM alembic_version")}


@pytest.mark.keystone27
def test_each_phase_of_an_upgrade_may_run_at_another_site(
    cluster: Galera, database: str, keystone27: Release, tmp_path: Path
) -> None:
    cluster.set_rtt(0.01)
    make_home(tmp_path / "old", cluster.url(1, database), keystone27).manage("db_sync")
    old = versions(cluster, 3, database)
    for site, phase in ((2, "--expand"), (3, "--migrate"), (1, "--contract")):
        home = make_home(tmp_path / phase.strip("-"), cluster.url(site, database), installed())
        home.manage("db_sync", phase)
    shapes = [shape(cluster, site, database) for site in cluster.sites]
    assert shapes[0] == shapes[1] == shapes[2]
    assert len(shapes[0]) > 40
    assert versions(cluster, 2, database) == versions(cluster, 1, database) != old


def test_viaduct_manage_migrates_a_new_database(cluster: Galera, database: str, tmp_path: Path) -> None:
    home = make_home(tmp_path / "home", cluster.url(2, database))
    installed().run("viaduct", "manage", "--config-file", str(home.config), "db_sync", env=home.env)
    shapes = [shape(cluster, site, database) for site in cluster.sites]
    assert shapes[0] == shapes[1] == shapes[2]
    assert "local_user" in shapes[0]
