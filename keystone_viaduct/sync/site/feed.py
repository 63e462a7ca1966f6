"""Reads a page of this site's feed (PROTOCOL: feed; rules 2, 8)."""

from __future__ import annotations

from dataclasses import replace

from keystone_viaduct.kinds.raw import canonical
from keystone_viaduct.sync.charter import UNKNOWN, Coverage, domains_of
from keystone_viaduct.sync.knowledge import MOST_EXCEPTIONS
from keystone_viaduct.sync.model import (
    IN,
    OUT,
    Change,
    Checkpoint,
    Conflict,
    Document,
    Fence,
    Page,
    Peer,
    Record,
    Ref,
    SiteState,
    Version,
    site_of,
)
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.aside import aside
from keystone_viaduct.sync.site.content import contents, digests, matches
from keystone_viaduct.sync.site.decisions import MOST, told_conflicts
from keystone_viaduct.sync.site.excepted import excepted
from keystone_viaduct.sync.site.fence import check_fence, check_purge, check_reader, fence_of
from keystone_viaduct.sync.site.guard import GUARD, Guard, delete_missing
from keystone_viaduct.sync.site.looking import MustWrite
from keystone_viaduct.sync.site.nonce import new_nonce
from keystone_viaduct.sync.site.register import told_peers
from keystone_viaduct.sync.site.scope import selection
from keystone_viaduct.sync.site.sequencer import MOST_MARKS, sequence_some
from keystone_viaduct.sync.site.statement import is_read

#: Bytes that any record is taken to have; of larger ones it is asked how many they have.
SMALL = 1024
#: Microseconds after which it is noted again that a reader is there.
HEARD = 15 * 60 * 1_000_000


def read_page(
    tx: Transaction,
    reader: str,
    after: Checkpoint | None,
    limit: int,
    fence: Fence | None,
    *,
    now: int,
    guard: Guard = GUARD,
    most: int | None = None,
) -> Page:
    """At most ``limit`` changes after a checkpoint, of about ``most`` bytes (at least one), numbered first.

    ``reader`` is a site's name, or its origin: then what came from just that life of it is not sent back.

    A record whose tables already hold a newer, unnumbered edit is left out: it has a mark (or is given one)
    and so comes again at a later position; sending its content under the old version would let equal versions
    differ. One whose row is gone without a mark is left out, too (:mod:`keystone_viaduct.sync.site.sweep`).
    While such a record waits for a person it is an exception to the knowledge that is told, so that nobody
    takes it for deleted.
    """
    state = tx.state()
    check_reader(state, site_of(reader))
    check_fence(tx, state, fence)
    check_fence(tx, state, Fence(after) if after else None)
    site = site_of(reader)
    known = tx.peers().get(site)
    check_purge(state, after, known.shown if known is not None else 0)
    state, numbered = sequence_some(tx, state, now, MOST_MARKS)
    peer = _acknowledge(tx, state, site, after, now)
    coverage = selection_for(state, peer)
    own = _own(reader, peer, after)
    entries, conflicts, upto, last = _portion(tx, state, site, own, after, limit, coverage, most)
    nonce = state.nonce if upto == state.head else tx.nonce_at(upto)
    changes, stale = _changes(tx, state, entries, coverage)
    complete = not (stale and _comes_again(tx, stale, now, guard))
    if not complete:
        state = _begin_batch(tx, state, now)
    checkpoint = Checkpoint(state.incarnation, upto, nonce or "")
    at_head = last and complete and numbered
    return _page(tx, state, after, checkpoint, coverage, changes, conflicts, site, at_head=at_head)


def glance_at_page(
    tx: Transaction,
    reader: str,
    after: Checkpoint | None,
    limit: int,
    fence: Fence | None,
    *,
    most: int | None = None,
) -> Page:
    """As :func:`read_page`, of what is numbered, in a transaction that only looks, while another one has the
    site: what the reader has is not noted.

    The page ends before a record whose tables hold something newer, and is at the head only where nothing is
    left to number. Raises MustWrite for a reader that starts over: from when on is to be noted.
    """
    state, site = tx.state(), site_of(reader)
    check_reader(state, site)
    check_fence(tx, state, fence)
    check_fence(tx, state, Fence(after) if after else None)
    peer = tx.peers().get(site)
    check_purge(state, after, peer.shown if peer is not None else 0)
    if peer is not None and after is None:
        raise MustWrite
    coverage, numbered = selection_for(state, peer), not tx.take_marks(1)
    own = _own(reader, peer, after)
    entries, conflicts, upto, last = _portion(tx, state, site, own, after, limit, coverage, most)
    changes, stale = _changes(tx, state, entries, coverage)
    if stale:
        upto = min(entry.seq for entry in entries if entry.ref in stale) - 1
        changes = [change for change in changes if change.seq <= upto]
        conflicts = tuple(conflict for conflict in conflicts if conflict.seq <= upto)
        last = False
    nonce = state.nonce if upto == state.head else tx.nonce_at(upto)
    if after is not None and upto <= after.seq:
        checkpoint = after
    else:
        checkpoint = Checkpoint(state.incarnation, upto, nonce or "")
    return _page(tx, state, after, checkpoint, coverage, changes, conflicts, site, at_head=last and numbered)


