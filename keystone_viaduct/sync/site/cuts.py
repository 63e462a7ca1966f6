"""Edits of a life of the hub that was lost, where somebody still has them (PROTOCOL rule 8).

A hub restored from a backup may have numbered anew, and given out, before a spoke showed it that it had lost
something: the same dots then name different edits at different spokes. So the new life of the hub declares a
*cut*: up to this number the old life's dots mean the same to all. A spoke adopts what it has beyond the cut
as its own edits, under its own dots; equal ones meet silently at the hub, different ones as a conflict.
Nothing of any branch of the lost history is lost, and no dot names two contents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from keystone_viaduct.errors import FenceMismatch, NotYet
from keystone_viaduct.kinds.registry import TWINNED
from keystone_viaduct.sync.knowledge import clipped
from keystone_viaduct.sync.model import DELETED, Dot, Page, Record, SiteState, origin_of
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.nonce import in_new_batch

BATCH = 1000


def check_cuts(state: SiteState, page: Page) -> None:
    """At the hub: raise NotYet for a spoke that still speaks of edits beyond a cut."""
    if any(page.cuts.get(origin, seq + 1) > seq for origin, seq in state.cuts.items()):
        raise NotYet(
            f"{page.source} has not heard yet that a life of the hub was lost",
            hint="it will with the next page from the hub",
        )


def check_life(state: SiteState, page: Page) -> None:
    """At a spoke: raise FenceMismatch for a page of a life of the hub that is known to be lost.

    An old page comes late, or the hub was restored to that life once more and has not noticed yet. What it
    says under those numbers may not be taken in: the cut that would take it out again was adopted long ago.
    """
    life = origin_of(page.source, page.upto.incarnation)
    if life in state.cuts and life not in page.cuts:
        raise FenceMismatch(
            f"this page of {page.source} is of a life that was lost",
            hint="both sides compare; the hub will find out what it has lost",
            incarnation=state.incarnation,
        )


def adopt_cuts(tx: Transaction, state: SiteState, cuts: Mapping[str, int], *, now: int) -> SiteState:
    """At a spoke: take over what is here beyond each new cut; returns the saved state."""
    news = {origin: seq for origin, seq in cuts.items() if state.cuts.get(origin, seq + 1) > seq}
    if not news:
        return state
    knowledge, exceptions, head = state.knowledge, state.exceptions, state.head
    for origin, seq in news.items():
        knowledge = knowledge.clipped(origin, seq)
        exceptions = clipped(exceptions, origin, seq)
        state = relabel(tx, state, origin, seq)
    state = in_new_batch(state, head, now)
    state = replace(state, knowledge=knowledge, exceptions=exceptions, cuts={**state.cuts, **news})
    tx.save_state(state)
    return state


def relabel(tx: Transaction, state: SiteState, origin: str, safe: int, *, after: int = 0) -> SiteState:
    """Give every edit of ``origin`` beyond ``safe`` that is in a record here a dot of this site's own.

    Only records behind position ``after`` of the feed are looked at.
    """
    last = state.head
    while True:
        batch = [record for record in tx.feed(after, BATCH, None) if record.seq <= last]
        if not batch:
            return state
        past = [record for record in batch if record.version.entries.get(origin, 0) > safe]
        united = tx.aliases([r.ref for r in past if r.deleted and r.ref.kind in TWINNED])
        renamed: list[Record] = []
        for record in past:
            state = replace(state, head=state.head + 1)
            found = _renamed(record, origin, safe, Dot(state.origin, state.head))
            renamed.append(_hollow(found, state.origin) if record.ref in united else found)
        tx.save_records(renamed)
        after = batch[-1].seq


def disown_unions(tx: Transaction, state: SiteState) -> SiteState:
    """For a new hub: show the tombstone of what a hub before it has united with another record as a hollow
    one. The new hub may not have heard of that, and unite the two the other way round.
    """
    after = 0
    while found := tx.tombstones(state.head, BATCH, after):
        united = tx.aliases([record.ref for record in found if record.ref.kind in TWINNED])
        hollow: list[Record] = []
        for record in found:
            gone = record.fields[DELETED]
            if record.ref in united and gone.dot.seq:
                dot = Dot(state.origin, state.head + 1)
                fields = {DELETED: gone._replace(dot=Dot(state.origin, 0))}
                version = record.version.plus(dot)
                hollow.append(replace(record, seq=dot.seq, version=version, fields=fields, learned_from=None))
                state = replace(state, head=dot.seq)
        tx.save_records(hollow)
        after = found[-1].seq
        if len(found) < BATCH:
            break
    return state


def _renamed(record: Record, origin: str, safe: int, dot: Dot) -> Record:
    def moved(old: Dot) -> Dot:
        return dot if old.origin == origin and old.seq > safe else old

    fields = {name: state._replace(dot=moved(state.dot)) for name, state in record.fields.items()}
    return replace(
        record,
        seq=dot.seq,
        version=record.version.clipped(origin, safe).plus(dot),
        birth=moved(record.birth),
        fields=fields,
        learned_from=None,
    )


def _hollow(record: Record, origin: str) -> Record:
    """The tombstone of what a lost life has united with another record: nobody has deleted it.

    The next life may unite the two the other way round; taken for this site's own, the deletion would then
    take away the one that is left.
    """
    gone = record.fields[DELETED]
    if gone.dot.origin != origin:
        return record
    return replace(record, fields={**record.fields, DELETED: gone._replace(dot=Dot(origin, 0))})
