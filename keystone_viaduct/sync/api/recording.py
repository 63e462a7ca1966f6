"""A transaction that remembers what was written to Keystone's tables, for caches and notifications."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from keystone_viaduct.sync.model import Document, Record, Ref
from keystone_viaduct.sync.ports import Write

if TYPE_CHECKING:
    from keystone_viaduct.sync.store import SqlTransaction


#: Documents that are remembered, while a batch of records is numbered.
MOST_READ = 2000


class Recording:
    """Passes everything on to a transaction and keeps its writes (``old`` holds the names of before).

    ``numbered`` are local edits that were found: whoever made them in a SQL shell has told no cache.
    """

    def __init__(self, tx: SqlTransaction) -> None:
        self._tx = tx
        self._read: dict[Ref, Document] = {}
        self.writes: list[Write] = []
        self.numbered: list[Write] = []

    def write_documents(self, writes: Sequence[Write]) -> None:
        """Do all of them, and remember them."""
        self._tx.write_documents(writes)
        self.writes.extend(writes)

    def documents(self, refs: Sequence[Ref]) -> dict[Ref, Document]:
        """Remember what is there: a record is read shortly before it is numbered."""
        found = self._tx.documents(refs)
        if len(self._read) > MOST_READ:
            self._read.clear()
        self._read.update(found)
        return found

    def save_records(self, records: Sequence[Record]) -> None:
        """Save them; note those whose last edit is numbered with their own position."""
        self._tx.save_records(records)
        for record in records:
            if record.learned_from is None and record.seq in record.version.entries.values():
                row = None if record.deleted else self._read.get(record.ref)
                self.numbered.append(Write(record.ref, row, row))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)
