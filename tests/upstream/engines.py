"""The engines that upstream's suites can be run on, and empty databases on each."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from keystone_viaduct.testing import galera
from tests.support.databases import Databases
from tests.support.servers import MissingServer, Servers, new_run_folder
from tests.support.standin import StandIn


@dataclass(frozen=True)
class Engine:
    """``dialect`` names the server that tests can start; one that they can't is given by ``variable``
    (Galera either way).

    ``isolation_level`` is that of Keystone's sessions (None: the server's own). ``environment`` is that of
    ``.venvs`` that has the dialect, where ``.venv`` has not.
    """

    name: str
    dialect: str
    isolation_level: str | None = None
    variable: str | None = None
    example: str = ""
    environment: str | None = None

    @property
    def lists(self) -> tuple[str, ...]:
        """Names of the lists of expected skips that hold here, from the general to the particular."""
        return tuple(dict.fromkeys(("all", self.dialect, self.name)))


ENGINES = {
    engine.name: engine
    for engine in (
        Engine("sqlite", "sqlite"),
        Engine("postgresql", "postgresql"),
        Engine("postgresql-serializable", "postgresql", "SERIALIZABLE"),
        Engine("mariadb", "mariadb"),
        Engine("galera", "mariadb", None, "VIADUCT_GALERA_URL", "mysql+pymysql://root@node/mysql"),
        Engine("mysql", "mysql"),
        Engine(
            "cockroach",
            "cockroachdb",
            variable="VIADUCT_COCKROACH_URL",
            example="cockroachdb+psycopg2://root@host:26257/defaultdb",
            environment="cockroach",
        ),
        Engine("cassandra", "cassandra"),
        Engine("cassandra-memory", "cassandra"),
        Engine("cockroach-stand-in", "cockroachdb", environment="cockroach"),
    )
}


def missing(engine: Engine) -> str | None:
    """What is wanted before this engine can be used, if that can be told without looking for programs."""
    if engine.variable is None or engine.name == "galera" or os.environ.get(engine.variable):
        return None
    return (
        f"{engine.name} cannot be started here and {engine.variable} is not set; give the URL of a server "
        f"where databases may be made, like {engine.example}"
    )


@contextmanager
def databases(engine: Engine, number: int) -> Iterator[list[str]]:
    """URLs of so many empty databases, which are gone afterwards.

    Raises :class:`MissingServer`, with what to do, when there is no such server.
    """
    reason = missing(engine)
    if reason is not None:
        raise MissingServer(reason)
    if engine.dialect == "sqlite":
        yield ["sqlite://"] * number
    elif engine.name == "cassandra-memory":
        yield ["cassandra://memory"] * number
    elif engine.name == "cassandra":
        with _on_cassandra(number) as urls:
            yield urls
    elif engine.name == "galera" and not os.environ.get("VIADUCT_GALERA_URL"):
        with _on_a_cluster(number) as urls:
            yield urls
    elif engine.variable is not None:
        with _on_a_given_server(engine, engine.variable, number) as urls:
            yield urls
    elif engine.name == "cockroach-stand-in":
        with _on_a_server("postgresql", number) as urls, contextlib.ExitStack() as stack:
            yield [stack.enter_context(StandIn(url)).cockroach_url for url in urls]
    else:
        with _on_a_server(engine.dialect, number) as urls:
            yield urls


@contextmanager
def _on_a_server(name: str, number: int) -> Iterator[list[str]]:
    """A server of our own."""
    servers = Servers(new_run_folder(), os.getpid())
    try:
        made = Databases(servers)
        yield [made.empty(name) for _ in range(number)]
    finally:
        servers.stop_all()


@contextmanager
def _on_cassandra(number: int) -> Iterator[list[str]]:
    """A node of our own, which all processes share: each test has a prefix of its own in all keys."""
    from tests.support import cassandras  # not every environment has the driver

    servers = Servers(new_run_folder(), os.getpid())
    try:
        yield [f"cassandra://{cassandras.start(servers.run_folder, os.getpid())}"] * number
    finally:
        servers.stop_all()


@contextmanager
def _on_a_cluster(number: int) -> Iterator[list[str]]:
    """A cluster of three sites; each database is used at a site of its own, in turn."""
    reason = galera.missing()
    if reason is not None:
        raise MissingServer(f"{reason}; or give the URL of a server by VIADUCT_GALERA_URL")
    with galera.Galera(3) as cluster:
        names = [f"upstream_{position}" for position in range(number)]
        for name in names:
            cluster.create(name)
        sites = list(cluster.sites)
        yield [cluster.url(sites[place % len(sites)], name) for place, name in enumerate(names)]


@contextmanager
def _on_a_given_server(engine: Engine, variable: str, number: int) -> Iterator[list[str]]:
    given = os.environ[variable]
    names = [f"viaduct_upstream_{uuid.uuid4().hex[:12]}" for _ in range(number)]
    admin = sa.create_engine(given, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
    try:
        for name in names:
            _execute(admin, variable, f"CREATE DATABASE {name}")
        url = sa.engine.make_url(given)
        yield [url.set(database=name).render_as_string(hide_password=False) for name in names]
    finally:
        for name in names:
            _execute(admin, variable, f"DROP DATABASE IF EXISTS {name}")


def _execute(engine: sa.engine.Engine, variable: str, statement: str) -> None:
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
    except sa.exc.SQLAlchemyError as error:
        reason = str(error).splitlines()[0]
        raise MissingServer(f"the server of {variable} refused {statement!r}: {reason}") from error
