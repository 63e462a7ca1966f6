"""Turns committed but unnumbered changes into feed entries (PROTOCOL rule 1; rulings on marks and stamps)."""

from __future__ import annotations

from dataclasses import replace

from keystone_viaduct.kinds.local import is_local
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.value import KEY_SIZE
from keystone_viaduct.sync.knowledge import known_of
from keystone_viaduct.sync.model import (
    ABSENT,
    DELETED,
    Conflict,
    Document,
    Dot,
    FieldState,
    Mark,
    Record,
    Ref,
    SiteState,
    Version,
    life,
    site_of,
)
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.aside import aside
from keystone_viaduct.sync.site.carrying import drop, orphans, owned
from keystone_viaduct.sync.site.content import (
    changed_fields,
    digests,
    overlaid,
    rows_of,
    still_carried,
    unseen_values,
    written_over,
)
from keystone_viaduct.sync.site.external import shadow, with_owners
from keystone_viaduct.sync.site.gains import note_gains
from keystone_viaduct.sync.site.nonce import new_identifier, new_nonce
from keystone_viaduct.sync.site.release import adopt_records, adopt_release
from keystone_viaduct.sync.site.scope import dependents, rescoped, resolve

BATCH = 500
#: Marks that one transaction numbers at most where it can leave the rest to the next one.
MOST_MARKS = 5000


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
    state = adopt_release(tx, state, now)
    batch = batch if most is None else min(batch, most)
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
    state = adopt_release(tx, state, now)
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
    readable = sorted(aside(tx, refs))  # what can be read again is nothing special any more
    if readable:
        adopt_records(tx, readable, now)
    records = tx.records(refs)
    rows = rows_of(tx, refs)
    ours = _of_this_site(tx, [ref for ref in refs if ref not in rows and ref not in records])
    found = overlaid(refs, rows, records)
    torn = _marked_again(tx, refs, {mark.id for mark in marks})
    head = state.head
    numbered: list[Record] = []
    kept: list[Record] = []
    listed: list[Conflict] = []
    for ref in refs:
        if ref in torn or ref in ours:
            continue
        known = tx.known_fields(ref.kind)
        before = records.get(ref)
        carried = still_carried(before, rows.get(ref))
        written = written_over(before, carried)
        record = edited(state, before, ref, found.get(ref), known, stamped[ref], head + 1, written)
        if record is not None:
            head += 1
            numbered.append(replace(record, carried=carried))
            lost = unseen_values(before, carried, found.get(ref))
            if lost:
                head += 1
                listed.append(_overwritten(state, ref, lost, now, head))
        elif before is not None and ref in readable:
            head += 1  # its readers have passed it meanwhile
            numbered.append(replace(before, seq=head, learned_from=None, carried=carried))
        elif before is not None and before.carried != carried:
            kept.append(replace(before, carried=carried))
    tx.save_records(kept)
    tx.drop_marks([mark_id for ref in refs if ref not in torn for mark_id in ids[ref]])
    tx.let_go([ref for ref in readable if ref not in torn])
    numbered = with_owners(tx, numbered, found) if numbered else []
    lost_owner = owned(tx, [r for r in numbered if r.deleted]) if state.is_hub else []
    drop(tx, [record for record, _ in lost_owner], now)
    for record, owner in lost_owner:
        head += 1
        listed.append(_belonged(state, record, owner, now, head))
    if numbered:
        owners = {r.ref: r.external for r in numbered}
        scopes = resolve(tx, {r.ref: found[r.ref] for r in numbered if not r.deleted}, owners)
        numbered = [
            rescoped(r, scopes[r.ref], records.get(r.ref)) if r.ref in scopes else r for r in numbered
        ]
        tx.save_records(numbered)
        note_gains(tx, state, ((r, None if r.deleted else found[r.ref]) for r in numbered), records, now)
        tx.add_conflicts(listed)
        state = replace(state, head=head)
        state = follow(tx, state, [r.ref for r in numbered if _has_moved(r, records.get(r.ref))])
        state = replace(state, nonce=new_nonce(now))
        tx.save_state(state)
    return state, bool(torn or lost_owner)


def drop_orphans(tx: Transaction, state: SiteState, now: int) -> SiteState:
    """At a new hub: what it only carries goes with its owner, which was deleted when it was a spoke still."""
    found = orphans(tx)
    if not found:
        return state
    drop(tx, [record for record, _ in found], now)
    listed = [
        _belonged(state, record, owner, now, state.head + number)
        for number, (record, owner) in enumerate(found, start=1)
    ]
    tx.add_conflicts(listed)
    state = replace(state, head=state.head + len(listed), nonce=new_nonce(now))
    tx.save_state(state)
    return sequence(tx, state, now)


