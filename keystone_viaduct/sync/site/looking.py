"""A transaction that only looks: nothing is locked for it, and it waits for no writer.

What is to be numbered or noted first needs the site's lock. Whether there is anything is found out by trying:
the first call that would write something raises :class:`MustWrite`, and the same is done under the lock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from keystone_viaduct.sync.model import Mark
from keystone_viaduct.sync.ports import Store, Transaction

T = TypeVar("T")

#: The calls of a transaction that change nothing, and lock nothing where it only looks.
READS = frozenset(
    {
        "aliases",
        "carried",
        "carried_naming",
        "carries",
        "carrying",
        "checkpoint",
        "choices",
        "conflict_ids",
        "conflicts_between",
        "count_listed",
        "count_live",
        "count_rows",
        "count_unseen",
        "crossing",
        "defaults",
        "documents",
        "due",
        "enforced",
        "entries",
        "evicted",
        "external_drivers",
        "feed",
        "folded",
        "grants_within",
        "has_batch",
        "hashing",
        "held",
        "held_of",
        "holders",
        "judged",
        "known_conflicts",
        "known_fields",
        "large",
        "listed_refusals",
        "live_keys",
        "marks_of",
        "nonce_at",
        "old_batches",
        "outside",
        "parts",
        "parts_had",
        "peers",
        "pending",
        "pending_about",
        "pending_active",
        "pending_lacking",
        "records",
        "referrers",
        "refusals",
        "refused_ids",
        "refused_volume",
        "release",
        "release_is_current",
        "row_keys",
        "scopes",
        "sign",
        "signing_keys",
        "site_only",
        "state",
        "sweep_state",
        "tallies",
        "tombstones",
        "unmarked",
        "verifies",
        "waiting_count",
        "waiting_volume",
    }
)


class MustWrite(Exception):
    """Something is to be written first."""


class _Looking:
    """A transaction whose writing calls raise MustWrite; there being marks to number does so, too."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def take_marks(self, limit: int) -> list[Mark]:
        """None. Raises MustWrite when there are any."""
        if self._tx.take_marks(1):
            raise MustWrite
        return []

    def __getattr__(self, name: str) -> Any:
        if name not in READS:
            raise MustWrite
        return getattr(self._tx, name)


def look(
    store: Store, work: Callable[[Transaction], T], meanwhile: Callable[[Transaction], T] | None = None
) -> T:
    """Run ``work`` without a lock where it has nothing to write, else as any other transaction.

    ``meanwhile`` does without what would be written, while another transaction has the site: nobody waits for
    it. It raises MustWrite where it can't.
    """
    try:
        return store.look(lambda tx: work(cast(Transaction, _Looking(tx))))
    except MustWrite:
        pass
    if meanwhile is not None:
        done = store.run_at_once(lambda tx: (work(tx),))
        if done is not None:
            return done[0]
        try:
            return store.look(meanwhile)
        except MustWrite:
            pass
    return store.run(work)
