"""Which of the changes that wait are tried with a page, and what of them is written.

With each page all of them could be read, tried and written anew: of a feed whose last record is what all
others need, that is as many times as it has pages. So in the middle of a feed a change that lacks a record is
left alone, unread, until that record comes with the page, or until it may come because what it lacks itself
does. At the feed's head all of them are tried. Only what is new of what waits is written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from keystone_viaduct.sync.model import REFERENCE, Change, Pending, Record, Ref
from keystone_viaduct.sync.naming import target_of
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.applying import Applying
from keystone_viaduct.sync.site.needs import Need, needs
from keystone_viaduct.sync.site.reasons import passive

#: Records that a waiting change is noted to lack: what it lacks beside them it is found to lack later.
MOST_LACKED = 7


def read_waiting(run: Applying) -> list[Pending]:
    """What waits from the page's source, in its order, but what is left alone with this page.

    A limited site's changes are judged by all that it wants, so they are all read; they are bounded.
    """
    tx, page = run.tx, run.page
    limited = not run.state.charter.delegation_of(page.source).is_full
    if page.at_head or not page.changes or limited:
        return tx.pending(page.source)
    shown = [change.ref for change in page.changes]
    found = {entry.change.ref: entry for entry in tx.pending_active(page.source)}
    about = (entry for entry in tx.pending_about(shown) if entry.source == page.source)
    found.update((entry.change.ref, entry) for entry in about)
    newest = {*shown, *found}
    while newest:
        woken = tx.pending_lacking(page.source, sorted(map(target_of, newest)))
        newest = {entry.change.ref for entry in woken} - found.keys()
        found.update((entry.change.ref, entry) for entry in woken)
    run.unread = tx.waiting_count(page.source) - len(found)
    return sorted(found.values(), key=lambda entry: entry.change.seq)


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
    lacking = _needed(active)
    here = _alive(tx, lacking.values())
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


def _needed(waiting: Sequence[Pending]) -> dict[Ref, list[Need]]:
    """What each of those that lack a record can't be without."""
    return {
        entry.change.ref: [
            need
            for need in needs(entry.change.ref, entry.change.document, entry.change.external)
            if not (need.may_be_external or need.unchecked)
        ]
        for entry in waiting
        if entry.reason == REFERENCE and not entry.change.deleted
    }


def _alive(tx: Transaction, wanted: Iterable[Sequence[Need]]) -> set[Ref]:
    """The records that are here, of those that are needed."""
    named = {ref for found in wanted for need in found for ref in need.any_of}
    records: Mapping[Ref, Record] = tx.records(sorted(named)) if named else {}
    return {ref for ref, record in records.items() if not (record.deleted or record.evicted)}


def keep(run: Applying, considered: Iterable[Ref]) -> None:
    """Write what is new of what waits, and forget what does not wait any more."""
    source, stored = run.page.source, run.stored
    began = {ref: entry.since or run.now for ref, entry in stored.items()}
    dated = [replace(entry, since=began.get(ref, run.now)) for ref, entry in run.waiting.items()]
    new = [entry for entry in _with_lacks(run.tx, dated) if stored.get(entry.change.ref) != entry]
    done = [ref for ref in considered if ref in stored and ref not in run.waiting]
    if new or done:
        run.tx.save_pending(source, new, done)


def _with_lacks(tx: Transaction, waiting: Sequence[Pending]) -> list[Pending]:
    """Each with what it lacks, now that the page is written."""
    wanted = _needed(waiting)
    here = _alive(tx, wanted.values())
    return [replace(entry, lacks=_lacked(wanted.get(entry.change.ref, ()), here)) for entry in waiting]


def _lacked(wanted: Sequence[Need], here: Collection[Ref]) -> tuple[str, ...]:
    """The records of which one has to come first: for each unmet need those that would meet it."""
    found: set[str] = set()
    for need in wanted:
        if not any(ref in here for ref in need.any_of):
            targets = set(map(target_of, need.any_of))
            if len(found | targets) <= MOST_LACKED:
                found |= targets
    return tuple(sorted(found))
