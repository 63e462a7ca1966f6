"""A store whose transactions are checked before and remembered after: what :class:`Site` is given here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from keystone_viaduct.sync.api.recording import Recording
from keystone_viaduct.sync.api.trial import tried
from keystone_viaduct.sync.ports import Transaction, Write
from keystone_viaduct.sync.store import SqlStore, SqlTransaction

T = TypeVar("T")


class Watched:
    """For one call. ``check`` begins each transaction; ``writes`` are those of all that were committed,
    ``numbered`` the local edits that they have numbered. ``trial``: nothing is committed, and ``writes`` are
    what would have been.
    """

    def __init__(
        self, store: SqlStore, check: Callable[[SqlTransaction], None], *, trial: bool = False
    ) -> None:
        self._store = store
        self._check = check
        self._trial = trial
        self.writes: list[Write] = []
        self.numbered: list[Write] = []

    def may_be_a_record(self, error: Exception) -> bool:
        """As the store has it. In a trial nothing is put aside: it would be there again at the next try."""
        return not self._trial and self._store.may_be_a_record(error)

    def look(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work``, which writes nothing."""

        def watched(tx: SqlTransaction) -> T:
            self._check(tx)
            return work(cast(Transaction, tx))

        return self._store.look(watched)

    def run(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` in one transaction and commit."""
        if self._trial:
            return self._remembered(tried(self._store, self._watched(work)))
        return self._remembered(self._store.run(self._watched(work)))

    def run_at_once(self, work: Callable[[Transaction], T]) -> T | None:
        """As :meth:`run`; None where it would have to wait."""
        if self._trial:
            return self.run(work)
        found = self._store.run_at_once(self._watched(work))
        return None if found is None else self._remembered(found)

    def _watched(self, work: Callable[[Transaction], T]) -> Callable[[SqlTransaction], tuple[T, Recording]]:
        def watched(tx: SqlTransaction) -> tuple[T, Recording]:
            self._check(tx)
            recording = Recording(tx)
            return work(cast(Transaction, recording)), recording

        return watched

    def _remembered(self, found: tuple[T, Recording]) -> T:
        result, recording = found
        self.writes += recording.writes
        self.numbered += recording.numbered
        return result
