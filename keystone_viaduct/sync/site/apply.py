"""Applies a page of another site's feed (PROTOCOL rules 1, 2, 5-7, 9, 12).

The page and all that waits from the same source are one set, applied in one transaction: what can't go in yet
(a reference is missing, a name is taken) waits; at the hub, once the source's head is reached, it is settled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from keystone_viaduct.errors import CheckpointMismatch, FenceMismatch
from keystone_viaduct.kinds.raw import same_documents
from keystone_viaduct.sync.charter import UNKNOWN, Charter
from keystone_viaduct.sync.external import united
from keystone_viaduct.sync.knowledge import Exceptions
from keystone_viaduct.sync.model import (
    ABSENT,
    CONFLICT,
    DELETED,
    REFUSED,
    THING,
    ApplyResult,
    Change,
    Dot,
    Due,
    FieldState,
    Page,
    Pending,
    Record,
    Ref,
    SiteState,
    Version,
    is_one_edit,
    life,
    newest_stamp,
)
from keystone_viaduct.sync.naming import value_of
from keystone_viaduct.sync.ports import Transaction, Write
from keystone_viaduct.sync.site.alias import reread
from keystone_viaduct.sync.site.applying import Applying, PolicyFor
from keystone_viaduct.sync.site.awaiting import keep, read_waiting, take_up
from keystone_viaduct.sync.site.carrying import alike, as_carried, releasable
from keystone_viaduct.sync.site.charter import adopt_charter
from keystone_viaduct.sync.site.claims import claims_of
from keystone_viaduct.sync.site.content import digests, for_tables, overlaid, rows_of, split_known
from keystone_viaduct.sync.site.coverage import check_coverage, covering, evict, reached
from keystone_viaduct.sync.site.cuts import adopt_cuts, check_cuts, check_life
from keystone_viaduct.sync.site.decisions import list_conflicts, still_lost
from keystone_viaduct.sync.site.excepted import learned
from keystone_viaduct.sync.site.external import merged, shadow
from keystone_viaduct.sync.site.fence import check_fence, check_own
from keystone_viaduct.sync.site.former import retry_former
from keystone_viaduct.sync.site.gains import note_gains
from keystone_viaduct.sync.site.inherited import decide_inherited, settle_all
from keystone_viaduct.sync.site.intent import Intent
from keystone_viaduct.sync.site.isolating import NONE, Quarantine
from keystone_viaduct.sync.site.joining import choices_for, leave_out, take_out, used_up, withdraw
from keystone_viaduct.sync.site.made import note
from keystone_viaduct.sync.site.nonce import in_new_batch
from keystone_viaduct.sync.site.own import release
from keystone_viaduct.sync.site.proof import check_page, check_travels, own_knowledge, vouches
from keystone_viaduct.sync.site.quarantine import leave_aside
from keystone_viaduct.sync.site.readiness import Readiness
from keystone_viaduct.sync.site.reasons import ASIDE
from keystone_viaduct.sync.site.register import adopt_peers, register_here
from keystone_viaduct.sync.site.reviving import revive
from keystone_viaduct.sync.site.scope import rescoped, resolve
from keystone_viaduct.sync.site.sequencer import MOST_MARKS, follow, sequence_records, sequence_some
from keystone_viaduct.sync.site.statement import heard_of_hub, put_in, reminded, signed_here
from keystone_viaduct.sync.site.term import check_term
from keystone_viaduct.sync.site.trial import Trial, is_heard, with_stamps_bounded
from keystone_viaduct.sync.site.unseen import is_gone, number_unseen


def apply_page(
    tx: Transaction,
    page: Page,
    *,
    now: int,
    policy_for: PolicyFor,
    quarantine: Mapping[Ref, Quarantine] = NONE,
) -> ApplyResult | None:
    """Apply one page on exactly its checkpoint; ``quarantine`` are the records that are known to fail.

    None where so much was edited here that only a part of that was numbered: commit it, and call again.

    Raises CheckpointMismatch when another page was applied meanwhile, and what :func:`check_term` raises.
    """
    state = tx.state()
    page = put_in(state, page)
    check(tx, state, page)
    state, numbered = sequence_some(tx, state, now, MOST_MARKS)
    if not numbered:
        return None
    state = _follow(tx, state, page, now)
    state = decide_inherited(tx, state, apply_waiting, quarantine, now=now, policy_for=policy_for)
    if is_heard(state, page):
        page = with_stamps_bounded(page, now)
    run = Applying(tx, state, page, now, policy_for).put(quarantine)
    result = _finish(run, apply_waiting(run))
    state = retry_former(tx, apply_waiting, quarantine, now=now, policy_for=policy_for)
    due = state.judges and bool(tx.due(1))
    signed = signed_here(state)
    return replace(result, knowledge=state.all_knowledge, head=state.checkpoint, due=due, signed=signed)


def apply_waiting(run: Applying) -> set[Ref]:
    """Apply what can be of the page and of all that waits from its source; returns what was considered."""
    page = run.page
    run.any_held = bool(run.tx.held(1))
    waiting = _still_waiting(run)
    candidates = take_up(run, waiting)
    run.aside = {entry.change.ref: entry.change for entry in waiting if entry.reason == ASIDE}
    if not run.state.is_hub:
        run.disputed = {entry.change.ref: entry for entry in waiting if entry.reason == CONFLICT}
    candidates.update((change.ref, change) for change in page.changes)
    done = leave_aside(run, candidates, waiting)
    carried = [
        record.ref for record in releasable(run.tx, run.releasing, run.now) if record.ref not in run.put_aside
    ]
    run.look_for_waiting(carried)
    _load(run, list(dict.fromkeys([*candidates, *carried])))
    run.trial = Trial(run) if is_heard(run.state, page) else None
    run.choices = choices_for(run)
    withdraw(run, candidates.values())
    for change in _located(run, candidates).values():
        _consider(run, change)
    release(run, [run.records[ref] for ref in carried if _is_to_be_released(run, ref)])
    _work_out(run)
    _write(run)
    return set(candidates) | done


def _work_out(run: Applying) -> None:
    """Find out what can be done now. What is refused may leave something else without what it needs, and what
    has to wait may leave something else without its excuse: again, until nothing changes.
    """
    readiness = Readiness(run)
    if run.trial:
        leave_out(run)
        reread(run, readiness)
        run.trial.hear()
        take_out(run, readiness)
    while True:
        readiness.reduce()
        if run.state.is_hub and run.page.at_head:
            settle_all(run, readiness)
        if not run.state.is_hub:
            revive(run, readiness)
        if run.trial is None or not run.trial.hear():
            return


def _still_waiting(run: Applying) -> list[Pending]:
    """What waits from the page's source, but for what this site is not to hold any more: that is forgotten.

    Not the deletion of what it has all the same: that is the answer to what was made where it may not be.
    """
    tx, state, waiting = run.tx, run.state, read_waiting(run)
    outside = [e.change for e in waiting if not state.coverage.holds(e.change.ref.kind, e.change.scope)]
    here = tx.records([change.ref for change in outside if change.deleted])
    gone = {change.ref for change in outside if is_gone(here.get(change.ref))}
    if not gone:
        return waiting
    tx.save_pending(run.page.source, [], list(gone))
    return [entry for entry in waiting if entry.change.ref not in gone]


def _follow(tx: Transaction, state: SiteState, page: Page, now: int) -> SiteState:
    """What the hub says besides its changes, or a spoke of what the hub has said."""
    if page.source != state.hub:
        return reminded(tx, state, page)
    state = heard_of_hub(tx, adopt_cuts(tx, state, page.cuts, now=now), page)
    adopt_peers(tx, state, page)
    return covering(adopt_charter(state, page.charter), page.coverage)


def check(tx: Transaction, state: SiteState, page: Page) -> None:
    """Whether the page may be applied here and now. Raises what :func:`apply_page` does."""
    check_term(state, page)
    check_travels(page)
    check_fence(tx, state, page.fence)
    if is_heard(state, page):
        check_page(tx, state, page)
    else:
        check_life(state, page)
        check_own(state, page.knowledge)
    if state.is_hub:
        check_cuts(state, page)
    stored = tx.checkpoint(page.source)
    if stored != page.after:
        raise CheckpointMismatch(
            f"this page of {page.source} starts at {page.after}, but {stored} is what was applied",
            hint="read the checkpoint again and continue from there",
        )
    if page.source != state.hub:
        return
    check_coverage(state, page)
    heard_of_hub(tx, state, page)
    if (page.charter or Charter()).edition < state.charter.edition:
        raise FenceMismatch(
            f"this page of {page.source} was picked by an older charter than this site has",
            hint="that site was restored, or the page comes late; both sides compare",
            incarnation=state.incarnation,
        )


def _load(run: Applying, refs: list[Ref]) -> None:
    """Read what this site has of them, after numbering what was edited meanwhile, seen by triggers or not."""
    _read(run, refs)
    if number_unseen(run, refs):
        _read(run, refs)


def _read(run: Applying, refs: list[Ref]) -> None:
    tx = run.tx
    run.records = tx.records(refs)
    alive = [ref for ref in refs if ref in run.records and not run.records[ref].deleted]
    if alive:
        tx.lock_documents(alive)
        before = run.state.head
        run.state = sequence_records(tx, run.state, alive, run.now)
        if run.state.head != before:
            run.records = tx.records(refs)
            alive = [ref for ref in alive if not run.records[ref].deleted]
        run.rows = rows_of(tx, alive)
        run.contents = overlaid(alive, run.rows, run.records)


def _consider(run: Applying, change: Change) -> None:
    """Turn one change into an intent, or drop or refuse it."""
    if run.trial and not run.trial.believes(change):
        return
    intent = run.intent_for(change)
    if intent is not None:
        run.intents[change.ref] = intent


def _is_to_be_released(run: Applying, ref: Ref) -> bool:
    """Whether the record is still carried, and the page says nothing of it."""
    record = run.records.get(ref)
    busy = ref in run.intents or run.waits(ref)
    return not busy and record is not None and record.carried is not None


def _write(run: Applying) -> None:
    """Number the set in the source's order and write documents and records."""
    writes: list[Write] = []
    records: list[Record] = []
    scopes = _scopes(run)
    for intent in sorted(run.intents.values(), key=lambda intent: intent.change.seq):
        record = _kept(run, intent, _placed(run, intent, _numbered(run, intent), scopes))
        if intent.release and record == run.records.get(intent.ref):
            continue
        records.append(record)
        write = _row_write(run, intent)
        if write is not None:
            writes.append(write)
        run.conflicts.extend(filter(None, (still_lost(row, intent.content) for row in intent.conflicts)))
    if writes:
        run.tx.write_documents(writes)
        run.tx.drop_own_marks([write.ref for write in writes])
        if run.any_held:
            run.tx.let_go([write.ref for write in writes])
    if records:
        run.tx.save_records(records)
        _note(run, records)
        moved = [r.ref for r in records if _has_moved(r, run.records.get(r.ref))] if scopes else []
        run.state = follow(run.tx, run.state, moved)


