"""Codecs over a migrated database of each engine; every test runs in a transaction that is rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.documents.codec import Codecs
from keystone_viaduct.documents.schema import reflect
from tests.support.databases import DatabaseScope
from tests.unit.documents.world import items_of


class MarkedCipher:
    """Keeps the plain text readable, so that a test sees what was encrypted."""

    def decrypt(self, blob: str) -> str:
        assert blob.startswith("sealed:")
        return blob.removeprefix("sealed:")

    def encrypt(self, text: str) -> tuple[str, str]:
        return f"sealed:{text}", "hash-of-primary"


@pytest.fixture(
    scope="module",
    params=[
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.postgresql),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
        pytest.param("mysql", marks=pytest.mark.mysql),
    ],
)
def engine(request: pytest.FixtureRequest, module_databases: DatabaseScope) -> Iterator[sa.engine.Engine]:
    """An engine on a database migrated by Keystone."""
    name: str = request.param
    if name != "sqlite":
        request.getfixturevalue(name)
    made = sa.create_engine(module_databases.keystone(name))
    yield made
    made.dispose()


@pytest.fixture
def connection(engine: sa.engine.Engine) -> Iterator[sa.engine.Connection]:
    """A connection whose transaction is rolled back at the end."""
    with engine.connect() as made:
        transaction = made.begin()
        yield made
        if transaction.is_active:
            transaction.rollback()


@pytest.fixture(scope="module")
def codecs(engine: sa.engine.Engine) -> Codecs:
    """The codecs over it."""
    return Codecs(reflect(engine), MarkedCipher())


@pytest.fixture
def world(codecs: Codecs, connection: sa.engine.Connection) -> Any:
    """A record of every kind, written in dependency order."""
    for kind in codecs.kinds:
        codecs.insert_many(connection, kind, items_of(kind))
    return codecs
