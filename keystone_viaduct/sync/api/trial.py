"""A change that is tried and taken back: what is told is what would happen, and nothing has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from keystone_viaduct.sync.ports import Write
from keystone_viaduct.sync.store import SqlStore, SqlTransaction
from keystone_viaduct.sync.wire.resources import write_to_json

T = TypeVar("T")
#: Records that are named; all are counted.
NAMED = 100


class _OnlyTried(Exception):
    """Ends a transaction that is to leave nothing."""


def tried(store: SqlStore, work: Callable[[SqlTransaction], T]) -> T:
    """What ``work`` gives, in a transaction that is rolled back. Raises what ``work`` raises."""
    done: list[T] = []

    def once(tx: SqlTransaction) -> None:
        done[:] = [work(tx)]
        raise _OnlyTried

    try:
        store.run(once)
    except _OnlyTried:
        pass
    return done[0]


def writes_to_json(writes: Sequence[Write]) -> dict[str, Any]:
    """What would happen to records: how many, and the first of them, without what they hold."""
    return {"written": len(writes), "writes": [write_to_json(*write[:3]) for write in writes[:NAMED]]}
