"""Edits of the hub's own that a page makes necessary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from keystone_viaduct.sync.model import Change, Record, Ref
from keystone_viaduct.sync.site.applying import Applying
from keystone_viaduct.sync.site.content import overlaid, rows_of
from keystone_viaduct.sync.site.intent import Intent
from keystone_viaduct.sync.site.unseen import is_gone, number_stray


def awaited(run: Applying, ref: Ref) -> Intent | None:
    """What waits for this record: a decision must contain it."""
    waiting = run.waiting.pop(ref, None)
    return run.intent_for(waiting.change) if waiting is not None else None


def release(run: Applying, records: Sequence[Record]) -> None:
    """Try to write records that were carried: that is no news to anybody."""
    unread = [record.ref for record in records if record.ref not in run.contents]
    run.rows.update(rows_of(run.tx, unread))
    run.records.update((record.ref, record) for record in records)
    run.contents.update(overlaid(unread, run.rows, run.records))
    for record in records:
        ref, content = record.ref, run.contents.get(record.ref)
        change = Change(ref, record.seq, record.version, record.birth, record.fields, {}, record.scope)
        run.intents[ref] = Intent(ref, change, record, content, content, ours=True, release=True)


def own_intent(run: Applying, local_of: Callable[[Ref], Record | None], ref: Ref, cause: Change) -> Intent:
    """An intent on one of the hub's own records, for an edit that another change makes necessary.

    ``local_of`` reads this site's record. Who has made that edit puts the intent into the set.
    """
    existing = run.intents.get(ref)
    if existing is not None:
        if not existing.release:
            return existing
        # It is tried again as it is, unless who asks for this puts an edit in its place.
        told, touched = [*existing.conflicts], {*existing.touched}
        return replace(existing, release=False, fresh=True, touched=touched, conflicts=told)
    local = local_of(ref)
    if local is None or is_gone(local):
        local = number_stray(run, ref)
    if ref not in run.contents and not local.deleted:
        run.rows.update(rows_of(run.tx, [ref]))
        run.contents.update(overlaid([ref], run.rows, {ref: local}))
    change = Change(
        ref, cause.seq, local.version, local.birth, local.fields, {}, local.scope, external=local.external
    )
    record = replace(local, seq=0, learned_from=None)
    old = run.contents.get(ref)
    return Intent(ref, change, record, old, old, fresh=True, ours=True)
