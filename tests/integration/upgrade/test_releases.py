"""Who still runs the old release: sessions, accounts, and what workers tell of themselves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from keystone_viaduct.clock import ManualClock
from keystone_viaduct.errors import UpgradeRefused
from keystone_viaduct.upgrade.journal import SqlJournal
from keystone_viaduct.upgrade.presence import LAPSE_MICROSECONDS, Keeper, Presence, around
from keystone_viaduct.upgrade.releases import Leaving, Named, refuse_while_old_runs
from keystone_viaduct.upgrade.sessions import Identity, look
from tests.conftest import KeystoneDatabase
from tests.support.pooler import between

OLD, NEW = Identity(program="keystone-24"), Identity(program="keystone-25")
BOTH = Named(OLD, NEW)
ENABLED = Leaving((("user", "enabled"),))
MODELS_24 = {"user": ("id", "enabled"), "mapping": ("id",)}
MODELS_25 = {"user": ("id", "status"), "mapping": ("id", "schema_version")}
SECONDS = 30.0


def evidence(engine: sa.engine.Engine, named: Named = BOTH, leaving: Leaving = ENABLED) -> str:
    """What contract asks."""
    return refuse_while_old_runs(engine, named, leaving, ManualClock())


@contextmanager
def session(url: str, name: str = "", account: str = "") -> Iterator[None]:
    """Somebody is connected; at the end the server has noticed that they are gone.

    Without a name and an account it could not be told from the sessions of other tests.
    """
    assert name or account
    parsed = sa.engine.make_url(url)
    if name:
        word = "application_name" if parsed.get_backend_name() == "postgresql" else "program_name"
        parsed = parsed.update_query_dict({word: name})
    if account:
        parsed = parsed.set(username=account)
    engine = sa.create_engine(parsed, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT 1"))
        yield
    who, until = Identity(account, name), time.monotonic() + SECONDS
    with sa.create_engine(url, poolclass=sa.pool.NullPool).connect() as connection:
        while any(who.is_of(item) for item in look(connection, programs=bool(name))):
            assert time.monotonic() < until
            connection.rollback()


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.engine.Engine]:
    """Where there are sessions."""
    made = sa.create_engine(database_url)
    if made.dialect.name == "sqlite":
        pytest.skip("SQLite knows no sessions")
    yield made
    made.dispose()


@pytest.fixture
def tells_programs(engine: sa.engine.Engine) -> sa.engine.Engine:
    """MariaDB has the performance schema off by default."""
    with engine.connect() as connection:
        is_mysql = engine.dialect.name == "mysql"
        if is_mysql and not connection.execute(sa.text("SELECT @@performance_schema")).scalar():
            pytest.skip("this server's performance schema is off")
    return engine


@pytest.fixture
def accounts(engine: sa.engine.Engine) -> Iterator[tuple[str, str]]:
    """One for each release; not those of the command, nor privileged."""
    names = ("upgraded_old", "upgraded_new")
    admin = engine.execution_options(isolation_level="AUTOCOMMIT")
    is_mysql = engine.dialect.name == "mysql"
    with admin.connect() as connection:
        for name in names:
            for statement in (
                (f"CREATE USER '{name}'@'localhost'", f"GRANT ALL ON *.* TO '{name}'@'localhost'")
                if is_mysql
                else (f"CREATE ROLE {name} LOGIN",)
            ):
                connection.exec_driver_sql(statement)
    yield names
    with admin.connect() as connection:
        for name in names:
            connection.exec_driver_sql(f"DROP USER '{name}'@'localhost'" if is_mysql else f"DROP ROLE {name}")


def test_contract_wants_to_see_the_new_release_and_not_the_old(
    tells_programs: sa.engine.Engine, database_url: str
) -> None:
    engine = tells_programs
    with pytest.raises(UpgradeRefused, match="proves nothing"):
        evidence(engine)
    with session(database_url, "keystone-25"):
        with (
            session(database_url, "keystone-24"),
            pytest.raises(UpgradeRefused, match="still has 1 sessions"),
        ):
            evidence(engine)
        assert evidence(engine) == "program keystone-25 is connected, program keystone-24 is not"
        with session(database_url, "pgbouncer"), pytest.raises(UpgradeRefused, match="stands between"):
            evidence(engine)


def test_an_old_account_without_sessions_is_locked_and_one_with_sessions_is_not(
    engine: sa.engine.Engine, database_url: str, accounts: tuple[str, str]
) -> None:
    old, new = accounts
    locking = Named(Identity(old), lock=True)
    with session(database_url, account=old), pytest.raises(UpgradeRefused, match="still has 1 sessions"):
        evidence(engine, locking)
    with session(database_url, account=old):
        pass  # it can come back
    with pytest.raises(UpgradeRefused, match="not seen either"):
        evidence(engine, Named(Identity(old), Identity(new), lock=True))
    with session(database_url, account=old):
        pass
    assert evidence(engine, locking) == f"account {old} has no session and is locked"
    with pytest.raises(sa.exc.DBAPIError), session(database_url, account=old):
        pass


def test_what_can_not_be_locked_is_refused_before_anything_is(
    engine: sa.engine.Engine, accounts: tuple[str, str]
) -> None:
    with pytest.raises(UpgradeRefused, match="no account to be locked"):
        evidence(engine, Named(OLD, NEW, lock=True))
    with pytest.raises(UpgradeRefused, match="nobody_of_that_name"):
        evidence(engine, Named(Identity("nobody_of_that_name"), lock=True))
    myself = str(engine.url.username)
    others = Named(Identity(myself, "a program that is not there"), lock=True)
    with pytest.raises(UpgradeRefused, match=r"account of this command|performance schema"):
        evidence(engine, others)


def test_a_user_without_privileges_sees_the_sessions_of_others_or_is_told_that_it_does_not(
    engine: sa.engine.Engine, database_url: str, accounts: tuple[str, str]
) -> None:
    old, new = accounts
    named = Named(Identity(old), Identity(new))
    if engine.dialect.name == "mysql":
        with engine.begin() as connection:
            connection.exec_driver_sql(f"REVOKE PROCESS ON *.* FROM '{new}'@'localhost'")
    with_less = sa.create_engine(engine.url.set(username=new), poolclass=sa.pool.NullPool)
    wanted = "lacks PROCESS" if engine.dialect.name == "mysql" else "still has 1 sessions"
    with session(database_url, account=old), session(database_url, account=new):
        with pytest.raises(UpgradeRefused, match=wanted):
            evidence(with_less, named)
        with pytest.raises(UpgradeRefused, match="still has 1 sessions"):
            evidence(engine, named)


@pytest.mark.parametrize("engine_name", ["mariadb", "mysql"], indirect=True)
def test_the_right_to_see_all_sessions_may_come_by_a_role_or_to_an_account_of_any_name(
    engine: sa.engine.Engine, database_url: str
) -> None:
    """What `information_schema.user_privileges` has of the account itself is not all that it may do."""
    odd = "upgraded@odd"
    statements = (
        "CREATE ROLE upgrading",
        "GRANT PROCESS ON *.* TO upgrading",
        "CREATE USER upgraded_role@'local%'",
        "GRANT upgrading TO upgraded_role@'local%'",
        "SET DEFAULT ROLE upgrading FOR upgraded_role@'local%'"
        if is_mariadb(engine)
        else "SET DEFAULT ROLE upgrading TO upgraded_role@'local%'",
        f"CREATE USER '{odd}'@'%'",
        f"GRANT PROCESS ON *.* TO '{odd}'@'%'",
        "CREATE USER upgraded_less@'%'",
    )
    admin = engine.execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement.replace("%", "%%"))
        for account in ("upgraded_role@'local%%'", f"'{odd}'@'%%'", "upgraded_less@'%%'"):
            database = engine.url.database
            connection.exec_driver_sql(f"GRANT SELECT ON `{database}`.* TO {account}")
    try:
        for account, sees in (("upgraded_role", True), (odd, True), ("upgraded_less", False)):
            watching = sa.create_engine(engine.url.set(username=account), poolclass=sa.pool.NullPool)
            with session(database_url, account="upgraded_role"), watching.connect() as connection:
                if sees:
                    found = {one.account for one in look(connection, programs=False)}
                    assert found > {"upgraded_role"}
                else:
                    with pytest.raises(UpgradeRefused, match="lacks PROCESS"):
                        list(look(connection, programs=False))
    finally:
        with admin.connect() as connection:
            for user in ("upgraded_role@'local%%'", f"'{odd}'@'%%'", "upgraded_less@'%%'"):
                connection.exec_driver_sql(f"DROP USER {user}")
            connection.exec_driver_sql("DROP ROLE upgrading")


def is_mariadb(engine: sa.engine.Engine) -> bool:
    with engine.connect() as connection:
        return "MariaDB" in str(connection.execute(sa.text("SELECT VERSION()")).scalar_one())


def test_a_pooler_before_the_database_is_noticed(
    engine: sa.engine.Engine, database_url: str, tmp_path: Path
) -> None:
    with between(database_url, tmp_path) as url:
        behind = sa.create_engine(url, poolclass=sa.pool.NullPool)
        with behind.connect() as connection:
            assert connection.execute(sa.text("SELECT 1")).scalar_one() == 1
        with pytest.raises(UpgradeRefused, match="something stands between us and the database"):
            evidence(behind, Named(Identity("one"), Identity("two")))


def test_without_names_or_where_nothing_is_told_contract_is_refused(
    sqlite_url: str, mariadb_url: str
) -> None:
    sqlite, mariadb = sa.create_engine(sqlite_url), sa.create_engine(mariadb_url)
    with pytest.raises(UpgradeRefused, match="nothing is known"):
        evidence(sqlite, Named(Identity(), NEW))
    with pytest.raises(UpgradeRefused, match="no sessions"):
        evidence(sqlite)
    with pytest.raises(UpgradeRefused, match="performance schema"):
        evidence(mariadb)
    with pytest.raises(UpgradeRefused, match="proves nothing"):
        evidence(mariadb, Named(Identity("keystone24"), Identity("keystone25")))


class Workers:
    """What workers tell, at times that the test sets."""

    def __init__(self, url: str) -> None:
        self.engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
        self.clock = ManualClock()

    def worker(self, name: str, release: int) -> Presence:
        """One of a release."""
        columns = MODELS_24 if release == 24 else MODELS_25
        return Presence(self.engine, f"keystone-{release}.0.0", columns, self.clock, f"{name}:1:1")

    def evidence(self, leaving: Leaving = ENABLED) -> str:
        """What contract asks."""
        return refuse_while_old_runs(self.engine, Named(), leaving, self.clock)


@pytest.fixture
def workers(database_url: str) -> Workers:
    """On a database with a journal."""
    made = Workers(database_url)
    assert made.worker("a", 24).beat() is False
    SqlJournal(made.engine, made.clock).prepare()
    return made


def test_workers_tell_what_they_run_and_contract_waits_for_the_last_old_one(workers: Workers) -> None:
    with pytest.raises(UpgradeRefused, match="nothing is known"):
        workers.evidence()
    first, killed, new = workers.worker("a", 24), workers.worker("b", 24), workers.worker("c", 25)
    assert new.beat()
    with pytest.raises(UpgradeRefused, match="has ever told of itself"):
        workers.evidence()
    for old in (first, killed):
        old.beat()
    with pytest.raises(UpgradeRefused, match=r"still runs: keystone-24.0.0 in a:1:1, keystone-24.0.0 in b"):
        workers.evidence()
    first.end()
    with pytest.raises(UpgradeRefused, match=r"still runs: keystone-24.0.0 in b:1:1 "):
        workers.evidence()
    workers.clock.advance(LAPSE_MICROSECONDS + 1)
    with pytest.raises(UpgradeRefused, match="no worker of the new release"):
        workers.evidence()
    new.beat()
    assert workers.evidence() == "1 workers of the new release run, 2 of the old one have ended"
    killed.beat()  # it was only asleep
    with pytest.raises(UpgradeRefused, match="still runs"):
        workers.evidence()


@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
def test_where_no_column_goes_the_release_of_the_scripts_tells(workers: Workers) -> None:
    scripts = Leaving((), "keystone-25.0.0")
    old = workers.worker("a", 24)
    old.beat()
    workers.worker("b", 25).beat()
    with pytest.raises(UpgradeRefused, match="still runs: keystone-24"):
        workers.evidence(scripts)
    old.end()
    assert "1 workers of the new release run" in workers.evidence(scripts)


@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
def test_a_process_has_one_row_however_many_requests_it_serves(workers: Workers) -> None:
    made: list[Presence] = []

    def make() -> Presence:
        made.append(workers.worker("a", 24))
        return made[-1]

    keeper = Keeper(make, seconds=3600.0)
    for _ in range(5):
        keeper.watch()
    assert len(made) == 1
    keeper.end()
    keeper.end()
    with pytest.raises(UpgradeRefused, match="no worker of the new release"):
        workers.evidence()


def test_a_keystone_without_an_sql_database_tells_nothing() -> None:
    application = object()
    assert around(application, None) is application


def test_the_sessions_of_a_cluster_are_those_of_all_its_nodes(
    monkeypatch: pytest.MonkeyPatch, keystone_database: KeystoneDatabase
) -> None:
    """A server that says that it is one of three: what it knows of sessions is not enough."""
    from keystone_viaduct.upgrade import sessions

    told = "SELECT 'wsrep_cluster_size', '3' UNION SELECT 'wsrep_gcomm_uuid', 'one'"
    monkeypatch.setattr(sessions, "_NODE", told)
    engine = sa.create_engine(keystone_database("mariadb"), poolclass=sa.pool.NullPool)
    with pytest.raises(UpgradeRefused, match="the cluster has 3 nodes"):
        evidence(engine, Named(Identity("one"), Identity("two")))
