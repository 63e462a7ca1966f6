"""The databases that the other tests stand on."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.conftest import KeystoneDatabase
from tests.support.databases import Databases


def tables(url: str) -> set[str]:
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    return set(sa.inspect(engine).get_table_names())


def test_an_empty_database_has_no_tables(database_url: str) -> None:
    assert tables(database_url) == set()


def test_a_migrated_database_has_keystones_tables_and_its_root_domain(keystone_url: str) -> None:
    assert {"user", "local_user", "assignment", "access_rule", "alembic_version"} <= tables(keystone_url)
    engine = sa.create_engine(keystone_url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        roots = connection.execute(sa.text("SELECT id FROM project")).scalars().all()
    assert roots == ["<<keystone.domain.root>>"]


def test_a_copy_keeps_foreign_keys_and_indexes(engine_name: str, keystone_database: KeystoneDatabase) -> None:
    engine = sa.create_engine(keystone_database(engine_name), poolclass=sa.pool.NullPool)
    inspector = sa.inspect(engine)
    assert {key["referred_table"] for key in inspector.get_foreign_keys("local_user")} == {"user"}
    assert len(inspector.get_indexes("revocation_event")) >= 3


def test_databases_are_distinct_and_quickly_made(
    engine_name: str, keystone_database: KeystoneDatabase
) -> None:
    first = keystone_database(engine_name)
    started = time.monotonic()
    second = keystone_database(engine_name)
    assert time.monotonic() - started < 5, "a copy must not run the migrations again"
    assert first != second


def test_a_dropped_scope_leaves_no_database(engine_name: str, databases: Databases) -> None:
    with databases.scope() as scope:
        url = scope.keystone(engine_name)
        held = sa.create_engine(url).connect()
    held.invalidate()
    if engine_name == "sqlite":
        assert not Path(str(sa.engine.make_url(url).database)).exists()
    else:
        with pytest.raises(sa.exc.OperationalError, match=r"exist|Unknown database"):
            tables(url)
