"""``viaduct_dirty`` behind :class:`keystone_viaduct.sync.ports.Marks`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from keystone_viaduct.documents.undecodable import Undecodable
from keystone_viaduct.sync.model import Mark, Ref
from keystone_viaduct.sync.store import queries as q
from keystone_viaduct.sync.store.base import Part, keys_by_kind

#: A trigger can only give the number of such a row; the record's key is made of its content.
NUMBERED_KIND = "revocation_event"
_MOST_DIGITS = 20


class MarksPart(Part):
    """Marks, with those of revocation events translated from row number to record key."""

    def take_marks(self, limit: int, after: int = 0) -> list[Mark]:
        """Committed marks, oldest first, and all other marks of the same records behind these.

        So no batch holds only a part of a record's marks: the rest would look like edits made meanwhile.
        """
        rows = self.connection.execute(q.TAKE_MARKS, {"p_after": after, "p_limit": limit}).all()
        for row in rows:
            # so that it can be found by what it is called
            if isinstance(row.key, Undecodable):
                self.connection.execute(q.SPELL_MARK, {"p_id": row.id, "p_key": str(row.key)})
        if len(rows) == limit or (after and rows):
            seen = {row.id for row in rows}
            refs = [Ref(row.kind, row.key) for row in rows]
            rows += [row for row in self._rows_of(refs) if row.id not in seen]
        return self._marks(rows)

    def marks_of(self, refs: Sequence[Ref]) -> list[Mark]:
        """All marks of these records, but those that name a revocation event by number: it never changes."""
        return sorted(Mark(row.id, Ref(row.kind, row.key), row.stamped_at) for row in self._rows_of(refs))

    def _rows_of(self, refs: Sequence[Ref]) -> Iterator[Any]:
        for kind, keys in keys_by_kind(refs).items():
            for part in q.chunks(keys):
                yield from self.connection.execute(q.MARKS_OF, {"p_kind": kind, "p_keys": part})

    def drop_marks(self, ids: Sequence[int]) -> None:
        """Forget these marks."""
        for part in q.chunks(ids):
            self.connection.execute(q.DROP_MARKS, {"p_ids": part})

    def drop_own_marks(self, refs: Sequence[Ref]) -> None:
        """Forget the marks that this transaction's writes of these records have made; on MySQL they stay."""
        statement = q.DROP_OWN_MARKS.get(self.connection.dialect.name)
        if statement is None or self.before_writing is None:
            return
        after = {"p_after": self.before_writing} if self.connection.dialect.name == "sqlite" else {}
        for kind, keys in keys_by_kind(refs).items():
            for part in q.chunks(keys):
                self.connection.execute(statement, {"p_kind": kind, "p_keys": part, **after})

    def add_marks(self, refs: Sequence[Ref], stamped_at: int) -> None:
        """Mark records by hand, as a trigger would."""
        rows = [{"kind": ref.kind, "key": ref.key, "stamped_at": stamped_at} for ref in refs]
        if rows:
            self.connection.execute(q.INSERT_MARKS, rows)

    def unmarked(self, kind: str, keys: Sequence[str]) -> list[str]:
        """Those of the keys that have neither a mark nor a live record (first numbering)."""
        known: set[str] = set()
        for part in q.chunks(keys):
            parameters = {"p_kind": kind, "p_keys": part}
            known.update(self.connection.execute(q.RECORD_KEYS, parameters).scalars())
            known.update(self.connection.execute(q.MARKED_KEYS, parameters).scalars())
        return [key for key in keys if key not in known]

    def _marks(self, rows: Iterable[Any]) -> list[Mark]:
        marks = [Mark(row.id, Ref(row.kind, row.key), row.stamped_at) for row in rows]
        numbered = [mark.ref.key for mark in marks if _is_numbered(mark.ref)]
        if not numbered:
            return marks
        keys = self.codecs.resolve_marks(self.connection, NUMBERED_KIND, numbered)
        return [self._resolved(mark, keys) for mark in marks]

    @staticmethod
    def _resolved(mark: Mark, keys: Mapping[str, str | None]) -> Mark:
        key = keys.get(mark.ref.key) if _is_numbered(mark.ref) else None
        return mark._replace(ref=Ref(NUMBERED_KIND, key)) if key else mark


def _is_numbered(ref: Ref) -> bool:
    return ref.kind == NUMBERED_KIND and len(ref.key) <= _MOST_DIGITS and ref.key.isdigit()
