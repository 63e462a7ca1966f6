"""What was deleted where it was not in use stays where somebody has begun to use it.

Keystone refuses to delete an access rule that a credential uses, a region with endpoints, a registered limit
with limits (``guards`` of a reference). Where the hub hears of the deletion first, and of the user then, it
has the record's content no more; the site that uses it has. So the hub lets the user wait until its source
has heard of the deletion, and that site makes the record anew: an edit of its own that contains the deletion.
"""

from __future__ import annotations

from dataclasses import replace

from keystone_viaduct.sync.model import DELETED, REFERENCE, Pending, Record, Ref
from keystone_viaduct.sync.site.applying import Applying
from keystone_viaduct.sync.site.content import contents
from keystone_viaduct.sync.site.external import is_evidence
from keystone_viaduct.sync.site.guarding import IN_USE, guards, why_it_stays
from keystone_viaduct.sync.site.needs import needs
from keystone_viaduct.sync.site.readiness import Readiness
from keystone_viaduct.sync.site.reasons import REFERRED
from keystone_viaduct.sync.site.sequencer import edited


def revive(run: Applying, readiness: Readiness) -> None:
    """At a spoke: make anew what the hub has deleted and something here uses that the hub has not got yet.

    Not in answer to a refusal (a hollow tombstone): that would go in circles.
    """
    waiting = [e for e in run.waiting.values() if e.reason == REFERRED and e.change.deleted]
    for entry in waiting:
        ref, local = entry.change.ref, run.records.get(entry.change.ref)
        if local is None or local.deleted or local.evicted or not entry.change.fields[DELETED].dot.seq:
            continue
        user = _user(run, readiness, ref)
        if user is not None:
            _make_anew(run, entry, local, user)


def _user(run: Applying, readiness: Readiness, ref: Ref) -> Ref | None:
    """Something that uses a record as Keystone guards it, and is news to the hub; None if nothing is."""
    users = readiness.living_referrers(ref)
    records = run.tx.records(users)
    fresh = [user for user in users if user in records and not _is_told(run, records[user])]
    found = contents(run.tx, fresh, records)
    return next((user for user in fresh if user in found and guards(user, found[user], ref)), None)


def _is_told(run: Applying, record: Record) -> bool:
    return run.page.knows(record.ref).covers(record.version)


def _make_anew(run: Applying, entry: Pending, local: Record, user: Ref) -> None:
    ref, change = local.ref, entry.change
    content, known = run.contents[ref], run.tx.known_fields(ref.kind)
    gone = replace(local, version=local.version.join(change.version), fields=change.fields)
    dot = run.next_dot()
    made = edited(run.state, gone, ref, content, known, run.now, dot.seq)
    assert made is not None
    record = replace(made, unknown=local.unknown, carried=local.carried, external=local.external)
    run.tx.save_records([record])
    run.records[ref] = record
    del run.waiting[ref]
    listed = run.listing(ref, IN_USE, why_it_stays(run, user), {})
    run.conflicts.append(replace(listed, fields=(DELETED,)))


def may_be_revived(run: Applying, readiness: Readiness, entry: Pending) -> bool:
    """At the hub: whether all that a change lacks was deleted here, and its source uses it without having
    heard of that.
    """
    fence, (ref, document) = run.page.fence, (entry.change.ref, entry.change.document)
    if entry.reason != REFERENCE or fence is None or fence.seen.incarnation != run.state.incarnation:
        return False
    unmet = (need for need in needs(ref, document, entry.change.external) if not readiness.satisfied(need))
    lacking = [need.any_of[0] for need in unmet]
    records = [readiness.local(target) for target in lacking]
    return bool(lacking) and all(
        guards(ref, document, target)
        and record is not None
        and is_evidence(record)
        and record.seq > (0 if fence.anew else fence.seen.seq)
        for target, record in zip(lacking, records, strict=True)
    )