def _note(run: Applying, records: list[Record]) -> None:
    """At the hub: what limited sites have made, and who may hold more now; by what one of them may do nobody
    holds more than it may give itself.

    What a full site brings of a limited one's was admitted by another hub, perhaps when somebody held less.
    """
    if run.state.judges:
        limited = run.state.charter.limited
        found = [(record, run.intents[record.ref].content) for record in records]
        made = note(run.tx, run.state, found)
        if run.page.source not in limited:
            run.tx.add_due([Due(THING, *ref) for ref in sorted(made)], run.now)
        if limited != {run.page.source}:
            note_gains(run.tx, run.state, found, run.records, run.now)


def _kept(run: Applying, intent: Intent, record: Record) -> Record:
    """The record with what this site keeps beside its row."""
    if intent.content is None:
        return record if record.carried is None else replace(record, carried=None)
    row, carry = run.rows.get(intent.ref), run.carried(intent)
    carried = None
    if carry is not None:
        carried = as_carried(carry, row, run.records.get(intent.ref), run.now, run.page.source)
        claims = claims_of(run.tx, intent.ref, carry.content, code=True)
        carried = replace(carried, claims=tuple(sorted({value_of(claim) for claim in claims})))
    _, unknown = split_known(intent.content, run.tx.known_fields(intent.ref.kind))
    if carried is not None and carried.base is None:
        unknown = {}
    if same_documents(unknown, record.unknown) and alike(carried, record.carried):
        return record
    if carried is not None and carried.since == run.now:
        run.newly_carried[intent.ref] = f"{carried.reason}: {carried.why}"
    return replace(record, unknown=unknown, carried=carried)


