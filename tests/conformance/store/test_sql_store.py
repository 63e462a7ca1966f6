"""The store over SQL, on each engine, with capture installed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from keystone_viaduct.sync.store import SqlStore
from keystone_viaduct.testing.conformance.transaction import TransactionSuite
from tests.support.databases import DatabaseScope
from tests.support.sites import Sites


@pytest.fixture(scope="module")
def sites(module_databases: DatabaseScope) -> Iterator[Sites]:
    """Sites on databases migrated by the installed Keystone."""
    made = Sites(module_databases)
    yield made
    made.close()


class TestSqlStore(TransactionSuite):
    """Every test of the suite."""

    @pytest.fixture
    def store(self, engine_name: str, sites: Sites) -> SqlStore:
        """A fresh site."""
        return sites.fresh(engine_name)
