"""A Keystone behind a stand-in for CockroachDB."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import DatabaseScope
from tests.support.keystones import Release
from tests.support.servers import Server
from tests.support.standin import StandIn
from tests.support.standin.sites import Site, make_site


@pytest.fixture
def empty_site(keystone_cockroach: Release, postgresql_url: str, tmp_path: Path) -> Iterator[Site]:
    """Nothing is in its database."""
    with StandIn(postgresql_url) as standin:
        yield make_site(tmp_path / "home", keystone_cockroach, standin)


@pytest.fixture(scope="module")
def site(
    keystone_cockroach: Release,
    postgresql: Server,
    module_databases: DatabaseScope,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """Migrated and bootstrapped through the stand-in, for all tests of a module."""
    with StandIn(module_databases.empty("postgresql")) as standin:
        made = make_site(tmp_path_factory.mktemp("site") / "home", keystone_cockroach, standin)
        made.manage("db_sync")
        made.home.bootstrap_by(made.manage)
        yield made