def _row_write(run: Applying, intent: Intent) -> Write | None:
    """What is to be done with its row; None if nothing."""
    kind, row, lands = intent.ref.kind, run.rows.get(intent.ref), run.lands(intent)
    known, defaults = run.tx.known_fields(kind), run.tx.defaults(kind)
    if lands is not None:
        lands, _ = split_known(lands, known)
    if same_documents(lands, row):
        return None
    old = None if row is None else for_tables(row, defaults, known)
    new = None if lands is None else for_tables(lands, defaults, known)
    return Write(intent.ref, old, new, intent.vacate)


def _located(run: Applying, candidates: dict[Ref, Change]) -> dict[Ref, Change]:
    """At the hub: where the records belong, by its own look at what they refer to. A spoke takes its word."""
    if not run.state.is_hub:
        return candidates
    living = {ref: change.document for ref, change in candidates.items() if not change.deleted}
    run.scopes = resolve(run.tx, living, {ref: change.external for ref, change in candidates.items()})
    before = {ref: record.scope for ref, record in run.records.items()}
    return {
        ref: replace(change, scope=run.scopes.get(ref, before.get(ref))) for ref, change in candidates.items()
    }


def _scopes(run: Applying) -> dict[Ref, str | None]:
    """At the hub: of all together where some are not what was sent, for either may refer to the other."""
    if not run.state.is_hub:
        return {}
    living = {i.ref: (i.content, i.change.document) for i in run.intents.values() if i.content is not None}
    if not (run.trial and run.trial.refused) and all(
        ref in run.scopes and same_documents(content, sent) for ref, (content, sent) in living.items()
    ):
        return run.scopes
    owners = {intent.ref: intent.record.external for intent in run.intents.values()}
    resolved = resolve(run.tx, {ref: content for ref, (content, _) in living.items()}, owners)
    return {**run.scopes, **resolved}


