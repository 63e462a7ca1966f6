"""Transactions over a copy of a site's data."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from keystone_viaduct.errors import KindError, ViaductError
from keystone_viaduct.sync.external import ExternalDrivers
from keystone_viaduct.sync.model import Ref
from keystone_viaduct.sync.ports import Write
from keystone_viaduct.sync.sealing import Signer
from keystone_viaduct.testing.memory.budgets import BudgetsPart
from keystone_viaduct.testing.memory.data import Data, Fold, Violation, signer_of
from keystone_viaduct.testing.memory.records import RecordsPart
from keystone_viaduct.testing.memory.sweeping import SweepingPart
from keystone_viaduct.testing.memory.tables import TablesPart

T = TypeVar("T")
LOST_COMMIT, LOST_ANSWER = "commit", "answer"


class MemoryTransaction(TablesPart, RecordsPart, SweepingPart, BudgetsPart):
    """``ports.Transaction`` over a copy of the data."""


class MemoryStore:
    """``ports.Store`` over :class:`Data`.

    ``known`` limits the fields of a kind to those of an older release; ``unstorable`` are texts of which
    none may be in a value that this database holds; ``fold`` makes texts that it takes for equal the same
    (None: only equal ones are).
    ``drivers`` is what the site's configuration says of external drivers; ``directory`` are the users and
    groups that such drivers know: no database refuses a reference to them. ``signer`` is None at a site
    whose release does not sign.
    One transaction at a time is open, so threads may share it. ``faults`` come with the next commits: the
    connection is lost before it is done, or after it (:data:`LOST_COMMIT`, :data:`LOST_ANSWER`).
    """

    def __init__(self, data: Data, known: Mapping[str, frozenset[str]] | None = None) -> None:
        self.data = data
        self.known = dict(known or {})
        self.unstorable: frozenset[str] = frozenset()
        self.fold: Fold | None = None
        self.drivers = ExternalDrivers()
        self.directory: frozenset[Ref] = frozenset()
        self.signer: Signer | None = signer_of(data.state.site)
        self.faults: list[str] = []
        self.lock = threading.Lock()

    def run(self, work: Callable[[MemoryTransaction], T]) -> T:
        """Run ``work`` on a copy and keep it if nothing was raised; again where the commit was lost."""
        with self.lock:
            return self._run(work)

    def run_at_once(self, work: Callable[[MemoryTransaction], T]) -> T | None:
        """As :meth:`run`; None while another transaction is open."""
        if not self.lock.acquire(blocking=False):
            return None
        try:
            return self._run(work)
        finally:
            self.lock.release()

    def _run(self, work: Callable[[MemoryTransaction], T]) -> T:
        while True:
            tx = self._begin()
            result = work(tx)
            if self.faults and self.faults.pop(0) == LOST_COMMIT:
                continue
            self.data = tx.data
            return result

    def _begin(self) -> MemoryTransaction:
        return MemoryTransaction(
            self.data.copy(),
            self.known,
            self.unstorable,
            self.fold,
            self.drivers,
            self.directory,
            self.signer,
        )

    def look(self, work: Callable[[MemoryTransaction], T]) -> T:
        """Run ``work`` on a copy that is thrown away; no lock is waited for."""
        return work(self._begin())

    def may_be_a_record(self, error: Exception) -> bool:
        """What a database would refuse, and whatever has no name."""
        return isinstance(error, Violation | KindError) or not isinstance(error, ViaductError)

    def edit(self, writes: Sequence[Write], stamped_at: int) -> None:
        """What an application does in one transaction: write rows, leaving marks as triggers would."""

        def work(tx: MemoryTransaction) -> None:
            tx.write_documents(writes)
            tx.stamp(stamped_at)

        self.run(work)
