"""The exceptions of a site's knowledge: made when something waits, told in pages, ended when it is stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from keystone_viaduct.kinds.value import KEY_SIZE
from keystone_viaduct.sync.knowledge import (
    MOST_EXCEPTIONS,
    Exceptions,
    Gap,
    joined,
    limited,
    missing,
    widened,
    within,
    without,
)
from keystone_viaduct.sync.model import Change, Reason, Ref, SiteState, Version, site_of
from keystone_viaduct.sync.ports import Transaction

#: What is held for these is left out of pages.
_NOT_SHOWN = (Reason.MISSING, Reason.QUARANTINED)


def learned(
    tx: Transaction,
    state: SiteState,
    source: str,
    told: tuple[Version, Exceptions],
    waiting: Iterable[Change],
) -> SiteState:
    """The state of a site that has applied all of ``source`` but what is waiting, when that knows so much.

    Beyond the bound of exceptions it learns nothing of it.
    """
    known, exceptions = joined(state.all_knowledge, state.exceptions, *told)
    for change in waiting:
        exceptions = widened(exceptions, change.ref, missing(state.knows(change.ref), change.version))
    for change in _waiting_still(tx, state, exceptions):
        gaps = missing(state.knows(change.ref), change.version)
        others = {origin: gap for origin, gap in gaps.items() if site_of(origin) != source}
        exceptions = widened(exceptions, change.ref, others)
    exceptions = within(dict(_of_others(exceptions, state.origin)), known)
    # the own edits are the head of the own feed, and no part of what is stored
    learning = replace(state, knowledge=known.clipped(state.origin, 0), exceptions=exceptions)
    learning = ended(tx, learning)
    return learning if _is_bounded(learning, source) else state


def _is_bounded(state: SiteState, source: str) -> bool:
    """Whether there are few enough exceptions, and of a limited site no more than its share: the limited
    sites together take half of them, or one would keep the hub from learning anything from anybody.
    """
    if len(state.exceptions) > MOST_EXCEPTIONS:
        return False
    limits = [site for site, found in state.charter.delegations.items() if not found.is_full]
    if not state.is_hub or source not in limits:
        return True
    own = sum(any(site_of(origin) == source for origin in gaps) for gaps in state.exceptions.values())
    return own <= MOST_EXCEPTIONS // (2 * len(limits))


def _waiting_still(tx: Transaction, state: SiteState, exceptions: Exceptions) -> list[Change]:
    """What any site has shown of the records of which more is said to be known than before.

    That the source knows of an edit makes no end of its waiting here, unless it is the source's own: then
    the source has shown what became of it.
    """
    narrower = {ref for ref, gaps in state.exceptions.items() if exceptions.get(ref) != gaps}
    if not narrower:
        return []
    sites = tx.peers().keys()
    return [entry.change for entry in tx.pending_about(sorted(narrower)) if entry.source in sites]


def _of_others(exceptions: Exceptions, origin: str) -> Iterable[tuple[Ref, Mapping[str, Gap]]]:
    for ref, gaps in exceptions.items():
        foreign = {name: gap for name, gap in gaps.items() if name != origin}
        if foreign:
            yield ref, foreign


def ended(tx: Transaction, state: SiteState) -> SiteState:
    """Without the exceptions whose records have come meanwhile."""
    if not state.exceptions:
        return state
    exceptions: Exceptions = state.exceptions
    for record in tx.records(list(exceptions)).values():
        if not record.evicted:
            exceptions = without(exceptions, record.ref, record.version)
    return state if exceptions == state.exceptions else replace(state, exceptions=exceptions)


def excepted(tx: Transaction, state: SiteState, vouched: Version) -> Exceptions:
    """What is told with this knowledge: what waits here, and what the site has and does not show."""
    found: dict[Ref, Mapping[str, Gap]] = dict(limited(state.exceptions, vouched))
    held = [item.ref for item in tx.held(MOST_EXCEPTIONS + 1, None, _NOT_SHOWN)]
    records = tx.records(held)
    for ref in held:
        if ref in records:
            # of one that an operator wants back from elsewhere nothing is known at all
            found[ref] = missing(Version(), records[ref].version or vouched)
        elif len(ref.key) <= KEY_SIZE:
            # a row that could never be numbered; what needs it is no reason to take it for gone
            found[ref] = {state.origin: Gap(0, max(state.head, 1))}
    return found