def _placed(run: Applying, intent: Intent, record: Record, scopes: dict[Ref, str | None]) -> Record:
    before = run.records.get(intent.ref)
    if intent.hollow and before is None:
        return replace(record, scope=UNKNOWN)  # who made it is to hear of the refusal, wherever it lies
    if run.state.is_hub and before is not None:
        record = replace(record, scope=before.scope, former=before.former)
    return rescoped(record, scopes[intent.ref], before) if intent.ref in scopes else record


def _has_moved(record: Record, before: Record | None) -> bool:
    return before is not None and not before.deleted and not record.deleted and before.scope != record.scope


def _numbered(run: Applying, intent: Intent) -> Record:
    record = intent.record
    if record.seq and not intent.fresh:
        return record
    dot = run.next_dot()
    if not intent.fresh:
        return record.at(dot.seq)
    stamp = max(run.now, record.newest_stamp + 1)
    fields = dict(record.fields)
    said = united(record.external, shadow(intent.record), shadow(intent.change))
    record = replace(record, external=merged(intent.ref, intent.content, said))
    if intent.content is None:
        fields = _gone(run, intent, stamp, dot)
    else:
        written = {name: intent.content[name] for name in intent.touched if name in intent.content}
        found = digests(run.state.fleet_secret, intent.ref.kind, written)
        for name in intent.touched:
            fields[name] = FieldState(stamp, dot, found.get(name, ABSENT))
    return replace(record, seq=dot.seq, version=record.version.plus(dot), fields=fields, learned_from=None)


def _gone(run: Applying, intent: Intent, stamp: int, dot: Dot) -> dict[str, FieldState]:
    """The tombstone's one field; a hollow one's edit is the zero dot, which is news to nobody.

    When it was deleted an answer does not know any more: after what the source shows of it, and so before
    whatever was made anew.
    """
    local = run.records.get(intent.ref)
    if intent.hollow and local is not None and local.deleted:
        return dict(local.fields)
    if intent.answer:
        stamp = newest_stamp(intent.change.fields) + 1
    return {DELETED: life(stamp, Dot(dot.origin, 0) if intent.hollow else dot, deleted=True)}


def _finish(run: Applying, candidates: set[Ref]) -> ApplyResult:
    tx, page = run.tx, run.page
    candidates |= _still_disputed(run, candidates)
    if page.at_head:
        candidates |= _give_up(run, candidates)
    register = _acknowledge(tx, page, run.state)
    keep(run, candidates)
    list_conflicts(run)
    used_up(run)
    tx.save_checkpoint(page.source, page.upto)
    if page.part is not None:
        tx.drop_parts(page.source)
    state = run.state
    if page.at_head and page.source == state.former:
        state = replace(state, former="")
    if page.at_head:
        state = _learn(run, state)
    leaving = False
    if page.source == state.hub:
        state, leaving = evict(tx, state, page, run.now, {**run.quarantined, **run.put_aside})
    state = in_new_batch(state, tx.state().head, run.now)
    tx.save_state(state)
    return ApplyResult(
        applied=len(run.intents),
        known=run.known,
        merged=run.merged,
        conflicts=tuple(run.refused),
        pending=len(run.waiting) + run.unread + leaving,
        checkpoint=page.upto,
        knowledge=state.all_knowledge,
        head=state.checkpoint,
        named=tuple(run.newly_carried.items()),
        reverted=sum(row.sort == REFUSED for row in run.conflicts),
        register=register,
    )


