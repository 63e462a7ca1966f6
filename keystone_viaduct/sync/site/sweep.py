"""A site's tables against its records, in small batches (PROTOCOL rules 4, 13 and 17).

What no trigger saw is found here: rows changed while triggers were off, a table emptied by TRUNCATE, tables
put back from elsewhere. It is marked, as a trigger would have done, and so numbered like any edit; deletions
pass the guard first. At the hub, what refers to a record that is gone for good is deleted and listed: made by
hand, such a deletion would leave dependents behind which block its tombstone at every spoke.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import (
    DELETED,
    Conflict,
    Document,
    Held,
    Reason,
    Record,
    Ref,
    SiteState,
    SweepState,
    Version,
    life,
    site_of,
)
from keystone_viaduct.sync.ports import Transaction, Write
from keystone_viaduct.sync.site.aside import aside
from keystone_viaduct.sync.site.carrying import drop, referrers, rowless
from keystone_viaduct.sync.site.content import altered, contents
from keystone_viaduct.sync.site.decisions import list_now
from keystone_viaduct.sync.site.external import is_evidence, is_shadow, outsiders, shadow
from keystone_viaduct.sync.site.guard import Guard, delete_missing
from keystone_viaduct.sync.site.needs import OWNING, Need, needs
from keystone_viaduct.sync.site.nonce import new_identifier, new_nonce
from keystone_viaduct.sync.site.restore import renew

#: Held records that are looked at at once.
BATCH = 1000


class Decided(NamedTuple):
    """How many records were decided, and the last that was looked at; None when there are no more."""

    records: int
    last: Held | None


class Decide(Protocol):
    """Decides the next batch of what waited for a person at ``now``, of some kinds."""

    def __call__(
        self, tx: Transaction, /, *, kinds: frozenset[str] | None, after: Held | None, now: int
    ) -> Decided:
        """In one transaction."""


def sweep(tx: Transaction, limit: int, guard: Guard, *, now: int) -> SweepState:
    """The next batch of at most ``limit`` records or rows of one kind; where the sweep is then."""
    state = tx.state()
    place = tx.sweep_state()
    for batch in itertools.islice(batches_of_held(tx), None if not place.kind else 1):
        _forget_settled(tx, batch)
    if not place.kind:
        place = SweepState(kind=next(iter(REGISTRY)), began=now, finished=place.finished)
    if place.by_rows:
        keys = tx.row_keys(place.kind, place.key, limit)
        fresh = [Ref(place.kind, key) for key in tx.unmarked(place.kind, keys)]
        tx.add_marks(fresh, now)
        place = replace(place, found=place.found + len(fresh))
    else:
        keys = tx.live_keys(place.kind, place.key, limit)
        refs = [Ref(place.kind, key) for key in keys]
        found, deleted = _compare(tx, state, refs, guard, now, first=not place.key)
        place = replace(place, found=place.found + found, deleted=place.deleted + deleted)
    place = replace(place, checked=place.checked + len(keys))
    place = replace(place, key=keys[-1]) if len(keys) == limit else _next(place, now)
    tx.save_sweep_state(place)
    return place


def _next(place: SweepState, now: int) -> SweepState:
    """Behind a kind's records come its rows, behind these the next kind. Rows that are only ever added, and
    taken away as housekeeping, have no records that could miss them.
    """
    if not place.by_rows:
        return replace(place, by_rows=True, key="")
    kinds = list(REGISTRY)
    after = kinds.index(place.kind) + 1
    if after < len(kinds):
        return replace(place, kind=kinds[after], by_rows=False, key="")
    return replace(place, kind="", by_rows=False, key="", finished=now)


def _compare(
    tx: Transaction, state: SiteState, refs: Sequence[Ref], guard: Guard, now: int, *, first: bool
) -> tuple[int, int]:
    """How many of these records differ from their rows, and how many deletions were made of it; with the
    ``first`` of a kind the hub looks at those, too, that have no row.

    The marks are read last: an edit that is committed meanwhile has one, and is left to it.
    """
    left = aside(tx, refs)
    refs = [ref for ref in refs if ref not in left]
    if not refs or REGISTRY[refs[0].kind].insert_only:
        return 0, 0
    records = tx.records(refs)
    found = contents(tx, refs, records)
    marked = {mark.ref for mark in tx.marks_of(refs)}
    quiet = [ref for ref in refs if ref not in marked and ref in records and not records[ref].deleted]
    changed = altered(tx, state, records, {ref: found[ref] for ref in quiet if ref in found})
    tx.add_marks(changed, now)
    gone = delete_missing(tx, [ref for ref in quiet if ref not in found], guard, now)
    if state.is_hub and first:
        carried = _without_rows(tx, refs[0].kind)
        records.update((record.ref, record) for record in carried)
        found.update((record.ref, record.carried.document) for record in carried if record.carried)
    orphans = _dangling(tx, state, found, records) if state.is_hub else {}
    if len(orphans) > guard.count:
        known = tx.held_of(list(orphans))
        tx.hold([Held(ref, Reason.DANGLING, now) for ref in orphans if ref not in known])
        orphans = {}
    return len(changed), len(gone) + _delete(tx, state, orphans, now)


def _without_rows(tx: Transaction, kind: str) -> list[Record]:
    """The kind's records that the hub only carries: they need their owners, too."""
    return [record for record in rowless(tx) if record.ref.kind == kind]


