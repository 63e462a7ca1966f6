"""A spoke becomes the hub of the next term (PROTOCOL rule 15).

What waits here from the old hub goes on waiting until every other site has shown what it has: a reference may
be just there. Only then is it settled, as the hub does it.
"""

from __future__ import annotations

from dataclasses import replace

from keystone_viaduct.errors import Refused
from keystone_viaduct.sync.charter import Edition
from keystone_viaduct.sync.model import SiteState, site_of
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.cuts import disown_unions
from keystone_viaduct.sync.site.gains import judge_everything
from keystone_viaduct.sync.site.nonce import in_new_batch
from keystone_viaduct.sync.site.restore import renew
from keystone_viaduct.sync.site.sequencer import drop_orphans, sequence
from keystone_viaduct.sync.site.statement import hand_over
from keystone_viaduct.sync.site.term import acknowledged, left, start_over


def promote(tx: Transaction, *, beyond: int, now: int) -> SiteState:
    """Become the hub of a term later than this site's and than ``beyond``; returns the saved state.

    The new hub begins a new life, so that what it decides bears dots that nobody has met before, even if it
    was restored from a backup just now. Raises Refused where it may not be.
    """
    before = tx.state()
    check_promotable(before, beyond)
    state = renew(tx, None, before.hub, now=now, safe=acknowledged(tx, before))
    for peer in tx.peers().values():
        tx.save_checkpoint(peer.site, None)
        tx.save_peer(replace(peer, acknowledged=0, live=True))
    term = max(state.term, beyond) + 1
    state = replace(
        state,
        term=term,
        hub=state.site,
        former="" if before.is_hub else before.hub,
        charter=replace(state.charter, edition=Edition(term, state.charter.edition.number + 1)),
    )
    tx.save_state(state)
    if state.charter.limited:
        judge_everything(tx, now)
    return drop_orphans(tx, sequence(tx, state, now), now)


def check_promotable(state: SiteState, beyond: int = 0) -> None:
    """Raise Refused unless this site has all that a hub needs."""
    if state.is_hub and beyond <= state.term:
        raise Refused(f"{state.site} is the hub already", hint=f"it is so since term {state.term}")
    if not state.fleet_secret:
        raise Refused(f"{state.site} has not joined the fleet", hint="promote a site that has")
    if not state.charter.is_full(state.site):
        raise Refused(
            f"{state.site} does not hold or may not change everything",
            hint="promote a site that the charter neither limits in coverage nor in delegation",
        )
    if not (state.coverage.is_full and state.covered.is_full):
        raise Refused(
            f"{state.site} does not hold everything yet",
            hint="its coverage has grown: let it reach the hub's head first, or promote another site",
        )
    if not state.is_hub and not has_joined(state):
        raise Refused(
            f"{state.site} has never received all that a hub had",
            hint="promote a site whose first synchronisation was completed",
        )


def obstacle(state: SiteState) -> str:
    """Why this site can't be promoted; '' if it can."""
    try:
        check_promotable(state)
    except Refused as error:
        return str(error)
    return ""


def has_joined(state: SiteState) -> bool:
    """Whether all that a hub had at some time has arrived here: only then a spoke knows of other sites."""
    return any(site_of(origin) != state.site for origin in state.knowledge.entries)


def resign(tx: Transaction, successor: str, *, now: int) -> SiteState:
    """At the hub: hand the fleet over to ``successor`` in the next term; returns the saved state.

    It becomes the hub when it is promoted, too. This site keeps its life: it goes of its own will, and knows
    what it has done. But the successor may unite records the other way round. Raises Refused.
    """
    state = tx.state()
    if not state.is_hub:
        raise Refused(f"{state.site} is not the hub", hint=f"the hub is {state.hub}", hub=state.hub)
    if successor not in tx.peers():
        raise Refused(f"no site {successor[:64]} is registered here", hint="let it join the fleet first")
    if not state.charter.is_full(successor):
        raise Refused(
            f"{successor} does not hold or may not change everything",
            hint="choose a site that the charter neither limits in coverage nor in delegation",
        )
    numbered = sequence(tx, state, now)
    state = in_new_batch(disown_unions(tx, numbered), numbered.head, now)
    start_over(tx, successor, state.site)
    gone = left(state, successor)
    state = replace(gone, term=state.term + 1, hub=successor, former="", caught_up=now)
    tx.save_state(state)
    return hand_over(tx, state)
