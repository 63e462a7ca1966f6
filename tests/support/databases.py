"""Databases for tests: empty ones, and ones that the installed Keystone's own migrations have made.

``keystone-manage db_sync`` runs once per session and engine; every further database is a copy of the result:
a file (SQLite), a template database (PostgreSQL), or its tables made again from their ``SHOW CREATE TABLE``
(MariaDB, MySQL).
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from tests.support.keystones import make_home
from tests.support.servers import Servers, locked

ENGINES = ("sqlite", "postgresql", "mariadb", "mysql")


class Databases:
    """Makes databases of the engines."""

    def __init__(self, servers: Servers) -> None:
        self.servers = servers
        self.folder = servers.run_folder

    def empty(self, engine: str) -> str:
        """URL of a fresh empty database."""
        if engine == "sqlite":
            return f"sqlite:///{self.folder}/{_name()}.db"
        return self._create(engine)

    def _create(self, engine: str, options: str = "") -> str:
        server, name = self.servers.get(engine), _name()
        if server.given:  # it outlives us, and this database need not
            with (self.folder / f"{engine}.made").open("a") as made:
                made.write(f"{name}\n")
        _run(server.admin_url, f"CREATE DATABASE {name}{options}")
        return server.url(name)

    def keystone(self, engine: str) -> str:
        """URL of a fresh database with Keystone's tables and the rows that its migrations write."""
        template = self._template(engine)
        if engine == "sqlite":
            path = self.folder / f"{_name()}.db"
            shutil.copyfile(template, path)
            return f"sqlite:///{path}"
        if engine == "postgresql":
            return self._create(engine, f" TEMPLATE {template}")
        url = self._create(engine)
        _replay(url, self.folder / f"{engine}.tables.json")
        return url

    def drop(self, url: str) -> None:
        """Remove a database that was made here, also when connections to it are still open."""
        parsed = sa.engine.make_url(url)
        if parsed.get_backend_name() == "sqlite":
            for suffix in ("", "-wal", "-shm", "-journal"):
                Path(f"{parsed.database}{suffix}").unlink(missing_ok=True)
            return
        force = " WITH (FORCE)" if parsed.get_backend_name() == "postgresql" else ""
        _run(_admin_url(parsed), f"DROP DATABASE IF EXISTS {parsed.database}{force}")

    @contextmanager
    def scope(self) -> Iterator[DatabaseScope]:
        """Databases that are dropped at the end of the ``with``."""
        made = DatabaseScope(self)
        try:
            yield made
        finally:
            for url in made.urls:
                self.drop(url)

    def _template(self, engine: str) -> str:
        """Name (for SQLite: path) of the migrated database that the others are copied from."""
        done = self.folder / f"{engine}.template"
        with locked(self.folder / f"{engine}.template.lock"):
            if not done.exists():
                url = self.empty(engine)
                make_home(self.folder / f"{engine}-home", url).manage("db_sync")
                if engine not in ("sqlite", "postgresql"):
                    _record(url, self.folder / f"{engine}.tables.json")
                done.write_text(str(sa.engine.make_url(url).database))
        return done.read_text()


class DatabaseScope:
    """The databases of one test or one module."""

    def __init__(self, databases: Databases) -> None:
        self.databases = databases
        self.urls: list[str] = []

    def empty(self, engine: str) -> str:
        """URL of a fresh empty database."""
        self.urls.append(self.databases.empty(engine))
        return self.urls[-1]

    def keystone(self, engine: str) -> str:
        """URL of a fresh database migrated by the installed Keystone."""
        self.urls.append(self.databases.keystone(engine))
        return self.urls[-1]


def _name() -> str:
    return f"t_{uuid.uuid4().hex[:16]}"


def _admin_url(url: sa.engine.URL) -> sa.engine.URL:
    return url.set(database="postgres" if url.get_backend_name() == "postgresql" else "mysql")


def _run(url: str | sa.engine.URL, statement: str) -> None:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(statement))


def _record(url: str, path: Path) -> None:
    """Keep how to make the tables of a migrated MariaDB or MySQL database again, and their few rows."""
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    statements = []
    with engine.connect() as connection:
        database = connection.exec_driver_sql("SELECT DATABASE()").scalar_one()
        for table in sorted(sa.inspect(connection).get_table_names()):
            statements.append(connection.exec_driver_sql(f"SHOW CREATE TABLE `{table}`").one()[1])
            if connection.exec_driver_sql(f"SELECT 1 FROM `{table}` LIMIT 1").first():
                statements.append(f"INSERT INTO `{table}` SELECT * FROM `{database}`.`{table}`")
    path.write_text(json.dumps(statements))


def _replay(url: str, path: Path) -> None:
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("SET foreign_key_checks = 0")
        for statement in json.loads(path.read_text()):
            connection.exec_driver_sql(statement.replace("%", "%%"))
