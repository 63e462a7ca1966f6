"""Reads a page of this site's feed (PROTOCOL: feed; rules 2, 8)."""

from __future__ import annotations

from dataclasses import replace

from keystone_viaduct.sync.model import Change, Checkpoint, Fence, Page, Peer, Record, SiteState, site_of
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.content import contents, digests, matches
from keystone_viaduct.sync.site.fence import check_fence, check_purge, fence_of
from keystone_viaduct.sync.site.sequencer import sequence_some

#: Marks that a read numbers at most; the page is then not at the head, and the next read numbers more.
MOST_MARKS = 5000


def read_page(
    tx: Transaction, reader: str, after: Checkpoint | None, limit: int, fence: Fence | None, *, now: int
) -> Page:
    """At most ``limit`` changes after a checkpoint, numbered first.

    ``reader`` is a site's name, or its origin: then what came from just that life of it is not sent back.

    A record whose tables already hold a newer, unnumbered edit is left out: it has a mark (or is given one)
    and so comes again at a later position; sending its content under the old version would let equal versions
    differ.
    """
    state = tx.state()
    check_fence(tx, state, fence)
    check_fence(tx, state, Fence(after) if after else None)
    check_purge(state, after)
    state, numbered = sequence_some(tx, state, now, MOST_MARKS)
    start = after.seq if after else 0
    site = site_of(reader)
    peer = _acknowledge(tx, state, site, after)
    # Who starts from nothing is shown everything once: it may have lost what it once sent.
    filtered = peer is not None and after is not None and after.seq >= peer.shown and reader != site
    own = reader if filtered else None
    entries = tx.feed(start, limit, own)
    last = len(entries) < limit
    upto = state.head if last else entries[-1].seq
    nonce = state.nonce if upto == state.head else tx.nonce_at(upto)
    changes, complete = _changes(tx, state, entries, now)
    return Page(
        source=state.site,
        term=state.term,
        after=after,
        upto=Checkpoint(state.incarnation, upto, nonce or ""),
        at_head=last and complete and numbered,
        knowledge=state.all_knowledge,
        changes=tuple(changes),
        fence=fence_of(tx, site),
        cuts=state.cuts,
        charter=state.charter if state.is_hub and state.charter.edition.number else None,
    )


def _acknowledge(tx: Transaction, state: SiteState, reader: str, after: Checkpoint | None) -> Peer | None:
    """Note how far the reader is, or that it starts over."""
    peer = tx.peers().get(reader)
    if peer is None:
        return None
    if after is None:
        noted = replace(peer, shown=state.head)
    else:
        noted = replace(peer, acknowledged=max(peer.acknowledged, after.seq), live=True)
    if noted != peer:
        tx.save_peer(noted)
    return noted


def _changes(tx: Transaction, state: SiteState, entries: list[Record], now: int) -> tuple[list[Change], bool]:
    """The entries with their contents, and whether none had to be left out."""
    alive = [entry.ref for entry in entries if not entry.deleted]
    found = contents(tx, alive, {entry.ref: entry for entry in entries})
    changes: list[Change] = []
    stale = []
    for entry in entries:
        document = {} if entry.deleted else found.get(entry.ref)
        if document is None or (
            not entry.deleted and not matches(entry, digests(state.fleet_secret, entry.ref.kind, document))
        ):
            stale.append(entry.ref)
            continue
        changes.append(
            Change(entry.ref, entry.seq, entry.version, entry.birth, entry.fields, document, entry.scope)
        )
    unmarked = set(stale) - {mark.ref for mark in tx.marks_of(stale)} if stale else set()
    if unmarked:
        tx.add_marks(sorted(unmarked), now)
    return changes, not stale
