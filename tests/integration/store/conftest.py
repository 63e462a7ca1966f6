"""Sites over SQL on each engine, filled with a record of every kind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from keystone_viaduct.sync.store import SqlStore, SqlTransaction
from tests.support.databases import DatabaseScope
from tests.support.sites import Sites
from tests.unit.documents.world import items_of


@pytest.fixture(scope="module")
def sites(module_databases: DatabaseScope) -> Iterator[Sites]:
    """Sites on databases migrated by the installed Keystone."""
    made = Sites(module_databases)
    yield made
    made.close()


@pytest.fixture
def site(engine_name: str, sites: Sites) -> SqlStore:
    """A site without records."""
    return sites.fresh(engine_name)


@pytest.fixture
def world(site: SqlStore) -> SqlStore:
    """A site with a record of every kind and no marks."""

    def fill(tx: SqlTransaction) -> None:
        for kind in site.codecs.kinds:
            site.codecs.insert_many(tx.connection, kind, items_of(kind))
        tx.drop_marks([mark.id for mark in tx.take_marks(10_000)])

    site.run(fill)
    return site
