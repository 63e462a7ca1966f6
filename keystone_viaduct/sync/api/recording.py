"""A transaction that remembers what was written to Keystone's tables, for caches and notifications."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from keystone_viaduct.sync.ports import Write

if TYPE_CHECKING:
    from keystone_viaduct.sync.store import SqlTransaction


class Recording:
    """Passes everything on to a transaction and keeps its writes (``old`` holds the names of before)."""

    def __init__(self, tx: SqlTransaction) -> None:
        self._tx = tx
        self.writes: list[Write] = []

    def write_documents(self, writes: Sequence[Write]) -> None:
        """Do all of them, and remember them."""
        self._tx.write_documents(writes)
        self.writes.extend(writes)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)