def follow(tx: Transaction, state: SiteState, moved: list[Ref]) -> SiteState:
    """Show again what belongs elsewhere because one of these records does; not saved yet."""
    found = dependents(tx, moved) if moved else []
    shown = [
        replace(record, seq=seq, learned_from=None) for seq, record in enumerate(found, start=state.head + 1)
    ]
    tx.save_records(shown)
    return replace(state, head=state.head + len(shown))


def _of_this_site(tx: Transaction, lacking: list[Ref]) -> set[Ref]:
    """Those of records without a row to be seen that never travel: the row is this site's alone, or was."""
    gone = {ref for ref in lacking if is_local(*ref)}
    left = [ref for ref in lacking if ref not in gone]
    return gone | (tx.site_only(left) if left else set())


def _has_moved(record: Record, before: Record | None) -> bool:
    return before is not None and not before.deleted and before.scope != record.scope


def _marked_again(tx: Transaction, refs: list[Ref], seen: set[int]) -> set[Ref]:
    return {mark.ref for mark in tx.marks_of(refs) if mark.id not in seen}


def edited(
    state: SiteState,
    record: Record | None,
    ref: Ref,
    content: Document | None,
    known: frozenset[str],
    marked_at: int,
    seq: int,
    written: frozenset[str] = frozenset(),
) -> Record | None:
    """The record after a local edit numbered ``seq``; None if nothing replicated has changed.

    ``known`` are the fields that this release can store; ``written`` those of which the row said something
    else than the record until now: they were edited, even if to what the record has.

    A stamp is the mark's time raised above the record's own, so clocks may jump and causality still wins.
    """
    dot = Dot(state.origin, seq)
    stamp = max(marked_at, record.newest_stamp + 1 if record else 0)
    if content is None:
        return _deleted(state, record, ref, stamp, dot)
    found = digests(state.fleet_secret, ref.kind, content)
    if record is None or record.deleted or record.evicted:
        version = (_seen(state, record) if record else _start(state, ref)).plus(dot)
        fields = {name: FieldState(stamp, dot, digest) for name, digest in found.items()}
        fields[DELETED] = life(stamp, dot, deleted=False)
        former = record.former if record else ()
        return Record(ref, seq, version, dot, fields, record.scope if record else None, former=former)
    changes = changed_fields(record.fields, found, known)
    changes.update((name, found.get(name, ABSENT)) for name in sorted(written))
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
        learned_from=None,
    )


def _overwritten(state: SiteState, ref: Ref, lost: Document, now: int, seq: int) -> Conflict:
    """Who edited here could not see what this site only carries: that is listed."""
    why = "edited here, where the tables could not hold this and showed an older value"
    names = tuple(sorted(lost))
    return Conflict(new_identifier(), ref, "carried", "rule", why, names, state.site, now, lost, seq=seq)


def _belonged(state: SiteState, record: Record, owner: Ref, now: int, seq: int) -> Conflict:
    """What Keystone would have deleted with its owner, had it a row at the hub."""
    assert record.carried is not None
    lost, why = record.carried.document, f"{owner} was deleted here"
    names = tuple(sorted(lost))
    return Conflict(
        new_identifier(), record.ref, "dependent", "rule", why, names, state.site, now, lost, seq=seq
    )


def _start(state: SiteState, ref: Ref) -> Version:
    """The version from which a record starts that is not here: all that this site knows.

    But of what it does not hold it knows nothing: such a record may well be elsewhere.
    """
    return known_of(state.knowledge, state.exceptions, ref) if state.covered.is_full else Version()


def _seen(state: SiteState, record: Record) -> Version:
    """What whoever makes a record anew has seen of the one before: of one that was evicted nothing.

    Only this site's own edits follow each other in any case. So what the others have is a record that was
    made apart, and is not replaced unseen.
    """
    if not record.evicted:
        return record.version
    entries = record.version.entries.items()
    return Version({origin: seq for origin, seq in entries if site_of(origin) == state.site})


def _deleted(state: SiteState, record: Record | None, ref: Ref, stamp: int, dot: Dot) -> Record | None:
    if REGISTRY[ref.kind].insert_only:
        return None
    if record is not None and (record.deleted or record.evicted):
        return None
    if record is None:
        if len(ref.key) > KEY_SIZE:
            return None  # it never travelled, and nor would this
        dead = {DELETED: life(stamp, dot, deleted=True)}
        return Record(ref, dot.seq, _start(state, ref).plus(dot), dot, dead)
    fields = {DELETED: life(stamp, dot, deleted=True)}
    version, said = record.version.plus(dot), shadow(record)
    return Record(ref, dot.seq, version, record.birth, fields, record.scope, external=said)
