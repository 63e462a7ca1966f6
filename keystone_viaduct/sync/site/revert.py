"""A change that does not come about: the hub's version goes back to who sent it (PROTOCOL rules 5, 16)."""

from __future__ import annotations

from dataclasses import replace

from keystone_viaduct.sync.model import ABSENT, DELETED, Document, Record
from keystone_viaduct.sync.site.applying import Applying
from keystone_viaduct.sync.site.content import is_known
from keystone_viaduct.sync.site.intent import Intent
from keystone_viaduct.sync.site.merge import made_apart


def revert(
    run: Applying, intent: Intent, sort: str, why: str, *, hollow: bool = False, lost: Document | None = None
) -> None:
    """Keep what the hub has, under a fresh dot, and list what was lost; a record that the hub does not have
    is answered with a tombstone.

    ``lost`` is what the source had, if not the content meant to be written. ``hollow``: this tombstone does
    not count against who makes the record elsewhere at the same time.
    """
    lost = dict(lost if lost is not None else intent.content or {})
    local = run.records.get(intent.ref)
    if intent.old is None:
        intent.content = None
        intent.hollow = hollow
        if local is not None and hollow:
            intent.record = _as_here(intent.record, local)
    else:
        assert local is not None
        intent.content = intent.old
        intent.record = _as_here(intent.record, local)
        # told in so many words: who reads it would keep its own of what the hub's release has no column for
        known = run.tx.known_fields(intent.ref.kind)
        intent.touched = {n for n in intent.change.fields.keys() - local.fields if not is_known(known, n)}
        intent.touched.discard(DELETED)
    intent.fresh = True
    taken_out = {n for n, state in intent.change.fields.items() if state.digest == ABSENT} if lost else set()
    if lost and local is not None and made_apart(local, intent.change):
        taken_out |= local.fields.keys() - intent.change.fields  # made without them: that was said, too
    names = tuple(sorted(taken_out | lost.keys()))
    intent.conflicts.append(run.conflict(intent, sort, "rule", why, fields=names, lost=lost))


def _as_here(record: Record, local: Record) -> Record:
    """With what the hub's own says; the version goes on."""
    return replace(
        record, fields=dict(local.fields), birth=local.birth, scope=local.scope, external=local.external
    )
