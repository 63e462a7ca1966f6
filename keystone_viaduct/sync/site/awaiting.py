"""Which of the changes that wait are tried with a page, and what of them is written.

With each page all of them could be tried and written anew: of a feed whose last record is what all others
need, that is as many times as it has pages. So in the middle of a feed a change that lacks a record is left
alone until that is here or comes with the page; and only what is new of what waits is written. At the feed's
head all of them are tried.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from keystone_viaduct.sync.model import REFERENCE, Change, Pending, Record, Ref
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.applying import Applying
from keystone_viaduct.sync.site.needs import Need, needs
from keystone_viaduct.sync.site.readiness import passive


def take_up(run: Applying, waiting: Sequence[Pending]) -> dict[Ref, Change]:
    """The changes to be tried with the page, in the source's order; the others go on waiting."""
    run.stored = {entry.change.ref: entry for entry in waiting}
    untried = passive(run.state.is_hub)
    active = {entry.change.ref: entry for entry in waiting if entry.reason not in untried}
    if run.page.at_head:
        tried = set(active)
    else:
        shown = {change.ref for change in run.page.changes}
        tried = _hopeful(run.tx, list(active.values()), shown)
        run.waiting.update((ref, entry) for ref, entry in active.items() if ref not in tried | shown)
    return {ref: entry.change for ref, entry in active.items() if ref in tried}


def _hopeful(tx: Transaction, active: Sequence[Pending], shown: Collection[Ref]) -> set[Ref]:
    """Those of which not one need is known to be unmet: by what is here, what is shown, and one another."""
    lacking = {
        entry.change.ref: [need for need in _needs(entry.change) if not _may_be_absent(need)]
        for entry in active
        if entry.reason == REFERENCE and not entry.change.deleted
    }
    named = {ref for wanted in lacking.values() for need in wanted for ref in need.any_of}
    here = _alive(tx.records(sorted(named))) if named else set()
    hopeful = {entry.change.ref for entry in active}
    while True:
        possible = {*here, *shown, *hopeful}
        idle = {
            ref
            for ref in hopeful & lacking.keys()
            if any(possible.isdisjoint(need.any_of) for need in lacking[ref])
        }
        if not idle:
            return hopeful
        hopeful -= idle


def _needs(change: Change) -> list[Need]:
    return needs(change.ref, change.document, change.external)


def _may_be_absent(need: Need) -> bool:
    return need.may_be_external or need.unchecked


def _alive(records: Mapping[Ref, Record]) -> set[Ref]:
    return {ref for ref, record in records.items() if not (record.deleted or record.evicted)}


def keep(run: Applying, considered: Iterable[Ref]) -> None:
    """Write what is new of what waits, and forget what does not wait any more."""
    source, stored = run.page.source, run.stored
    began = {ref: entry.since or run.now for ref, entry in stored.items()}
    dated = [replace(entry, since=began.get(ref, run.now)) for ref, entry in run.waiting.items()]
    new = [entry for entry in dated if stored.get(entry.change.ref) != entry]
    done = [ref for ref in considered if ref in stored and ref not in run.waiting]
    if new or done:
        run.tx.save_pending(source, new, done)
