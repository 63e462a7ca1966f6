"""Marks what is already in Keystone's tables, once, so that the first sequencing numbers it."""

from __future__ import annotations

from collections.abc import Callable

from keystone_viaduct.documents.codec import Codecs
from keystone_viaduct.sync.model import Ref
from keystone_viaduct.sync.store import SqlStore, SqlTransaction

PAGE = 2000

Progress = Callable[[int, str], None]
Visit = Callable[[SqlTransaction, str, list[str]], int]
Page = tuple[list[str], int]
Run = Callable[[Callable[[SqlTransaction], Page]], Page]


def mark_existing(store: SqlStore, now: int, progress: Progress) -> dict[str, int]:
    """Mark every record that has neither a mark nor an entry in the feed; returns how many per kind.

    In dependency order, a page a transaction: it can be interrupted and goes on where it was. Run it with
    capture installed, or an edit made meanwhile may be missed.
    """
    marked: dict[str, int] = {}
    for kind in store.codecs.kinds:
        progress(0, kind)
        count = _mark_kind(store, kind, now)
        if count:
            marked[kind] = count
        progress(1, kind)
    return marked


def count_unmarked(store: SqlStore, *, numbered: bool) -> dict[str, int]:
    """What :func:`mark_existing` would mark; not ``numbered``: our tables do not exist yet."""

    def fresh(tx: SqlTransaction, kind: str, keys: list[str]) -> int:
        return len(tx.unmarked(kind, keys) if numbered else keys)

    found = {kind: _walk(store.read, store.codecs, kind, fresh) for kind in store.codecs.kinds}
    return {kind: count for kind, count in found.items() if count}


def _mark_kind(store: SqlStore, kind: str, now: int) -> int:
    def mark(tx: SqlTransaction, kind: str, keys: list[str]) -> int:
        fresh = tx.unmarked(kind, keys)
        tx.add_marks([Ref(kind, key) for key in fresh], now)
        return len(fresh)

    return _walk(store.run, store.codecs, kind, mark)


def _walk(run: Run, codecs: Codecs, kind: str, visit: Visit) -> int:
    """Sum of what ``visit`` returns for each page of keys, each in a transaction of its own."""
    after: str | None = None
    total = 0
    while True:

        def page(tx: SqlTransaction, after: str | None = after) -> Page:
            keys = codecs.keys(tx.connection, kind, after, PAGE)
            return keys, visit(tx, kind, keys)

        keys, count = run(page)
        total += count
        if len(keys) < PAGE:
            return total
        after = keys[-1]