def _dangling(
    tx: Transaction, state: SiteState, found: dict[Ref, Document], records: Mapping[Ref, Record]
) -> dict[Ref, str]:
    """What needs an owner that has neither record nor row nor mark, and need not have one; and which."""
    wanted = {
        ref: [need for need in needs(ref, held, records[ref].external) if need.owning]
        for ref, held in found.items()
    }
    owners = list(dict.fromkeys(ref for needed in wanted.values() for need in needed for ref in need.any_of))
    known = tx.records(owners)
    doubtful = [ref for ref in owners if ref not in known or known[ref].deleted]
    here = set(tx.documents(doubtful)) | {mark.ref for mark in tx.marks_of(doubtful)}
    absent = set(doubtful) - here
    outside = _outside(tx, state, records, wanted, absent)

    def is_external(ref: Ref, need: Need) -> bool:
        owner = need.any_of[0]
        if not (need.may_be_external or need.unchecked) or is_evidence(known.get(owner)):
            return False
        return need.unchecked or need.external or (ref, owner) in outside or is_shadow(known.get(owner))

    def missing(ref: Ref) -> str:
        gone = (n for n in wanted[ref] if absent.issuperset(n.any_of) and not is_external(ref, n))
        return ", ".join(map(str, gone))

    return {ref: text for ref in wanted if (text := missing(ref))}


def _outside(
    tx: Transaction,
    state: SiteState,
    records: Mapping[Ref, Record],
    wanted: Mapping[Ref, list[Need]],
    absent: set[Ref],
) -> set[tuple[Ref, Ref]]:
    """Records that this site has made, with owners that are external by its configuration: it may not have
    said so, for they were numbered before that was its configuration.
    """
    own = {ref for ref in wanted if site_of(records[ref].birth.origin) == state.site}
    pairs = {
        (ref, need.any_of[0])
        for ref in own
        for need in wanted[ref]
        if need.may_be_external and absent.issuperset(need.any_of)
    }
    found = outsiders(tx, tx.external_drivers(), sorted({owner for _, owner in pairs}))
    return {(ref, owner) for ref, owner in pairs if owner in found}


def _delete(tx: Transaction, state: SiteState, orphans: dict[Ref, str], now: int) -> int:
    """Delete them with what they own in turn, as edits of this site, and list each."""
    why = dict(orphans)
    queue = list(why)
    while queue:
        referring = referrers(tx, queue, OWNING).items()
        fresh = {ref: f"{target}, which goes with it," for target, refs in referring for ref in refs}
        queue = [ref for ref in fresh if ref not in why]
        why.update((ref, fresh[ref]) for ref in queue)
    rows, records = tx.documents(list(why)), tx.records(list(why))
    known = contents(tx, list(why), records)
    tx.write_documents([Write(ref, row, None) for ref, row in rows.items()])
    drop(tx, [record for record in records.values() if record.rowless and record.ref not in rows], now)
    tx.let_go(list(rows))
    list_now(tx, [_listing(state, ref, why[ref], known[ref], now) for ref in why if ref in known], now)
    return len(known)


