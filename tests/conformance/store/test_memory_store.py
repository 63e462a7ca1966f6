"""The store in memory, as the simulation uses it."""

from __future__ import annotations

import pytest

from keystone_viaduct.sync.ports import Store
from keystone_viaduct.testing.conformance.transaction import TransactionSuite
from keystone_viaduct.testing.folding import fold
from keystone_viaduct.testing.memory import MemoryStore, empty


class TestMemoryStore(TransactionSuite):
    """Every test of the suite."""

    @pytest.fixture
    def store(self) -> Store:
        """A fresh site in memory."""
        return MemoryStore(empty("east", "east", incarnation="00000001"))


class TestFoldingMemoryStore(TransactionSuite):
    """With names that are equal without being the same."""

    @pytest.fixture
    def store(self) -> Store:
        """A fresh site in memory."""
        made = MemoryStore(empty("east", "east", incarnation="00000001"))
        made.fold = fold
        return made