def _page(
    tx: Transaction,
    state: SiteState,
    after: Checkpoint | None,
    upto: Checkpoint,
    coverage: Coverage,
    changes: list[Change],
    conflicts: tuple[Conflict, ...],
    site: str,
    *,
    at_head: bool,
) -> Page:
    vouched = _vouched(state)
    exceptions = excepted(tx, state, vouched)
    return Page(
        source=state.site,
        term=state.term,
        after=after,
        upto=upto.of_feed(state.nonce),
        at_head=at_head and len(exceptions) <= MOST_EXCEPTIONS,
        knowledge=vouched,
        exceptions=exceptions if len(exceptions) <= MOST_EXCEPTIONS else {},
        changes=tuple(changes),
        fence=fence_of(tx, site),
        cuts=state.cuts,
        hub=state.hub,
        peers=told_peers(tx, state, site, changes),
        conflicts=conflicts,
        charter=state.charter if state.charter.edition.number and (state.is_hub or state.lineage) else None,
        statement=state.statement if state.is_hub or is_read(state) else None,
        coverage=coverage,
        capabilities=_capabilities(tx, changes),
    )


def _own(reader: str, peer: Peer | None, after: Checkpoint | None) -> str | None:
    """Whose changes are not sent back. Who starts from nothing is shown everything once: it may have lost
    what it once sent.
    """
    filtered = peer is not None and after is not None and after.seq >= peer.shown and reader != peer.site
    return reader if filtered else None


def _portion(
    tx: Transaction,
    state: SiteState,
    site: str,
    own: str | None,
    after: Checkpoint | None,
    limit: int,
    coverage: Coverage,
    most: int | None,
) -> tuple[list[Record], tuple[Conflict, ...], int, bool]:
    """The next records and conflicts, up to which position, and whether the feed ends there."""
    start = after.seq if after else 0
    entries = tx.feed(start, limit, own, coverage)
    last = len(entries) < limit
    if most is not None:
        within = _within(tx, entries, most)
        last, entries = last and len(within) == len(entries), within
    upto = state.head if last else entries[-1].seq
    conflicts = told_conflicts(tx, state, site, start, upto, limit)
    if len(conflicts) == min(limit, MOST):
        upto, last = conflicts[-1].seq, last and conflicts[-1].seq == upto
        entries = [entry for entry in entries if entry.seq <= upto]
    return entries, conflicts, upto, last


def _within(tx: Transaction, entries: list[Record], most: int) -> list[Record]:
    """As many as have about so many bytes together, at least one; their contents are not read for it."""
    sizes = tx.large([entry.ref for entry in entries if not entry.deleted], SMALL)
    total = 0
    for number, entry in enumerate(entries):
        total += sizes.get(entry.ref, SMALL) + sum(map(len, entry.fields)) + _kept(entry)
        if number and total > most:
            return entries[:number]
    return entries


def _kept(entry: Record) -> int:
    """What is kept beside the record, in characters."""
    documents = [entry.unknown, entry.carried.document if entry.carried is not None else {}]
    return sum(len(canonical(value)) for document in documents for value in document.values())


def _begin_batch(tx: Transaction, state: SiteState, now: int) -> SiteState:
    """A reader that passes what was left out can be sure to meet it later on in this history; in a backup it
    may lie where he has been. So his checkpoint names a batch that no backup has yet.
    """
    state = replace(state, head=state.head + 1, nonce=new_nonce(now))
    tx.save_state(state)
    return state


def selection_for(state: SiteState, reader: Peer | None) -> Coverage:
    """What a reader is sent: at the hub by its coverage, and no kind that its release does not know."""
    if reader is None:
        return Coverage()
    wide = state.charter.coverage_of(reader.site) if state.is_hub else Coverage()
    return selection(wide, reader.capabilities)


