"""A store whose transactions are checked before and remembered after: what :class:`Site` is given here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from keystone_viaduct.sync.api.recording import Recording
from keystone_viaduct.sync.ports import Transaction, Write
from keystone_viaduct.sync.store import SqlStore, SqlTransaction

T = TypeVar("T")


class Watched:
    """For one call. ``check`` begins each transaction; ``writes`` are those of all that were committed,
    ``numbered`` the local edits that they have numbered.
    """

    def __init__(self, store: SqlStore, check: Callable[[SqlTransaction], None]) -> None:
        self._store = store
        self._check = check
        self.writes: list[Write] = []
        self.numbered: list[Write] = []

    def may_be_a_record(self, error: Exception) -> bool:
        """As the store has it."""
        return self._store.may_be_a_record(error)

    def look(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work``, which writes nothing."""

        def watched(tx: SqlTransaction) -> T:
            self._check(tx)
            return work(cast(Transaction, tx))

        return self._store.look(watched)

    def run(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` in one transaction and commit."""
        return self._remembered(self._store.run(self._watched(work)))

    def run_at_once(self, work: Callable[[Transaction], T]) -> T | None:
        """As :meth:`run`; None where it would have to wait."""
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
