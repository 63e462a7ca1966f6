"""A hub on SQLite with a record of every kind, and its conflicts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from keystone_viaduct.clock import SystemClock
from keystone_viaduct.sync.api.conflicts import ConflictsService
from keystone_viaduct.sync.api.service import Service, Surroundings
from keystone_viaduct.sync.store import SqlStore
from tests.support.databases import DatabaseScope
from tests.support.sites import open_site
from tests.unit.documents.world import items_of


@pytest.fixture(scope="module")
def store(module_databases: DatabaseScope) -> Iterator[SqlStore]:
    """The hub. Nothing is numbered yet."""
    with open_site(module_databases.keystone("sqlite")) as found:

        def fill(tx: Any) -> None:
            for kind in found.codecs.kinds:
                found.codecs.insert_many(tx.connection, kind, items_of(kind))

        found.run(fill)
        yield found


@pytest.fixture
def service(store: SqlStore) -> ConflictsService:
    """What resolves its conflicts."""
    around = Surroundings("30", {}, lambda _writes, _source: None)
    return ConflictsService(Service(store, SystemClock(), around))