def _vouched(state: SiteState) -> Version:
    """The knowledge that this site can stand for: of its own edits only, unless it holds everything."""
    if state.is_hub or state.is_complete:
        return state.all_knowledge
    known = state.all_knowledge.entries
    return Version({origin: seq for origin, seq in known.items() if site_of(origin) == state.site})


def _capabilities(tx: Transaction, changes: list[Change]) -> dict[str, frozenset[str]]:
    """What this release can store, of the kinds on the page; a kind without limits is left out."""
    found = {kind: tx.known_fields(kind) for kind in {change.ref.kind for change in changes}}
    return {kind: fields for kind, fields in found.items() if fields}


def _acknowledge(
    tx: Transaction, state: SiteState, reader: str, after: Checkpoint | None, now: int
) -> Peer | None:
    """Note how far the reader is, or that it starts over."""
    peer = tx.peers().get(reader)
    if peer is None:
        return None
    if after is None:
        noted = replace(peer, shown=state.head)
    else:
        noted = replace(peer, acknowledged=max(peer.acknowledged, after.seq), live=True)
    if now - noted.heard >= HEARD:
        noted = replace(noted, heard=now)
    if noted != peer:
        tx.save_peer(noted)
    return noted


def _changes(
    tx: Transaction, state: SiteState, found: list[Record], coverage: Coverage
) -> tuple[list[Change], dict[Ref, bool]]:
    """The entries that are part of the coverage with their contents; and those that can't be shown as they
    were numbered, and whether there is any content.
    """
    entries: list[Record] = []
    changes: list[Change] = []
    left_out = aside(tx, [entry.ref for entry in found])  # exceptions to what this site knows
    for entry in (entry for entry in found if entry.ref not in left_out):
        if _is_inside(entry, coverage):
            entries.append(entry)
        elif _was_inside(entry, coverage):
            changes.append(_farewell(entry))
    alive = [entry.ref for entry in entries if not entry.deleted]
    content = contents(tx, alive, {entry.ref: entry for entry in entries})
    stale: dict[Ref, bool] = {}
    for entry in entries:
        document = {} if entry.deleted else content.get(entry.ref)
        if document is None or not (entry.deleted or _is_fresh(tx, state, entry, document)):
            stale[entry.ref] = document is not None
            continue
        border = "" if _was_inside(entry, coverage, always=True) else IN
        changes.append(
            Change(
                entry.ref,
                entry.seq,
                entry.version,
                entry.birth,
                entry.fields,
                document,
                entry.scope,
                border,
                entry.external,
            )
        )
    return sorted(changes, key=lambda change: change.seq), stale


def _comes_again(tx: Transaction, stale: dict[Ref, bool], now: int, guard: Guard) -> bool:
    """Have what was left out numbered by the next read; whether any of it comes again by itself."""
    refs = list(stale)
    unmarked = set(stale) - {mark.ref for mark in tx.marks_of(refs)}
    if unmarked:
        gone = {ref for ref in unmarked if not stale[ref]}
        tx.add_marks(sorted(unmarked - gone), now)
        delete_missing(tx, sorted(gone), guard, now)
    return bool(set(stale) - tx.held_of(refs).keys())


def _is_fresh(tx: Transaction, state: SiteState, entry: Record, document: Document) -> bool:
    found = digests(state.fleet_secret, entry.ref.kind, document)
    return matches(entry, found, tx.known_fields(entry.ref.kind))


def _is_inside(entry: Record, coverage: Coverage) -> bool:
    """Whether the reader holds it. A tombstone says nothing of a record, so that what is not known of its
    domains is no reason to keep it back: its reader may have made it, and waits for an answer.
    """
    known = domains_of(entry.scope) - {UNKNOWN} if entry.deleted else domains_of(entry.scope)
    return coverage.holds(entry.ref.kind, "/".join(known) or None)


def _was_inside(entry: Record, coverage: Coverage, *, always: bool = False) -> bool:
    """Whether the reader had it in one of the scopes that it has left (``always``: in each of them)."""
    inside = [coverage.holds(entry.ref.kind, scope or None) for scope in entry.former]
    return all(inside) if always else any(inside)


def _farewell(entry: Record) -> Change:
    """To a reader that may not have this record any more: its name, and no word of what it holds."""
    return Change(entry.ref, entry.seq, entry.version, entry.birth, {}, {}, UNKNOWN, OUT)
