"""The database servers that the demo plays on: URLs by release, who is still connected, deadlocks counted."""

from __future__ import annotations

import os
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.testing import galera
from tests.support.servers import MissingServer, Server, Servers, new_run_folder

OLD, NEW = "keystone-24", "keystone-25"
ENGINES = ("postgresql", "mariadb", "mysql", "galera")
_OPERATOR = "operator"


class Ground(ABC):
    """One kind of server."""

    #: Options that Keystone's ``[database]`` section needs here.
    options: dict[str, str] = {}

    @abstractmethod
    def create(self) -> str:
        """Name of a new database; whoever needs an account there has it."""

    @abstractmethod
    def url(self, database: str, release: str, number: int = 1) -> str:
        """By which server ``number`` of a release connects: its sessions can be told from the other's."""

    @abstractmethod
    def operator(self, database: str) -> str:
        """By which the one who upgrades connects."""

    @abstractmethod
    def evidence(self, database: str) -> list[str]:
        """Options of contract: how the sessions of the releases are known."""

    @abstractmethod
    def deadlocks(self, database: str) -> int:
        """How many transactions were given up for others so far."""


class PostgreSQL(Ground):
    """Each release has a name in its URL."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def create(self) -> str:
        name = _name()
        _run(self._server.admin_url, f"CREATE DATABASE {name}")
        return name

    def url(self, database: str, release: str, number: int = 1) -> str:
        return f"{self._server.url(database)}&application_name={release}"

    def operator(self, database: str) -> str:
        return self.url(database, "viaduct-upgrade")

    def evidence(self, database: str) -> list[str]:
        return ["--old-program", OLD, "--new-program", NEW]

    def deadlocks(self, database: str) -> int:
        query = f"SELECT deadlocks FROM pg_stat_database WHERE datname = '{database}'"
        return int(_ask(self._server.admin_url, query))


class MariaDB(Ground):
    """Its performance schema is off, so each release has an account of its own. Nobody is SUPER."""

    def __init__(self, urls: list[str]) -> None:
        self._urls = [sa.engine.make_url(url) for url in urls]

    @property
    def admin_url(self) -> str:
        """The first server, with all rights."""
        return _text(self._urls[0])

    def create(self) -> str:
        name = _name()
        _run(self.admin_url, f"CREATE DATABASE {name}")
        for account in (OLD, NEW, _OPERATOR):
            _run(self.admin_url, f"CREATE USER IF NOT EXISTS '{account}'@'localhost'")
            _run(self.admin_url, f"GRANT ALL ON {name}.* TO '{account}'@'localhost'")
        _run(self.admin_url, f"GRANT PROCESS ON *.* TO '{_OPERATOR}'@'localhost'")
        return name

    def trust(self) -> None:
        """Those who may make triggers are trusted, at each server, as must be without SUPER."""
        for url in self._urls:
            _run(_text(url), "SET GLOBAL log_bin_trust_function_creators = 1")

    def url(self, database: str, release: str, number: int = 1) -> str:
        server = self._urls[(number - 1) % len(self._urls)]
        return _text(server.set(username=release, database=database))

    def operator(self, database: str) -> str:
        return self.url(database, _OPERATOR)

    def evidence(self, database: str) -> list[str]:
        return ["--old-account", OLD, "--new-account", NEW]

    def deadlocks(self, database: str) -> int:
        return int(_ask(self.admin_url, "SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'", column=1))


class MySQL(MariaDB):
    """Here programs are seen by name, and there is a binary log."""

    def create(self) -> str:
        name = super().create()
        self.trust()
        _run(self.admin_url, f"GRANT SELECT ON performance_schema.* TO '{_OPERATOR}'@'localhost'")
        _run(self.admin_url, "SET GLOBAL innodb_monitor_enable = 'lock_deadlocks'")
        return name

    def url(self, database: str, release: str, number: int = 1) -> str:
        return f"{super().url(database, release)}&program_name={release}"

    def evidence(self, database: str) -> list[str]:
        return ["--old-program", OLD, "--new-program", NEW]

    def deadlocks(self, database: str) -> int:
        query = "SELECT count FROM information_schema.innodb_metrics WHERE name = 'lock_deadlocks'"
        return int(_ask(self.admin_url, query))


class Cluster(MariaDB):
    """Galera: each server of a release has a node of its own, and reads what was written at the others."""

    options = {"mysql_wsrep_sync_wait": "7"}

    def create(self) -> str:
        name = super().create()
        self.trust()
        return name

    def deadlocks(self, database: str) -> int:
        """Those of each node, and what the cluster has given up for a write at another node."""
        names = ("Innodb_deadlocks", "wsrep_local_bf_aborts", "wsrep_local_cert_failures")
        asked = [f"SHOW GLOBAL STATUS LIKE '{name}'" for name in names]
        return sum(int(_ask(_text(url), query, column=1)) for url in self._urls for query in asked)

    def evidence(self, database: str) -> list[str]:
        """The sessions at every node count."""
        others = (self.url(database, _OPERATOR, number) for number in range(2, len(self._urls) + 1))
        return [*super().evidence(database), *(part for url in others for part in ("--also-at", url))]


@contextmanager
def ground(engine: str) -> Iterator[Ground]:
    """Start a server. Raises MissingServer."""
    if engine == "galera":
        reason = galera.missing()
        if reason is not None:
            raise MissingServer(reason)
        with galera.Galera(3) as cluster:
            yield Cluster([cluster.url(site, "mysql") for site in cluster.sites])
        return
    servers = Servers(new_run_folder(), os.getpid())
    try:
        server = servers.get(engine)
        if engine == "postgresql":
            yield PostgreSQL(server)
        else:
            yield (MySQL if engine == "mysql" else MariaDB)([server.admin_url])
    finally:
        servers.stop_all()


def _name() -> str:
    return f"upgraded_{uuid.uuid4().hex[:8]}"


def _text(url: sa.engine.URL) -> str:
    """Without %2F: Keystone 25 hands its URL to a parser that reads percent signs."""
    return url.render_as_string(hide_password=False).replace("%2F", "/")


def _run(url: str, statement: str) -> None:
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)


def _ask(url: str, query: str, column: int = 0) -> Any:
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        found = connection.exec_driver_sql(query).first()
    return 0 if found is None else found[column]