def _learn(run: Applying, state: SiteState) -> SiteState:
    """All that the source has was applied, but what waits: of that this site knows nothing yet."""
    told = _told(run, state)
    if told is not None:
        state = learned(
            run.tx, state, run.page.source, told, [entry.change for entry in run.waiting.values()]
        )
    if run.page.source != state.hub:
        return state
    return replace(reached(run.tx, state), caught_up=run.now)


def _still_disputed(run: Applying, shown: set[Ref]) -> set[Ref]:
    """What a spoke has refused waits until its record contains the hub's decision; returns all of it."""
    open_ = [ref for ref in run.disputed if ref not in shown]
    records = run.tx.records(open_)
    for ref in open_:
        entry = run.disputed[ref]
        if ref in records and not records[ref].version.covers(entry.change.version):
            run.waiting[ref] = entry
    return set(open_)


def _give_up(run: Applying, shown: set[Ref]) -> set[Ref]:
    """What was put aside and has not been shown again: the source has deleted it, or a lost life had made
    it. What the source has and does not show goes on waiting, unless another site shows all of it here:
    then the source may lack it only because this site has told it so.
    """
    elsewhere = _waiting_elsewhere(run) if run.aside.keys() & run.page.exceptions.keys() else {}
    for ref, change in run.aside.items():
        if ref in shown or run.page.knows(ref).covers(change.version):
            continue
        if any(_shows(other, change) for other in elsewhere.get(ref, ())):
            continue
        if ref in run.page.exceptions:
            run.waiting[ref] = Pending(run.page.source, change, ASIDE)
            continue
        why = "a life of the source that was lost had made it, and what it needs is not here"
        run.conflicts.append(run.listing(ref, "lost", why, change.document))
    return set(run.aside)


def _shows(other: Change, change: Change) -> bool:
    """Whether another site shows all of a change, be it by the names that its maker's next life has given."""
    if other.version.covers(change.version):
        return True
    return other.fields.keys() == change.fields.keys() and all(
        is_one_edit(state, other.fields[name]) for name, state in change.fields.items()
    )


def _waiting_elsewhere(run: Applying) -> dict[Ref, list[Change]]:
    """What waits from other sites of the records that were put aside."""
    found: dict[Ref, list[Change]] = {}
    peers = run.tx.peers().keys() - {run.page.source}
    for entry in run.tx.pending_about(list(run.aside)):
        if entry.source in peers and entry.reason != ASIDE:
            found.setdefault(entry.change.ref, []).append(entry.change)
    return found


def _acknowledge(tx: Transaction, page: Page, state: SiteState) -> str:
    """The page says how far its source has applied our feed, and which life of its database it speaks for.
    Returns the digest of the other sites.
    """
    peers = tx.peers()
    register, peer = register_here(state, peers.values()), peers.get(page.source)
    if peer is None:
        return register
    fence, acknowledged, seen = page.fence, peer.acknowledged, page.upto
    if fence is not None and fence.seen.incarnation == state.incarnation and not fence.anew:
        acknowledged = max(acknowledged, fence.seen.seq)
    if peer.seen is not None and peer.seen.incarnation == seen.incarnation and peer.seen.seq > seen.seq:
        seen = peer.seen
    met = state.term if page.at_head else peer.met
    known = replace(peer, incarnation=page.upto.incarnation, acknowledged=acknowledged, seen=seen, met=met)
    if known != peer:
        tx.save_peer(known)
    return register


def _told(run: Applying, state: SiteState) -> tuple[Version, Exceptions] | None:
    """What this site is told to know from now on, having applied all that the source has; None: nothing.

    Of a record that was deleted, and whose tombstone is purged, the source can tell only once it is shown it:
    as long as it has not read all that the two were compared in, nothing is known.
    """
    page = run.page
    if run.trial is not None and not vouches(state, page.source):
        return own_knowledge(page)
    return None if page.source_is_behind else (page.knowledge.clipped(state.origin, 0), page.exceptions)
