"""The store over SQL, on each engine, with capture installed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from keystone_viaduct.sync.store import SqlStore
from keystone_viaduct.testing.conformance.transaction import TransactionSuite
from tests.support.sites import open_site


class TestSqlStore(TransactionSuite):
    """Every test of the suite."""

    @pytest.fixture
    def store(self, keystone_url: str) -> Iterator[SqlStore]:
        """A fresh site on a database migrated by the installed Keystone."""
        with open_site(keystone_url) as store:
            yield store
