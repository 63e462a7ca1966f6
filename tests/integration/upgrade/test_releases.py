"""Who still runs the old release, as the database's sessions tell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
import sqlalchemy as sa

from keystone_viaduct.errors import UpgradeRefused
from keystone_viaduct.upgrade.releases import Identity, refuse_while_old_runs

OLD, NEW = Identity(program="keystone-24"), Identity(program="keystone-25")


@contextmanager
def program(url: str, name: str) -> Iterator[None]:
    """A session of a program of that name."""
    parsed = sa.engine.make_url(url)
    word = "application_name" if parsed.get_backend_name() == "postgresql" else "program_name"
    engine = sa.create_engine(parsed.update_query_dict({word: name}), poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT 1"))
        yield


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.engine.Engine]:
    """Where sessions tell their programs: MariaDB has the performance schema off by default."""
    made = sa.create_engine(database_url)
    if made.dialect.name == "sqlite":
        pytest.skip("SQLite knows no sessions")
    with made.connect() as connection:
        if (
            made.dialect.name == "mysql"
            and not connection.execute(sa.text("SELECT @@performance_schema")).scalar()
        ):
            pytest.skip("this server's performance schema is off")
    yield made
    made.dispose()


def test_contract_wants_to_see_the_new_release_and_not_the_old(
    engine: sa.engine.Engine, database_url: str
) -> None:
    with pytest.raises(UpgradeRefused, match="proves nothing"):
        refuse_while_old_runs(engine, OLD, NEW)
    with ExitStack() as stack:
        stack.enter_context(program(database_url, "keystone-25"))
        with (
            program(database_url, "keystone-24"),
            pytest.raises(UpgradeRefused, match="still has 1 sessions"),
        ):
            refuse_while_old_runs(engine, OLD, NEW)
        refuse_while_old_runs(engine, OLD, NEW)
        with program(database_url, "pgbouncer"), pytest.raises(UpgradeRefused, match="stands between"):
            refuse_while_old_runs(engine, OLD, NEW)


def test_without_names_or_where_nothing_is_told_contract_is_refused(
    sqlite_url: str, mariadb_url: str
) -> None:
    with pytest.raises(UpgradeRefused, match="nothing is known"):
        refuse_while_old_runs(sa.create_engine(sqlite_url), Identity(), NEW)
    with pytest.raises(UpgradeRefused, match="no sessions"):
        refuse_while_old_runs(sa.create_engine(sqlite_url), OLD, NEW)
    with pytest.raises(UpgradeRefused, match="performance schema"):
        refuse_while_old_runs(sa.create_engine(mariadb_url), OLD, NEW)
    with pytest.raises(UpgradeRefused, match="proves nothing"):
        refuse_while_old_runs(sa.create_engine(mariadb_url), Identity("keystone24"), Identity("keystone25"))
