"""What a site does when it is compared with another (PROTOCOL rule 13).

Why a comparison may set a checkpoint: it is set to the head at which the first summary was taken. A record
that the two sites then agree about needs no carrying; one that they do not agree about is moved behind that
head; and whatever is changed while they compare gets a position behind it anyway. Versions only grow, so a
record that is found equal a little later, at another moment on each side, is no older at the reader than it
was at the source when the head was taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from keystone_viaduct.sync.charter import Coverage
from keystone_viaduct.sync.model import (
    Bucket,
    Entry,
    Fence,
    Listing,
    Places,
    Record,
    Ref,
    SiteState,
    Summary,
)
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.charter import take_next_charter
from keystone_viaduct.sync.site.coverage import covering
from keystone_viaduct.sync.site.decisions import show_conflicts
from keystone_viaduct.sync.site.excepted import excepted
from keystone_viaduct.sync.site.feed import selection_for
from keystone_viaduct.sync.site.fence import check_fence, check_reader
from keystone_viaduct.sync.site.nonce import new_nonce
from keystone_viaduct.sync.site.reasons import ASIDE
from keystone_viaduct.sync.site.sequencer import MOST_MARKS, sequence_some

#: Records after which a listing leaves the remaining buckets to the next call.
MOST_ENTRIES = 5000


def summary(
    tx: Transaction,
    reader: str,
    within: Sequence[Bucket] | None,
    fence: Fence | None,
    kinds: frozenset[str] | None,
    *,
    now: int | None,
) -> Summary:
    """The tallies below these buckets; of whole kinds after numbering what is unnumbered (``now`` None:
    without).

    Marks beyond a bound stay: their records get later positions. Raises FenceMismatch, NotYet.
    """
    state = tx.state()
    check_reader(state, reader)
    check_fence(tx, state, fence)
    if within is None and now is not None:
        state, _ = sequence_some(tx, state, now, MOST_MARKS)
    coverage = selection_for(state, tx.peers().get(reader))
    found = tx.tallies(within, coverage.common(Coverage(kinds)))
    return Summary(
        state.checkpoint,
        state.all_knowledge,
        found,
        state.term,
        state.hub,
        coverage,
        excepted(tx, state, state.all_knowledge),
    )


def listing(tx: Transaction, reader: str, within: Sequence[Bucket]) -> Listing:
    """The records of the first of these buckets, and of as many more as fit."""
    coverage = selection_for(tx.state(), tx.peers().get(reader))
    entries: list[Entry] = []
    done = 0
    for bucket in within:
        found = tx.entries(bucket, coverage)
        entries += [entry if entry.seq > 0 else entry._replace(seq=0) for entry in found]
        done += 1
        if len(entries) >= MOST_ENTRIES:
            break
    return Listing(done, tuple(entries), None if coverage.is_full else coverage)


def show(tx: Transaction, refs: Sequence[Ref], *, now: int) -> SiteState:
    """Move these records to the end of the feed, for all readers; no dot is minted.

    ``learned_from`` goes, too: who sent it does not have it any more, or not like this.
    """
    state = tx.state()
    found = tx.records(list(dict.fromkeys(refs)))
    moved: list[Record] = []
    for record in sorted(found.values(), key=lambda record: record.seq):
        if record.evicted or not record.version:  # nothing is left here that could be shown
            continue
        state = replace(state, head=state.head + 1)
        moved.append(replace(record, seq=state.head, learned_from=None))
    if moved:
        tx.save_records(moved)
        state = replace(state, nonce=new_nonce(now))
        tx.save_state(state)
    return state


def resume(tx: Transaction, source: str, places: Places, *, now: int) -> None:
    """Go on with the feed of ``source``; the list of conflicts is shown again there.

    A spoke holds from now on what it was compared in: of anything more it has been told nothing.
    Raises FenceMismatch when the history that was compared is not here any more.
    """
    state = tx.state()
    check_fence(tx, state, Fence(places.own))
    if source == state.hub and not state.is_hub:
        tx.save_state(covering(state, places.coverage))
    put_aside(tx, source)
    take_next_charter(tx, source)
    tx.save_checkpoint(source, places.checkpoint.of_feed(places.seen.nonce))
    peer = tx.peers().get(source)
    if peer is not None:
        tx.save_peer(replace(peer, incarnation=places.checkpoint.incarnation, seen=places.seen))
    show_conflicts(tx, source, now)


def forget(tx: Transaction, source: str) -> None:
    """Read all that ``source`` has once more, from the start of its feed."""
    tx.save_checkpoint(source, None)
    put_aside(tx, source)
    take_next_charter(tx, source)


def put_aside(tx: Transaction, source: str) -> None:
    """What waits from there is left alone until the source shows it again."""
    tx.save_pending(source, [replace(entry, reason=ASIDE, lacks=()) for entry in tx.pending(source)], [])
