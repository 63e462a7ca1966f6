"""Opens transactions in a site's database: :class:`keystone_viaduct.sync.ports.Store` over SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from keystone_viaduct.clock import Clock, SystemClock
from keystone_viaduct.sync.sealing import KeyRing
from keystone_viaduct.sync.store.base import Held
from keystone_viaduct.sync.store.commits import Done, Once, Tokens
from keystone_viaduct.sync.store.drivers import DriverSettings
from keystone_viaduct.sync.store.engine import READ_ONLY, SNAPSHOT, begun
from keystone_viaduct.sync.store.retry import RetryPolicy, lies_in_a_record
from keystone_viaduct.sync.store.transaction import SqlTransaction

if TYPE_CHECKING:
    from keystone_viaduct.documents.codec import Codecs

T = TypeVar("T")


class SqlStore:
    """``engine`` from :func:`make_engine`; ``ring`` the site's keys; ``codecs`` of the installed release;
    ``drivers`` which identity driver has which domain.

    Safe to share between threads; a transaction is not.
    """

    def __init__(
        self,
        engine: sa.engine.Engine,
        ring: KeyRing,
        codecs: Codecs,
        *,
        retry: RetryPolicy | None = None,
        drivers: DriverSettings | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.engine = engine
        self.ring = ring
        self.codecs = codecs
        self.retry = retry or RetryPolicy()
        self.drivers = drivers or DriverSettings()
        self._clock = clock or SystemClock()
        self._tokens = Tokens()

    def run(self, work: Callable[[SqlTransaction], T]) -> T:
        """Run ``work`` in one transaction and commit.

        A serialization failure, deadlock, lost certification or lost connection runs it again as a whole, so
        ``work`` must have no effects but on the transaction. It is committed once, also where the answer to
        COMMIT was lost. Raises StoreBusy, StoreUnavailable, NotInitialised, and what ``work`` raises.
        """
        once: Once[T] = Once()
        return self.retry.run(lambda: self._committed(work, once), lambda: once.is_unsure)

    def read(self, work: Callable[[SqlTransaction], T]) -> T:
        """As :meth:`run`, for work that writes and locks nothing: on SQLite it waits for no writer."""
        return self.retry.run(lambda: self._looked(work))

    def run_at_once(self, work: Callable[[SqlTransaction], T]) -> T | None:
        """As :meth:`run`; None where another transaction has the site's row (on SQLite: the database)."""
        once: Once[T] = Once()
        try:
            return self.retry.run(lambda: self._committed(work, once, at_once=True), lambda: once.is_unsure)
        except Held:
            return None

    def look(self, work: Callable[[SqlTransaction], T]) -> T:
        """As :meth:`read`, on what is committed at one moment; the site's row is not locked either."""
        return self.retry.run(lambda: self._looked(work, at_one_moment=True))

    def may_be_a_record(self, error: Exception) -> bool:
        """Whether an error that came out of a transaction may lie in a record, and not in the database."""
        return lies_in_a_record(error)

    def _looked(self, work: Callable[[SqlTransaction], T], *, at_one_moment: bool = False) -> T:
        with self.engine.connect() as connection:
            options: dict[str, Any] = {READ_ONLY: True}
            if at_one_moment and connection.dialect.name in SNAPSHOT:
                options["isolation_level"] = SNAPSHOT[connection.dialect.name]
            connection = connection.execution_options(**options)
            with connection.begin():
                tx = self._transaction(connection)
                tx.looks_only = at_one_moment
                return work(tx)

    def _committed(self, work: Callable[[SqlTransaction], T], once: Once[T], *, at_once: bool = False) -> T:
        with self.engine.connect() as connection:
            now = self._clock.now()
            try:
                with begun(connection, at_once=at_once):
                    once.begin(connection, now)
                    self._tokens.tidy(connection, now)
                    tx = self._transaction(connection)
                    tx.at_once = at_once
                    result = work(tx)
                    once.is_committing(result)
            except Done:
                return once.result
            return result

    def _transaction(self, connection: sa.engine.Connection) -> SqlTransaction:
        tx = SqlTransaction(connection, self.ring, self.codecs)
        tx.drivers = self.drivers
        return tx
