"""Turns committed but unnumbered changes into feed entries (PROTOCOL rule 1; rulings on marks and stamps)."""

from __future__ import annotations

from dataclasses import replace

from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import (
    DELETED,
    Document,
    Dot,
    FieldState,
    Mark,
    Record,
    Ref,
    SiteState,
    Version,
    life,
)
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.content import changed_fields, contents, digests
from keystone_viaduct.sync.site.nonce import new_nonce
from keystone_viaduct.sync.site.scope import scope_of

BATCH = 500


def sequence(tx: Transaction, state: SiteState, now: int, *, batch: int = BATCH) -> SiteState:
    """Number all committed marks; returns the new state (already saved).

    A record that is marked again while its documents are being read may have been read torn, half before
    and half after that commit; it is left for the next batch, which sees all of it.
    """
    return sequence_some(tx, state, now, None, batch=batch)[0]


def sequence_some(
    tx: Transaction, state: SiteState, now: int, most: int | None, *, batch: int = BATCH
) -> tuple[SiteState, bool]:
    """As :func:`sequence`, but leave the rest for later after ``most`` marks; also whether all are done.

    Who has just been initialised has as many marks as records: to number all of them in one transaction would
    outlast any caller's patience, and then be undone.
    """
    taken = 0
    while True:
        marks = tx.take_marks(batch)
        if not marks:
            return state, True
        state, deferred = _number(tx, state, marks, now)
        taken += len(marks)
        if len(marks) < batch and not deferred:
            return state, True
        if most is not None and taken >= most:
            return state, False


def sequence_records(tx: Transaction, state: SiteState, refs: list[Ref], now: int) -> SiteState:
    """Number only the marks of these records, until none is left."""
    while True:
        marks = tx.marks_of(refs)
        if not marks:
            return state
        state, _ = _number(tx, state, marks, now)


def _number(tx: Transaction, state: SiteState, marks: list[Mark], now: int) -> tuple[SiteState, bool]:
    stamped: dict[Ref, int] = {}
    ids: dict[Ref, list[int]] = {}
    for mark in marks:
        stamped[mark.ref] = max(stamped.get(mark.ref, 0), mark.stamped_at)
        ids.setdefault(mark.ref, []).append(mark.id)
    refs = list(stamped)
    records = tx.records(refs)
    found = contents(tx, refs, records)
    torn = _marked_again(tx, refs, {mark.id for mark in marks})
    head = state.head
    numbered: list[Record] = []
    for ref in refs:
        if ref in torn:
            continue
        record = edited(state, records.get(ref), ref, found.get(ref), stamped[ref], head + 1)
        if record is not None:
            head += 1
            numbered.append(record)
    tx.drop_marks([mark_id for ref in refs if ref not in torn for mark_id in ids[ref]])
    if numbered:
        tx.save_records(numbered)
        state = replace(state, head=head, nonce=new_nonce(now))
        tx.save_state(state)
    return state, bool(torn)


def _marked_again(tx: Transaction, refs: list[Ref], seen: set[int]) -> set[Ref]:
    return {mark.ref for mark in tx.marks_of(refs) if mark.id not in seen}


def edited(
    state: SiteState, record: Record | None, ref: Ref, content: Document | None, marked_at: int, seq: int
) -> Record | None:
    """The record after a local edit numbered ``seq``; None if nothing replicated has changed.

    A stamp is the mark's time raised above the record's own, so clocks may jump and causality still wins.
    """
    dot = Dot(state.origin, seq)
    stamp = max(marked_at, record.newest_stamp + 1 if record else 0)
    if content is None:
        return _deleted(state, record, ref, stamp, dot)
    found = digests(state.fleet_secret, ref.kind, content)
    if record is None or record.deleted:
        version = (record.version if record else state.knowledge).plus(dot)
        fields = {name: FieldState(stamp, dot, digest) for name, digest in found.items()}
        fields[DELETED] = life(stamp, dot, deleted=False)
        return Record(ref, seq, version, dot, fields, scope_of(ref, content))
    changes = changed_fields(record.fields, found)
    if not changes:
        return None
    fields = dict(record.fields)
    for name, digest in changes.items():
        fields[name] = FieldState(stamp, dot, digest)
    return replace(
        record,
        seq=seq,
        version=record.version.plus(dot),
        fields=fields,
        scope=scope_of(ref, content),
        learned_from=None,
    )


def _deleted(state: SiteState, record: Record | None, ref: Ref, stamp: int, dot: Dot) -> Record | None:
    if REGISTRY[ref.kind].insert_only:
        return None
    if record is not None and record.deleted:
        return None
    if record is None:
        version: Version = state.knowledge.plus(dot)
        birth = dot
        scope = None
    else:
        version, birth, scope = record.version.plus(dot), record.birth, record.scope
    return Record(ref, dot.seq, version, birth, {DELETED: life(stamp, dot, deleted=True)}, scope)
