"""What an apply does not look at: it failed in an unforeseen way, or could not be parsed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from keystone_viaduct.sync.model import QUARANTINED, RETRIED, UNREADABLE, UNTRIED, Change, Dot, Pending, Ref
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.applying import Applying


def leave_aside(run: Applying, candidates: dict[Ref, Change], waiting: Sequence[Pending]) -> set[Ref]:
    """Take out of the candidates what is put aside, and let it wait with what was put aside before; returns
    what waits no more, because the record has come meanwhile.
    """
    source = run.page.source
    for ref, why in run.put_aside.items():
        if ref in candidates:
            run.waiting[ref] = Pending(source, candidates.pop(ref), QUARANTINED, why)
    for bad in run.page.unreadable:
        candidates.pop(bad.ref, None)
        change = Change(bad.ref, bad.seq, bad.version, Dot("", 0), {}, {})
        run.waiting[bad.ref] = Pending(source, change, UNREADABLE, bad.why)
    before = [entry for entry in waiting if entry.reason in UNTRIED]
    open_ = [e for e in before if e.change.ref not in candidates and e.change.ref not in run.waiting]
    records = run.tx.records([entry.change.ref for entry in open_])
    done: set[Ref] = set()
    for entry in open_:
        ref = entry.change.ref
        if ref in records and records[ref].version.covers(entry.change.version):
            done.add(ref)
        else:
            run.waiting[ref] = entry
    return done


def ask_again(tx: Transaction, source: str) -> int:
    """Have what was put aside of a source looked at with its next page; how many changes."""
    found = [entry for entry in tx.pending(source) if entry.reason == QUARANTINED]
    tx.save_pending(source, [replace(entry, reason=RETRIED, lacks=()) for entry in found], [])
    return len(found)
