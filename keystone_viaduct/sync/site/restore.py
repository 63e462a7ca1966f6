"""A site that was restored from a backup begins a new life (PROTOCOL rule 8).

What it numbered since the backup may carry dots that stand for other edits elsewhere; those edits get new
dots of a new incarnation and so count as concurrent. What lies unnumbered in the backup itself and had been
numbered in the history that was lost is not an edit at all any more: the other side has it, or something
newer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from keystone_viaduct.sync.model import (
    DELETED,
    Checkpoint,
    Document,
    Dot,
    FieldState,
    Mark,
    Record,
    Ref,
    SiteState,
    Version,
    life,
    origin_of,
    restored_at,
)
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.content import changed_fields, digests, overlaid, rows_of, still_carried
from keystone_viaduct.sync.site.cuts import relabel
from keystone_viaduct.sync.site.external import shadow, with_owners
from keystone_viaduct.sync.site.nonce import new_incarnation, new_nonce, numbered_until
from keystone_viaduct.sync.site.scope import rescoped, resolve

#: Marks that are looked at together.
BATCH = 1000


def renew(
    tx: Transaction,
    known: Checkpoint | None,
    caller: str,
    *,
    now: int,
    safe: int | None = None,
    restored: bool = False,
) -> SiteState:
    """Take a new incarnation; ``restored``: because this site was put back to a backup, which its name tells.

    ``known`` is the position of the lost history that ``caller`` has presented. What the caller had
    acknowledged when the backup was made is the last that both histories surely have in common; ``safe``
    says it otherwise.
    """
    before = tx.state()
    peer = tx.peers().get(caller)
    if safe is None:
        safe = min(peer.acknowledged, before.head) if peer is not None else 0
    knowledge = before.knowledge.plus(Dot(before.origin, safe))
    cuts = {**before.cuts, before.origin: safe}
    if known is not None and known.incarnation != before.incarnation:
        # A lost life counts as past from now on, and nothing of it as known.
        lost = origin_of(before.site, known.incarnation)
        knowledge, cuts[lost] = knowledge.plus(Dot(lost, 0)), 0
    fresh = new_incarnation(now if restored else restored_at(before.incarnation))
    state = replace(before, incarnation=fresh, knowledge=knowledge)
    if before.is_hub:
        state = replace(state, cuts=cuts)
    state = _withdraw_old_marks(tx, state, before, numbered_until(known.nonce) if known else 0)
    # a record with an own edit stands in the feed where that edit was numbered, or later
    state = relabel(tx, state, before.origin, safe, after=safe)
    for other in tx.peers().values():
        tx.save_peer(replace(other, acknowledged=0))
    state = replace(state, nonce=new_nonce(now), purged=0, swept=0)
    tx.save_state(state)
    return state


def _withdraw_old_marks(tx: Transaction, state: SiteState, before: SiteState, horizon: int) -> SiteState:
    """Marks made before the lost history was last read were numbered in it: their content is old news.

    Each such record takes the content of its row without news: its version is new, its fields' dots are the
    zero dot, which every version includes. So whatever the other side holds, a version or a tombstone,
    prevails.
    """
    if horizon:
        for taken in _batches(tx):
            state = _withdrawn(tx, state, before, horizon, taken)
    return state


def marked(tx: Transaction) -> list[Ref]:
    """All records that have marks."""
    return list(dict.fromkeys(mark.ref for batch in _batches(tx) for mark in batch))


def _batches(tx: Transaction) -> Iterator[list[Mark]]:
    """All marks, each with all others of its record; some may come twice."""
    after = 0
    while batch := tx.take_marks(BATCH, after):
        after = max(mark.id for mark in batch[:BATCH])
        yield batch


def _withdrawn(
    tx: Transaction, state: SiteState, before: SiteState, horizon: int, taken: list[Mark]
) -> SiteState:
    marks = [mark for mark in taken if mark.stamped_at <= horizon]
    later = {mark.ref for mark in taken if mark.stamped_at > horizon}
    refs = [ref for ref in dict.fromkeys(mark.ref for mark in marks) if ref not in later]
    records = tx.records(refs)
    rows = rows_of(tx, refs)
    found = overlaid(refs, rows, records)
    withdrawn: list[Record] = []
    for ref in refs:
        dot = Dot(state.origin, state.head + 1)
        known = tx.known_fields(ref.kind)
        record = _as_old_news(state, before, records.get(ref), ref, found.get(ref), known, dot)
        if record is not None:
            state = replace(state, head=dot.seq)
            withdrawn.append(replace(record, carried=still_carried(records.get(ref), rows.get(ref))))
    withdrawn = with_owners(tx, withdrawn, found)
    owners = {record.ref: record.external for record in withdrawn}
    scopes = resolve(
        tx, {record.ref: found[record.ref] for record in withdrawn if record.ref in found}, owners
    )
    tx.save_records(
        [rescoped(r, scopes[r.ref], records.get(r.ref)) if r.ref in scopes else r for r in withdrawn]
    )
    tx.drop_marks([mark.id for mark in marks if mark.ref not in later])
    return state


def _as_old_news(
    state: SiteState,
    before: SiteState,
    record: Record | None,
    ref: Ref,
    content: Document | None,
    known: frozenset[str],
    dot: Dot,
) -> Record | None:
    """The record of a row whose edit is no news of this site any more; None where nothing need be kept."""
    none = Dot(before.origin, 0)
    if content is None:
        if record is not None and (record.deleted or record.evicted):
            return None
        fields: dict[str, FieldState] = {DELETED: life(0, none, deleted=True)}
        if record is None:
            return Record(ref, dot.seq, Version().plus(dot), none, fields)
        version, said = record.version.plus(dot), shadow(record)
        return replace(record, seq=dot.seq, version=version, fields=fields, learned_from=None, external=said)
    found = digests(state.fleet_secret, ref.kind, content)
    if record is None or record.deleted or record.evicted:
        fields = {name: FieldState(0, none, digest) for name, digest in found.items()}
        fields[DELETED] = life(0, none, deleted=False)
        version = record.version if record is not None else Version()
        return Record(ref, dot.seq, version.plus(dot), none, fields)
    changes = changed_fields(record.fields, found, known)
    fields = {**record.fields, **{name: FieldState(0, none, digest) for name, digest in changes.items()}}
    return replace(record, seq=dot.seq, version=record.version.plus(dot), fields=fields, learned_from=None)