def _listing(state: SiteState, ref: Ref, owner: str, lost: Document, now: int) -> Conflict:
    why = f"it needs {owner}, which is not there any more"
    fields = tuple(sorted(lost))
    return Conflict(new_identifier(), ref, "dangling", "rule", why, fields, state.site, now, lost)


def batches_of_held(tx: Transaction) -> Iterator[list[Held]]:
    """All that is held, the oldest first."""
    after: Held | None = None
    while found := tx.held(BATCH, after):
        yield found
        after = found[-1]


def all_held(tx: Transaction) -> Iterator[Held]:
    """All that is held, one by one."""
    return itertools.chain.from_iterable(batches_of_held(tx))


def _forget_settled(tx: Transaction, held: Sequence[Held]) -> set[Ref]:
    """A held deletion is settled when its row is back, or the record was deleted by somebody else. Which."""
    refs = [item.ref for item in held if item.reason is Reason.MISSING]
    if not refs:
        return set()
    records, rows = tx.records(refs), tx.lock_documents(refs)
    settled = [ref for ref in refs if ref in rows or ref not in records or records[ref].deleted]
    tx.let_go(settled)
    return set(settled)


def confirm(tx: Transaction, /, *, kinds: frozenset[str] | None, after: Held | None, now: int) -> Decided:
    """The deletions that wait were meant: number the next batch of them."""
    state = tx.state()
    chosen, last = _chosen(tx, kinds, after, now)
    tx.let_go([item.ref for item in chosen])
    tx.add_marks([item.ref for item in chosen if item.reason is Reason.MISSING], now)
    _delete(tx, state, {i.ref: "its owner" for i in chosen if i.reason is Reason.DANGLING}, now)
    return Decided(len(chosen), last)


def discard(tx: Transaction, /, *, kinds: frozenset[str] | None, after: Held | None, now: int) -> Decided:
    """The deletions that wait were not meant: let the next comparison bring back those of the next batch.

    Their versions are forgotten here, so that whatever another site has of them is newer. They stay held
    until their rows are there. What no other site has can't come back. Each reader of the feed compares
    before it reads on, also one that is away now.
    """
    state = tx.state()
    chosen, last = _chosen(tx, kinds, after, now)
    records = tx.records([item.ref for item in chosen if item.reason is Reason.MISSING])
    if any(state.origin in record.version.entries for record in records.values()):
        # what it does to an older version of these must not seem to contain its edits that it has forgotten
        state = renew(tx, None, "", now=now, safe=state.head)
    tx.save_records([_hollow(record) for record in records.values()])
    tx.let_go([item.ref for item in chosen if item.reason is Reason.DANGLING])
    if records:
        head = state.head + 1
        tx.save_state(replace(state, head=head, purged=head, nonce=new_nonce(now)))
    return Decided(len(chosen), last)


def _chosen(
    tx: Transaction, kinds: frozenset[str] | None, after: Held | None, now: int
) -> tuple[list[Held], Held | None]:
    """Of the next batch, what waits for a person and is not settled; and where the next batch begins."""
    found = tx.held(BATCH, after)
    seen = [item for item in found if item.found_at <= now]
    last = seen[-1] if len(seen) == BATCH else None
    settled = _forget_settled(tx, seen)
    return [
        item
        for item in seen
        if item.reason is not Reason.QUARANTINED
        and item.ref not in settled
        and (kinds is None or item.ref.kind in kinds)
    ], last


def _hollow(record: Record) -> Record:
    alive = life(0, record.birth._replace(seq=0), deleted=False)
    # no reader of the feed is shown it, so that a comparison must not take it for being on its way
    hollow = replace(
        record, version=Version(), fields={DELETED: alive}, unknown={}, carried=None, learned_from=None
    )
    said = shadow(record) or record.external
    return replace(hollow, seq=-abs(record.seq), external=said)
