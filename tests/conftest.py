"""Fixtures that all tests may use: database servers, databases, other releases of Keystone.

Nothing is started before a test asks for it. ``VIADUCT_REQUIRE_ALL=1`` turns skips for missing servers into
failures.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support import durations, keystones, quickstarts
from tests.support.databases import Databases, DatabaseScope
from tests.support.servers import MissingServer, Server, Servers, external, new_run_folder, unavailable

# how long an example takes is the machine's business, and is no test's result
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

RUN_FOLDER = pytest.StashKey[Path]()
UNIT = Path(__file__).with_name("unit")
END_QUICKSTARTS = pytest.StashKey[Callable[[], None]]()
KeystoneDatabase = Callable[[str], str]


def _worker_input(config: pytest.Config) -> dict[str, str] | None:
    """What the pytest-xdist controller handed to this worker; None in the controller and without xdist."""
    return getattr(config, "workerinput", None)


def pytest_configure(config: pytest.Config) -> None:
    """The session's own process makes the run folder; workers are told where it is."""
    given = _worker_input(config)
    config.stash[RUN_FOLDER] = Path(given["viaduct_run_folder"]) if given else new_run_folder()
    # a shell starts what is to run in the background with Ctrl-C ignored, and so would be what tests start
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.stash[END_QUICKSTARTS] = quickstarts.install()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Unit tests last: so no worker of pytest-xdist is left alone with the long ones at the end.

    What ``engines`` leaves out of a test's engines becomes a ``twin``, before tests are chosen by marks.
    """
    items.sort(key=lambda item: item.path.is_relative_to(UNIT))
    for item in items:
        chosen = item.get_closest_marker("engines")
        if chosen is not None and _engine_of(item) not in (None, *chosen.args):
            item.add_marker(pytest.mark.twin)


def _engine_of(item: pytest.Item) -> str | None:
    """The engine that a test is run on; None for one that is not run for each."""
    call = getattr(item, "callspec", None)
    return None if call is None else call.params.get("engine_name", call.params.get("engine"))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """After everything else that is told: how long the files took."""
    yield
    for line in durations.lines(report for told in terminalreporter.stats.values() for report in told):
        terminalreporter.write_line(line)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: pytest.Item) -> None:
    """Called by pytest-xdist in the controller for each worker."""
    node.workerinput["viaduct_run_folder"] = str(node.config.stash[RUN_FOLDER])  # type: ignore[attr-defined]
    node.workerinput["viaduct_owner"] = str(os.getpid())  # type: ignore[attr-defined]


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the servers (called on Ctrl-C too; a killed session is cleaned up after by the guardians)."""
    if END_QUICKSTARTS in config.stash:
        config.stash[END_QUICKSTARTS]()
    if _worker_input(config) is None and RUN_FOLDER in config.stash:
        Servers(config.stash[RUN_FOLDER], os.getpid()).stop_all()


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> Servers:
    """The session's database servers, shared by all workers."""
    given = _worker_input(pytestconfig)
    owner = int(given["viaduct_owner"]) if given else os.getpid()
    return Servers(pytestconfig.stash[RUN_FOLDER], owner)


@pytest.fixture(scope="session")
def databases(servers: Servers) -> Databases:
    """Maker of databases; most tests want ``database_scope`` or one of the URL fixtures below."""
    return Databases(servers)


def _server(servers: Servers, name: str) -> Server:
    try:
        return servers.get(name)
    except MissingServer as missing:
        unavailable(str(missing), f"without it nothing is known about {name}", optional=name == "mysql")


@pytest.fixture(scope="session")
def postgresql(servers: Servers) -> Server:
    """A PostgreSQL server."""
    return _server(servers, "postgresql")


@pytest.fixture(scope="session")
def mariadb(servers: Servers) -> Server:
    """A MariaDB server."""
    return _server(servers, "mariadb")


@pytest.fixture(scope="session")
def mysql(servers: Servers) -> Server:
    """A MySQL server, where Debian's unstable suite has one now."""
    return _server(servers, "mysql")


@pytest.fixture
def database_scope(databases: Databases) -> Iterator[DatabaseScope]:
    """Databases for one test."""
    with databases.scope() as scope:
        yield scope


@pytest.fixture(scope="module")
def module_databases(databases: Databases) -> Iterator[DatabaseScope]:
    """Databases for one module."""
    with databases.scope() as scope:
        yield scope


@pytest.fixture
def sqlite_url(database_scope: DatabaseScope) -> str:
    """A fresh empty SQLite database (a file)."""
    return database_scope.empty("sqlite")


@pytest.fixture
def postgresql_url(postgresql: Server, database_scope: DatabaseScope) -> str:
    """A fresh empty PostgreSQL database."""
    return database_scope.empty("postgresql")


@pytest.fixture
def mariadb_url(mariadb: Server, database_scope: DatabaseScope) -> str:
    """A fresh empty MariaDB database."""
    return database_scope.empty("mariadb")


@pytest.fixture
def mysql_url(mysql: Server, database_scope: DatabaseScope) -> str:
    """A fresh empty MySQL database."""
    return database_scope.empty("mysql")


@pytest.fixture
def cockroach_url() -> str:
    """The CockroachDB database that the user gives (it is emptied by whoever uses it)."""
    return external("VIADUCT_COCKROACH_URL", "cockroachdb://root@host:26257/database")


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.postgresql),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
        pytest.param("mysql", marks=pytest.mark.mysql),
    ]
)
def engine_name(request: pytest.FixtureRequest) -> str:
    """Each engine that can be started here, one after the other."""
    name: str = request.param
    if name != "sqlite":
        request.getfixturevalue(name)
    return name


@pytest.fixture
def database_url(engine_name: str, database_scope: DatabaseScope) -> str:
    """A fresh empty database, on each engine."""
    return database_scope.empty(engine_name)


@pytest.fixture
def keystone_url(engine_name: str, database_scope: DatabaseScope) -> str:
    """A fresh database migrated by the installed Keystone, on each engine."""
    return database_scope.keystone(engine_name)


@pytest.fixture
def keystone_database(servers: Servers, database_scope: DatabaseScope) -> KeystoneDatabase:
    """``keystone_database("postgresql")``: URL of a fresh database migrated by the installed Keystone."""

    def make(engine: str) -> str:
        if engine != "sqlite":
            _server(servers, engine)
        return database_scope.keystone(engine)

    return make


@pytest.fixture(scope="session")
def keystone27() -> keystones.Release:
    """Keystone 27 (2025.1) in its own environment."""
    return keystones.release(27)


@pytest.fixture(scope="session")
def keystone24() -> keystones.Release:
    """Keystone 24 (2023.2, SQLAlchemy 1.4) in its own environment."""
    return keystones.release(24)


@pytest.fixture(scope="session")
def keystone_cockroach() -> keystones.Release:
    """The newest Keystone with CockroachDB's dialect (SQLAlchemy 2.0) in its own environment."""
    return keystones.release("cockroach")
