"""Reads a page of this site's feed (PROTOCOL: feed; rules 2, 8)."""

from __future__ import annotations

from keystone_viaduct.errors import FenceMismatch
from keystone_viaduct.sync.model import Change, Checkpoint, Page, Record, SiteState
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.content import contents, digests, matches
from keystone_viaduct.sync.site.sequencer import sequence


def check_fence(tx: Transaction, state: SiteState, known: Checkpoint | None) -> None:
    """Raise FenceMismatch unless this site's history still holds the position that the caller knows."""
    if known is None or (known.seq == 0 and known.incarnation == state.incarnation):
        return
    if known.incarnation != state.incarnation:
        raise FenceMismatch(
            f"{state.site} is another incarnation than the checkpoint names",
            hint="its database was restored; compare from the start",
            incarnation=state.incarnation,
        )
    if known.seq > state.head or tx.nonce_at(known.seq) != known.nonce:
        raise FenceMismatch(
            f"{state.site} does not have position {known.seq} of the checkpoint in its history",
            hint="its database was restored from a backup",
            incarnation=state.incarnation,
            forked=True,
        )


def read_page(
    tx: Transaction, after: Checkpoint | None, limit: int, reader_origin: str | None, *, now: int
) -> Page:
    """At most ``limit`` changes after a checkpoint, numbered first.

    A record whose tables already hold a newer, unnumbered edit is left out: it has a mark (or is given one)
    and so
    comes again at a later position; sending its content under the old version would let equal versions
    differ.
    """
    state = tx.state()
    check_fence(tx, state, after)
    state = sequence(tx, state)
    start = after.seq if after else 0
    entries = tx.feed(start, limit, reader_origin)
    last = len(entries) < limit
    upto = state.head if last else entries[-1].seq
    nonce = state.nonce if upto == state.head else tx.nonce_at(upto)
    changes, complete = _changes(tx, state, entries, now)
    return Page(
        source=state.site,
        term=state.term,
        after=after,
        upto=Checkpoint(state.incarnation, upto, nonce or ""),
        at_head=last and complete,
        knowledge=state.all_knowledge,
        changes=tuple(changes),
    )


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
