"""Edits of the hub's own that a page makes necessary."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from keystone_viaduct.sync.model import Change, Ref
from keystone_viaduct.sync.site.content import overlaid, rows_of
from keystone_viaduct.sync.site.intent import Intent
from keystone_viaduct.sync.site.unseen import is_gone, number_stray

if TYPE_CHECKING:
    from keystone_viaduct.sync.site.applying import Applying
    from keystone_viaduct.sync.site.readiness import Readiness


def awaited(run: Applying, ref: Ref) -> Intent | None:
    """What waits for this record: a decision must contain it."""
    waiting = run.waiting.pop(ref, None)
    return run.intent_for(waiting.change) if waiting is not None else None


def own_intent(run: Applying, readiness: Readiness, ref: Ref, cause: Change) -> Intent:
    """An intent on one of the hub's own records, for an edit that another change makes necessary."""
    existing = run.intents.get(ref)
    if existing is not None:
        if existing.release:
            existing.release, existing.fresh = False, True
        return existing
    local = readiness.local(ref)
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
