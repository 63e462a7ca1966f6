"""The tables that records are kept in: in memory, and in a real Cassandra."""

from __future__ import annotations

import uuid

import pytest

from keystone_viaduct.cassandra.records.cql import CqlTables
from keystone_viaduct.cassandra.records.ports import Tables
from keystone_viaduct.cassandra.session import Session
from keystone_viaduct.testing.cassandra.memory import MemoryTables
from keystone_viaduct.testing.conformance.tables import TablesSuite


class TestMemoryTables(TablesSuite):
    """As the unit tests use them."""

    @pytest.fixture
    def tables(self) -> Tables:
        """Empty ones."""
        return MemoryTables()


@pytest.mark.cassandra
class TestCqlTables(TablesSuite):
    """Over CQL."""

    @pytest.fixture
    def tables(self, cassandra_session: Session) -> Tables:
        """With a prefix of the test's own."""
        return CqlTables(cassandra_session, uuid.uuid4().hex[:8])
