"""What is kept for a time only goes when nobody can need it any more (PROTOCOL rule 14)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from keystone_viaduct.sync.model import DELETED, Peer, Purged, Record, Ref, SiteState
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.compare import forget
from keystone_viaduct.sync.site.nonce import numbered_until

BATCH = 1000


@dataclass(frozen=True)
class Retention:
    """Microseconds. ``tombstones``: kept at least so long. ``lost``: what a closed conflict's loser said.

    ``conflicts``: closed conflicts as a whole (None: for ever).

    ``away``: a peer that has not read for so long is not waited for; it compares when it returns (None: all
    are waited for). ``before``: tombstones stamped later are kept, too. ``after``: the feed position behind
    which tombstones are looked at.
    """

    tombstones: int = 0
    lost: int | None = None
    away: int | None = None
    before: int | None = None
    after: int = 0
    conflicts: int | None = None


def clean(tx: Transaction, keep: Retention, *, now: int) -> Purged:
    """Drop what is due of the next batch of tombstones, and at most a batch of each other thing."""
    state = tx.state()
    away = _note_absence(tx, _readers(tx, state), keep.away, now)
    readers = _readers(tx, state)
    horizon = now - keep.tombstones
    if keep.before is not None:
        horizon = min(horizon, keep.before - 1)
    found = tx.tombstones(state.head, BATCH, keep.after)
    gone = _drop_tombstones(tx, state, readers, horizon, found)
    tx.forget_names()
    tx.forget_made()
    left = [record.fields[DELETED].stamp for record in found if record.ref not in gone]
    return Purged(
        tombstones=len(gone),
        batches=_drop_batches(tx, readers, now - keep.tombstones),
        lost=tx.forget_lost(now - keep.lost) if keep.lost is not None else 0,
        conflicts=_drop_conflicts(tx, state, readers, now - keep.conflicts)
        if keep.conflicts is not None
        else 0,
        oldest=min(left, default=None),
        away=tuple(sorted(away)),
        next=found[-1].seq if len(found) == BATCH else None,
    )


def _readers(tx: Transaction, state: SiteState) -> list[Peer]:
    """Who reads this site's feed: everybody the hub's, only the hub a spoke's."""
    return [peer for peer in tx.peers().values() if state.is_hub or peer.site == state.hub]


def _drop_tombstones(
    tx: Transaction, state: SiteState, readers: Sequence[Peer], horizon: int, found: Sequence[Record]
) -> set[Ref]:
    """Of ``found`` those that every live reader has applied, that nothing waits for, and that are old enough.

    Only one whose whole version this site's knowledge includes: from then on knowledge alone says that the
    record was here and is gone.
    """
    reached = min((peer.acknowledged for peer in readers if peer.live), default=state.head if readers else 0)
    due = [record for record in found if record.seq <= reached and record.fields[DELETED].stamp <= horizon]
    if not due:
        return set()
    sites = tx.peers().keys()
    about = tx.pending_about([record.ref for record in due])
    waiting = {entry.change.ref for entry in about if entry.source in sites}
    marked = {mark.ref for mark in tx.marks_of([record.ref for record in due])}
    gone = [
        record
        for record in due
        if record.ref not in waiting
        and record.ref not in marked
        and state.knows(record.ref).covers(record.version)
    ]
    if gone:
        tx.drop_records([record.ref for record in gone])
        purged = max(state.purged, *(record.seq for record in gone))
        tx.save_state(replace(state, purged=purged))
        for peer in readers:
            if not peer.live and peer.acknowledged < purged:
                forget(
                    tx, peer.site
                )  # what it has been shown as deleted, and has not heard of, it shows anew
    return {record.ref for record in gone}


def _drop_batches(tx: Transaction, readers: Sequence[Peer], horizon: int) -> int:
    """Nonces of batches that every live reader is past, and that are old; one stays behind for all of them.

    Who comes back from before that (a site restored from an older backup) compares.
    """
    reached = min((peer.acknowledged for peer in readers if peer.live), default=0)
    old = [
        (upto, nonce)
        for upto, nonce in tx.old_batches(reached - 1, BATCH)
        if not nonce or 0 < numbered_until(nonce) <= horizon
    ]
    if len(old) < 2:
        return 0
    tx.drop_batches(old[-1][0])
    return len(old) - 1


def _drop_conflicts(tx: Transaction, state: SiteState, readers: Sequence[Peer], before: int) -> int:
    """Closed ones whose resolution every live reader has heard of."""
    reached = min((peer.acknowledged for peer in readers if peer.live), default=state.head)
    return tx.drop_conflicts(before, reached, BATCH)


def _note_absence(tx: Transaction, readers: Sequence[Peer], limit: int | None, now: int) -> list[str]:
    """Peers that have been away too long; one that was never heard of begins its time now."""
    if limit is None:
        return []
    for peer in readers:
        if not peer.heard:
            tx.save_peer(replace(peer, heard=now))
        elif peer.live and now - peer.heard > limit:
            tx.save_peer(replace(peer, live=False))
    return [peer.site for peer in readers if peer.heard and now - peer.heard > limit]
