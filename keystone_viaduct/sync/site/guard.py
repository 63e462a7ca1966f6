"""Deletions that a sweep has found, and how many of them need a person (PROTOCOL rule 17)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from keystone_viaduct.sync.model import Held, Reason, Ref
from keystone_viaduct.sync.ports import Transaction

#: So few are let through whatever their share is.
FEW = 3
#: Keys that are read at once to count what is missing.
BATCH = 5000


@dataclass(frozen=True)
class Guard:
    """Of a kind, more than ``count`` records missing, or more than ``share`` of them, wait for a person."""

    count: int = 50
    share: float = 0.2

    def stops(self, missing: int, total: int) -> bool:
        """Whether so many of ``total`` records are too many to be believed."""
        return missing > self.count or (missing >= FEW and missing > self.share * total)


GUARD = Guard()


def delete_missing(tx: Transaction, refs: Sequence[Ref], guard: Guard, now: int) -> list[Ref]:
    """Records whose rows are gone, and no trigger saw it: they are marked, so that they are numbered as
    deleted, or held. Returns those that were marked.

    How many of the kind are gone is asked of the tables, so that a part of them does not pass for a few; nor
    does a table that was put back from a dump, in which as many rows are too many as are missing.
    """
    known = tx.held_of(refs)
    marked: list[Ref] = []
    by_kind: dict[str, list[Ref]] = {}
    for ref in refs:
        if ref not in known:
            by_kind.setdefault(ref.kind, []).append(ref)
    for kind, gone in by_kind.items():
        total = tx.count_live(kind)
        difference = max(len(gone), total - tx.count_rows(kind))
        if guard.stops(difference, total) or guard.stops(_missing(tx, kind), total):
            tx.hold([Held(ref, Reason.MISSING, now) for ref in gone])
        else:
            marked += gone
    tx.add_marks(marked, now)
    return marked


def _missing(tx: Transaction, kind: str) -> int:
    """How many records of the kind have no row. Reads all keys: only when some are known to be missing."""
    return len(_keys(tx.live_keys, kind) - _keys(tx.row_keys, kind))


def _keys(read: Callable[[str, str, int], list[str]], kind: str) -> set[str]:
    found: set[str] = set()
    after = ""
    while True:
        keys = read(kind, after, BATCH)
        found.update(keys)
        if len(keys) < BATCH:
            return found
        after = keys[-1]
