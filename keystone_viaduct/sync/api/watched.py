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

    def run(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` in one transaction and commit."""

        def watched(tx: SqlTransaction) -> tuple[T, Recording]:
            self._check(tx)
            recording = Recording(tx)
            return work(cast(Transaction, recording)), recording

        result, recording = self._store.run(watched)
        self.writes += recording.writes
        self.numbered += recording.numbered
        return result
