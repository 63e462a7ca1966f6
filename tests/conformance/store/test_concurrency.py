"""Several at work on one site, and interruptions: in memory, and over SQL on each engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.testing.conformance.concurrency import Bench, ConcurrencySuite
from keystone_viaduct.testing.memory import LOST_ANSWER, LOST_COMMIT, MemoryStore, MemoryTransaction, empty
from tests.support.benches import SqlBench
from tests.support.databases import DatabaseScope
from tests.support.sites import Sites


class MemoryBench:
    """One transaction at a time is open: an edit in the middle of another waits."""

    stride = 8

    def __init__(self) -> None:
        self.store = MemoryStore(empty("east", "east", incarnation="00000001"))

    def edit(self, work: Callable[[Transaction], None]) -> bool:
        """False while a transaction is open."""
        if self.store.lock.locked():
            return False

        def stamped(tx: MemoryTransaction) -> None:
            work(tx)
            tx.stamp(1)

        self.store.run(stamped)
        return True

    @contextmanager
    def lost_answer(self) -> Iterator[None]:
        """After the next commit."""
        self.store.faults.append(LOST_ANSWER)
        yield
        assert not self.store.faults

    @contextmanager
    def lost_commit(self) -> Iterator[None]:
        """Before the next commit."""
        self.store.faults.append(LOST_COMMIT)
        yield
        assert not self.store.faults


class TestMemoryStore(ConcurrencySuite):
    """As the simulation uses it."""

    @pytest.fixture
    def bench(self) -> Bench:
        """A fresh site in memory."""
        return MemoryBench()


@pytest.fixture(scope="module")
def sites(module_databases: DatabaseScope) -> Iterator[Sites]:
    """Sites on databases migrated by the installed Keystone."""
    made = Sites(module_databases)
    yield made
    made.close()


STRIDES = {"sqlite": 8, "postgresql": 2, "mariadb": 5}


class TestSqlStore(ConcurrencySuite):
    """With capture installed."""

    @pytest.fixture(
        params=[
            "sqlite",
            pytest.param("postgresql", marks=pytest.mark.postgresql),
            pytest.param("mariadb", marks=pytest.mark.mariadb),
        ]
    )
    def bench(self, request: pytest.FixtureRequest, sites: Sites) -> Iterator[Bench]:
        """A fresh site on each engine."""
        if request.param != "sqlite":
            request.getfixturevalue(request.param)
        made = SqlBench(sites.fresh(request.param), STRIDES[request.param])
        yield made
        made.close()
