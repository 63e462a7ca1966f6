"""Engines with the examples' tables in a fresh database."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from keystone_viaduct.triggers import Installer, TriggerSpec
from tests.golden.triggers.examples import dirty, metadata


class Database:
    """A database with the examples' tables."""

    def __init__(self, url: str) -> None:
        self.engine = sa.create_engine(url, future=True)
        if self.engine.dialect.name == "sqlite":
            sa.event.listen(
                self.engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = ON")
            )
        metadata.drop_all(self.engine)
        metadata.create_all(self.engine)

    @property
    def name(self) -> str:
        """``sqlite``, ``postgresql``, ``mysql`` (MariaDB too) or ``cockroachdb``."""
        return str(self.engine.dialect.name)

    def install(self, *specs: TriggerSpec) -> None:
        """Install these and no others."""
        with self.engine.connect() as connection:
            Installer(connection).install(specs)

    def run(self, *statements: sa.sql.Executable) -> None:
        """Execute in one transaction."""
        with self.engine.begin() as connection:
            for statement in statements:
                connection.execute(statement)

    def rows(self, *columns: sa.sql.ColumnElement[object]) -> list[tuple[object, ...]]:
        """Rows of these columns, in order."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.select(*columns).order_by(*columns))]

    def marks(self) -> list[tuple[object, ...]]:
        """The marks so far as (kind, key), in the order in which they were written; they are removed."""
        with self.engine.begin() as connection:
            rows = connection.execute(sa.select(dirty.c.kind, dirty.c.key).order_by(dirty.c.id)).all()
            connection.execute(dirty.delete())
        return [tuple(row) for row in rows]


ENGINES = [
    "sqlite",
    "postgresql",
    "mariadb",
    "mysql",
    *(["cockroach"] if os.environ.get("VIADUCT_COCKROACH_URL") else []),
]


@pytest.fixture(params=ENGINES)
def _url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(f"{request.param}_url"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a server."""
    for item in items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        if parameters.get("_url") in ENGINES[1:]:
            item.add_marker(parameters["_url"])


@pytest.fixture
def database(_url: str) -> Iterator[Database]:
    """Each engine in turn."""
    made = Database(_url)
    yield made
    made.engine.dispose()
