"""A lease in the database: one holder at a time, and a number that fences off whoever had it before."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from keystone_viaduct.clock import Clock
from keystone_viaduct.errors import LeaseHeld

from . import holder as holders
from .tables import LEASE

LEASE_SECONDS = 30.0
_MICROSECONDS = 1_000_000


class Lease:
    """The lease of this name. Every write of its holder is a transaction that renews it."""

    def __init__(
        self, engine: sa.engine.Engine, clock: Clock, name: str, *, holder: str = "", seconds: float
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._name = name
        self._holder = holder or holders.myself()
        self._seconds = seconds
        self._fence = 0
        self._stop = threading.Event()
        self._keeper: threading.Thread | None = None

    def acquire(self) -> None:
        """Take the lease, and keep it while this process lives."""
        with self._engine.begin() as connection:
            found = connection.execute(_locked(sa.select(LEASE).where(LEASE.c.name == self._name))).first()
            self._refuse_second(found)
            self._fence = 1 if found is None else found.fence + 1
            values = {"holder": self._holder, "until": self._until(), "fence": self._fence}
            if found is None:
                connection.execute(sa.insert(LEASE).values(name=self._name, **values))
            else:
                connection.execute(sa.update(LEASE).where(LEASE.c.name == self._name).values(**values))
        self._stop.clear()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def _refuse_second(self, found: Any) -> None:
        if found is None or found.holder == self._holder or found.until <= self._clock.now():
            return
        if not holders.is_gone(found.holder):
            raise LeaseHeld(
                f"{found.holder} is at work on this database",
                hint="wait for it; if it is gone its lease runs out by itself within half a minute",
                holder=found.holder,
            )

    def release(self) -> None:
        """Give it back; nothing happens if another has it by now."""
        self._stop.set()
        if self._keeper is not None:
            self._keeper.join()
        mine = sa.and_(LEASE.c.name == self._name, LEASE.c.fence == self._fence)
        with self._engine.begin() as connection:
            connection.execute(sa.update(LEASE).where(mine).values(until=0))

    def _until(self) -> int:
        return self._clock.now() + round(self._seconds * _MICROSECONDS)

    def _keep(self) -> None:
        """A statement may take longer than the lease lasts."""
        while not self._stop.wait(self._seconds / 3):
            try:
                with self.writing():
                    pass
            except (DBAPIError, LeaseHeld):
                return  # the next write says what is wrong

    @contextmanager
    def writing(self) -> Iterator[sa.engine.Connection]:
        """A transaction of whoever holds the lease."""
        mine = sa.and_(LEASE.c.name == self._name, LEASE.c.fence == self._fence)
        with self._engine.begin() as connection:
            if connection.execute(sa.update(LEASE).where(mine).values(until=self._until())).rowcount != 1:
                raise LeaseHeld("another runner has taken over", hint="leave it to that one")
            yield connection


def _locked(query: Any) -> Any:
    """FOR UPDATE (SQLite has none, and no other writer)."""
    return query.with_for_update()
