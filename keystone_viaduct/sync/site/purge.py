"""Tombstones go when nobody can need them any more (PROTOCOL rule 14)."""

from __future__ import annotations

from dataclasses import replace

from keystone_viaduct.sync.model import DELETED
from keystone_viaduct.sync.ports import Transaction

BATCH = 1000


def purge(tx: Transaction, retention: int, *, now: int) -> int:
    """Drop tombstones that every live peer has applied, that nothing waits for, and that are old enough.

    Only one whose whole version this site's knowledge includes: from then on knowledge alone says that the
    record was here and is gone. Returns how many were dropped.
    """
    state = tx.state()
    readers = [peer for peer in tx.peers().values() if state.is_hub or peer.site == state.hub]
    reached = min((peer.acknowledged for peer in readers if peer.live), default=state.head if readers else 0)
    waiting = {entry.change.ref for peer in tx.peers().values() for entry in tx.pending(peer.site)}
    marked = {mark.ref for mark in tx.take_marks(BATCH)}
    knowledge = state.all_knowledge
    gone = [
        record
        for record in tx.tombstones(reached, BATCH)
        if record.fields[DELETED].stamp <= now - retention
        and record.ref not in waiting
        and record.ref not in marked
        and knowledge.covers(record.version)
    ]
    if gone:
        tx.drop_records([record.ref for record in gone])
        tx.save_state(replace(state, purged=max(state.purged, *(record.seq for record in gone))))
    return len(gone)
