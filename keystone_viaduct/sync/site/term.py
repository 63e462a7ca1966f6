"""Which hub counts (PROTOCOL rule 15): the one of the highest term.

Terms are compared with the hub's name behind the number, so that two sites promoted at the same time agree
on one of the two. A site believes in a new hub only when that hub itself says so, and only if the charter
lets that hub hold and change everything: a limited spoke can't make itself the hub.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

from keystone_viaduct.errors import FenceMismatch, NotYet, OldTerm, Refused
from keystone_viaduct.sync.knowledge import clipped
from keystone_viaduct.sync.model import Checkpoint, Dot, Fence, Page, SiteState, origin_of, site_of
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.coverage import evicted
from keystone_viaduct.sync.site.cuts import disown_unions, relabel
from keystone_viaduct.sync.site.fence import check_fence
from keystone_viaduct.sync.site.nonce import new_nonce
from keystone_viaduct.sync.site.reasons import ASIDE
from keystone_viaduct.sync.site.restore import renew
from keystone_viaduct.sync.site.sequencer import MOST_MARKS, sequence_some
from keystone_viaduct.sync.site.statement import lineage_to_follow
from keystone_viaduct.sync.statement import Lineage

#: Stands for a life of a site in which it has done nothing; an incarnation is never called that.
NO_LIFE = "none"


class NewHub(Exception):
    """The page comes from a hub of a later term, which is to be followed before anything else."""


def check_term(state: SiteState, page: Page) -> None:
    """Raise unless ``page`` is of this site's term and comes from whom this site listens to.

    Raises NewHub when another hub is to be followed first, NotYet at the hub for a spoke that has not heard
    of it yet, OldTerm for an outdated hub, Refused for a site that is neither hub nor spoke to this one.
    """
    theirs, mine = (page.term, page.hub or state.hub), (state.term, state.hub)
    if theirs < mine:
        _refuse_old(state, page)
    if theirs > mine:
        if page.source == page.hub and state.charter.is_full(page.hub):
            raise NewHub
        raise OldTerm(
            f"{page.source} follows {page.hub} in term {page.term}; {state.site} is in term {state.term}",
            hint="let the agent work at the hub of the later term",
            term=page.term,
            hub=page.hub,
        )
    if state.is_hub is (page.source == state.hub):
        raise Refused(
            f"{state.site} takes nothing from {page.source}",
            hint=f"every spoke syncs with the hub only: {state.hub}",
        )


def _refuse_old(state: SiteState, page: Page) -> None:
    if state.is_hub:
        raise NotYet(
            f"{page.source} has not heard yet that {state.site} is the hub of term {state.term}",
            hint="it will with the next page from there",
        )
    raise OldTerm(
        f"{page.source} speaks for term {page.term}, this fleet is in term {state.term}",
        hint=f"another hub was promoted: {state.hub}",
        term=state.term,
        hub=state.hub,
    )


def follow(
    tx: Transaction, term: int, hub: str, fence: Fence | None, told: Lineage = (), *, now: int
) -> SiteState:
    """Become a spoke of ``hub``; ``fence`` is what that has last seen of this site's feed, and ``told`` what
    shows that it is the hub.

    All is compared anew, in a new life. Nobody can tell any more what this site may have lost in a restored
    backup, for it was the old hub that knew where it stood; and an old hub that was cut off, or lost and
    restored, may have told others what the new one has never seen. So only what a feed's reader has surely
    had keeps its dots.
    """
    state = tx.state()
    if not _is_later(state, term, hub):
        return state
    before, lineage = state.hub, lineage_to_follow(tx, state, term, hub, told)
    lost, safe = _common(tx, state, fence)
    showable = _showable(tx, state)
    safe = min(safe, showable.pop(state.origin, safe))
    state = replace(left(state, hub), term=term, hub=hub, former="", lineage=lineage)
    tx.save_state(state)
    state = renew(tx, lost, hub, now=now, safe=safe, restored=lost is not None)
    for origin, seq in showable.items():
        state = replace(
            state,
            knowledge=state.knowledge.clipped(origin, seq),
            exceptions=clipped(state.exceptions, origin, seq),
        )
        state = relabel(tx, state, origin, seq)
    state = disown_unions(tx, state)
    tx.save_state(replace(state, nonce=new_nonce(now)))
    start_over(tx, hub, before)
    return sequence_some(tx, tx.state(), now, MOST_MARKS)[0]


def _is_later(state: SiteState, term: int, hub: str) -> bool:
    if (term, hub) == (state.term, state.hub):
        return False
    if (term, hub) < (state.term, state.hub):
        raise OldTerm(
            f"{state.site} follows {state.hub} in term {state.term}",
            hint=f"{hub} has been replaced",
            term=state.term,
            hub=state.hub,
        )
    if hub == state.site or not state.charter.is_full(hub):
        raise Refused(
            f"{hub} may not be the hub of {state.site}",
            hint="a hub is promoted at its own site, and the charter lets it hold and change everything",
        )
    return True


def left(state: SiteState, successor: str) -> SiteState:
    """A hub that leaves its office has all that a hub had, as a spoke has that has joined.

    That is said by its knowing of another site, if only that this one has done nothing that it knew of.
    """
    if not state.is_hub:
        return state
    return replace(state, knowledge=state.knowledge.plus(Dot(origin_of(successor, NO_LIFE), 0)))


def acknowledged(tx: Transaction, state: SiteState) -> int:
    """Up to where somebody has surely read this site's feed, also if its database was put back since."""
    return min(max((peer.acknowledged for peer in tx.peers().values()), default=0), state.head)


def _common(tx: Transaction, state: SiteState, fence: Fence | None) -> tuple[Checkpoint | None, int]:
    """The position of a lost history that ``fence`` names, and up to where this one has surely been read."""
    known = acknowledged(tx, state)
    try:
        check_fence(tx, state, fence)
    except FenceMismatch as error:
        return fence.seen if fence is not None and error.fields.get("forked") else None, known
    if fence is not None and fence.seen.incarnation == state.incarnation:
        known = max(known, fence.seen.seq)
    return None, known


def _showable(tx: Transaction, state: SiteState) -> dict[str, int]:
    """Up to where all edits of this site's lives can still be shown, where that is not to their end.

    What it has evicted only the hub before holds, and the next one may not have heard of it.
    """
    found: dict[str, int] = {}
    for record in chain.from_iterable(evicted(tx)):
        for origin, seq in record.version.entries.items():
            if site_of(origin) == state.site:
                first = record.birth.seq if record.birth.origin == origin else seq
                found[origin] = min(found.get(origin, first), first - 1)
    return found


def start_over(tx: Transaction, hub: str, before: str) -> None:
    """Forget how far this site and others have come with each other; what waits waits for ``hub``'s word.

    So does what waits from the hub ``before``, which this site may have followed without having got its keys.
    """
    peers = tx.peers()
    for site in sorted({*peers, before}):
        waiting = tx.pending(site)
        aside = [replace(entry, source=hub, reason=ASIDE, lacks=()) for entry in waiting]
        tx.save_pending(site, [], [entry.change.ref for entry in waiting])
        tx.save_pending(hub, aside, [])
    for peer in peers.values():
        tx.save_checkpoint(peer.site, None)
        tx.save_peer(replace(peer, live=peer.site == hub))
