"""Who called before is asked anew when anything was revoked since."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
import sqlalchemy as sa

from keystone_viaduct.clock import ManualClock
from keystone_viaduct.sync.api.callers import Callers
from keystone_viaduct.sync.api.service import Service, Surroundings


class Store:
    """A database with revocations, as SQLite numbers them: the largest number that is there, and one more."""

    def __init__(self) -> None:
        engine = sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool)
        self.connection = engine.connect()
        self.connection.execute(
            sa.text("CREATE TABLE revocation_event (id INTEGER PRIMARY KEY, audit_id TEXT)")
        )

    def read(self, work: Callable[[Any], object]) -> object:
        return work(self)

    def revoke(self, token: str) -> None:
        self.connection.execute(sa.text("INSERT INTO revocation_event (audit_id) VALUES (:t)"), {"t": token})

    def prune(self) -> None:
        self.connection.execute(sa.text("DELETE FROM revocation_event"))


@pytest.fixture
def store() -> Store:
    return Store()


def service(store: Store) -> Service:
    return Service(cast(Any, store), ManualClock(), Surroundings("30", {}, lambda _writes, _source: None))


def test_a_revocation_that_gets_an_old_number_again_is_a_new_one(store: Store) -> None:
    asked, callers = service(store), Callers(60.0, monotonic=lambda: 0.0)
    store.revoke("first")
    callers.remember("token", {}, asked.newest_revocation(), 60.0)
    assert callers.find("token", asked.newest_revocation())
    store.prune()
    store.revoke("second")
    assert callers.find("token", asked.newest_revocation()) is None


def test_no_revocation_is_none(store: Store) -> None:
    assert service(store).newest_revocation() is service(store).newest_revocation() is None
