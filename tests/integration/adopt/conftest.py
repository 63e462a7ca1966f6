"""A hub and a spoke that real Keystones filled separately, with the same things under other ids."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.documents.cipher import KeyRepositoryCipher
from keystone_viaduct.sync.adopt import DatabaseInventory
from keystone_viaduct.sync.store import make_engine
from tests.conftest import KeystoneDatabase
from tests.support.databases import DatabaseScope
from tests.support.keystones import KeystoneHome, make_home

SCRIPT = Path(__file__).with_name("keystone_side.py")


@dataclass
class Site:
    """One site: its Keystone runs in processes of its own, its database is open here."""

    name: str
    url: str
    home: KeystoneHome

    @cached_property
    def engine(self) -> sa.engine.Engine:
        """As the commands open it."""
        return make_engine(self.url, poolclass=sa.pool.NullPool)

    @property
    def cipher(self) -> KeyRepositoryCipher:
        """Over the site's credential keys."""
        return KeyRepositoryCipher(self.home.folder / "credential-keys")

    @property
    def inventory(self) -> DatabaseInventory:
        """All its records."""
        return DatabaseInventory(self.name, self.engine, self.cipher)

    def fill(self, role: str) -> dict[str, Any]:
        """Bootstrap and fill it by Keystone's own managers; the ids that were given."""
        found: dict[str, Any] = json.loads(self._run("fill", role))
        return found

    def picture(self) -> dict[str, Any]:
        """What Keystone serves: ``served`` and ``logins`` without ids, ``ids`` name -> id."""
        found: dict[str, Any] = json.loads(self._run("picture"))
        return found

    def _run(self, *arguments: str) -> str:
        program = Path(sys.executable).name
        return self.home.release.run(program, str(SCRIPT), str(self.home.config), *arguments)

    def cells(self) -> Iterator[tuple[str, str, str]]:
        """(table, column, text) of everything that the database holds."""
        metadata = sa.MetaData()
        metadata.reflect(self.engine)
        with self.engine.connect() as connection:
            for table in metadata.tables.values():
                for row in connection.execute(sa.select(*(sa.cast(c, sa.String(9999)) for c in table.c))):
                    for column, value in zip(table.c, row, strict=True):
                        yield table.name, column.name, str(value)


def make_site(name: str, url: str, folder: Path) -> Site:
    """A site over a migrated database."""
    return Site(name, url, make_home(folder, url))


@pytest.fixture(scope="module")
def hub(module_databases: DatabaseScope, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The hub, on SQLite, for all tests of a module: nothing ever writes to it."""
    site = make_site("east", module_databases.keystone("sqlite"), tmp_path_factory.mktemp("east"))
    site.fill("hub")
    return site


@pytest.fixture
def spoke(engine_name: str, keystone_database: KeystoneDatabase, tmp_path: Path) -> Site:
    """The spoke, on each engine."""
    site = make_site("west", keystone_database(engine_name), tmp_path / "west")
    site.fill("spoke")
    return site
