"""What a site holds: growing into its coverage, and evicting what has left it (PROTOCOL rule 10).

The hub says with each page what it has picked the changes by. More than before: the two compare, and until
the site has reached the hub's head its knowledge says nothing about what is new. Less: what it may not hold
any more goes, once the hub has all that was edited here. Only the version stays, so that nobody takes the
eviction for a deletion.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from keystone_viaduct.errors import FenceMismatch
from keystone_viaduct.kinds.model import Mode
from keystone_viaduct.sync.charter import Coverage
from keystone_viaduct.sync.model import (
    Held,
    Page,
    Reason,
    Record,
    Ref,
    SiteState,
    Version,
    evicted_fields,
    site_of,
)
from keystone_viaduct.sync.ports import Transaction, Write
from keystone_viaduct.sync.site.aside import aside
from keystone_viaduct.sync.site.carrying import referrers
from keystone_viaduct.sync.site.content import altered, contents
from keystone_viaduct.sync.site.sequencer import sequence_records

#: Records evicted in one transaction at most.
BATCH = 1000
OWNING = frozenset({Mode.OWNING})


def check_coverage(state: SiteState, page: Page) -> None:
    """Raise FenceMismatch for a page of a feed that is picked wider than before: more lies behind it.

    To read that from the start would not do: of what was deleted and purged meanwhile nobody would tell.
    """
    if page.after is not None and not state.coverage.covers(page.coverage):
        raise FenceMismatch(
            f"{state.site} is to hold more than before",
            hint="both sides compare",
            incarnation=state.incarnation,
            both=True,
        )


def covering(state: SiteState, told: Coverage) -> SiteState:
    """The state of a site that is to hold this."""
    if told == state.coverage:
        return state
    covered = state.covered.common(told)
    swept = state.swept if told.covers(state.coverage) else 0
    knowledge = state.knowledge if state.coverage.covers(told) else _own(state)
    return replace(state, coverage=told, covered=covered, swept=swept, knowledge=knowledge)


def _own(state: SiteState) -> Version:
    """What a site that grows knows for sure; the rest the hub tells at its head, of all that is to be here.

    It may be another hub that does not have yet what the one before it told of, and kept back.
    """
    known = state.knowledge.entries
    return Version({origin: seq for origin, seq in known.items() if site_of(origin) == state.site})


def reached(tx: Transaction, state: SiteState) -> SiteState:
    """The hub's head was reached: all that this site is meant to hold is here.

    What was evicted and has not come back although it might have was deleted meanwhile, unless it waits.
    """
    if state.covered == state.coverage:
        return state
    for batch in evicted(tx):
        back = [record.ref for record in batch if state.coverage.holds(record.ref.kind, record.scope)]
        gone = [ref for ref in back if ref not in state.exceptions]
        if gone:
            tx.drop_records(gone)
    return replace(state, covered=state.coverage)


def evicted(tx: Transaction) -> Iterator[list[Record]]:
    """All of which only the version is left, in batches."""
    after = None
    while batch := tx.evicted(BATCH, after):
        yield batch
        after = batch[-1].seq


def evict(
    tx: Transaction, state: SiteState, page: Page, now: int, failing: Mapping[Ref, str]
) -> tuple[SiteState, bool]:
    """Evict what is not part of the coverage and the hub has; whether more of it is to go later.

    What is known to fail at that is put aside: named, and kept until another try is asked for.
    """
    if state.coverage.is_full:
        return state, False
    fence = page.fence
    if fence is None or fence.anew or fence.seen.incarnation != state.incarnation:
        # the hub has not read this life of the site yet, but at most heard of it in a comparison
        return state, bool(tx.outside(state.swept, state.head, 1, state.coverage))
    seen = min(fence.seen.seq, state.head)
    outside = tx.outside(state.swept, seen, BATCH, state.coverage)
    kept = _put_aside(tx, outside, failing, now)
    found = [record for record in outside if record.ref not in kept]
    records = {record.ref: record for record in found}
    unseen = altered(tx, state, records, contents(tx, list(records), records))
    if unseen:  # the hub is to read first what no trigger saw
        tx.add_marks(unseen, now)
        state = sequence_records(tx, state, unseen, now)
    arrived = [r for r in found if r.ref not in unseen and _has_arrived(state, page, r)]
    going = _removable(tx, arrived)
    if going:
        _remove(tx, [record for record in found if record.ref in going])
    stays = [record.seq for record in outside if record.ref not in going]
    full = len(outside) == BATCH
    swept = min(stays) - 1 if stays else outside[-1].seq if full else max(state.swept, seen)
    more = (full and bool(going)) or len(arrived) < len(found)
    return replace(state, swept=max(state.swept, swept)), more


def leaving(tx: Transaction, page: Page) -> list[Ref]:
    """What the apply of this page may evict."""
    state, fence = tx.state(), page.fence
    if page.source != state.hub or page.coverage.is_full or fence is None:
        return []
    swept = covering(state, page.coverage).swept
    found = tx.outside(swept, min(fence.seen.seq, state.head), BATCH, page.coverage)
    return [record.ref for record in found]


def _put_aside(tx: Transaction, outside: list[Record], failing: Mapping[Ref, str], now: int) -> set[Ref]:
    """Those that failed before, or do now."""
    refs = [record.ref for record in outside]
    tx.hold([Held(ref, Reason.QUARANTINED, now, failing[ref]) for ref in refs if ref in failing])
    return aside(tx, refs)


def _has_arrived(state: SiteState, page: Page, record: Record) -> bool:
    """Whether the hub has all that was edited here, and does not let it wait for something."""
    known = page.knows(record.ref).entries.get(state.origin, 0)
    return known >= record.version.entries.get(state.origin, 0)


def _removable(tx: Transaction, found: list[Record]) -> set[Ref]:
    """Those that nothing needs that stays: an edit that the hub has not read yet keeps its target."""
    marked = {mark.ref for mark in tx.marks_of([record.ref for record in found])}
    going = {record.ref for record in found} - marked
    while going:
        referring = referrers(tx, sorted(going), OWNING)
        needed = {ref for ref, those in referring.items() if any(other not in going for other in those)}
        if not needed & going:
            return going
        going -= needed
    return going


def _remove(tx: Transaction, records: list[Record]) -> None:
    refs = [record.ref for record in records]
    tx.lock_documents(refs)
    rows = tx.documents(refs)
    writes = [Write(ref, rows[ref], None) for ref in refs if ref in rows]
    if writes:
        tx.write_documents(writes)
        tx.drop_own_marks([write.ref for write in writes])
    tx.save_records(
        [
            replace(r, fields=evicted_fields(r.newest_stamp, r.birth), unknown={}, carried=None, former=())
            for r in records
        ]
    )
