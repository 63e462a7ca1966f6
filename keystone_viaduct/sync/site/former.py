"""What waits at a new hub from the hub before it (PROTOCOL rule 15).

A change of the old hub's may refer to something that has not come here, but to another spoke. So it waits
until that is here, or until every other site has shown all it has; then it is settled as a hub does it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from keystone_viaduct.sync.model import Page, Peer, Ref, SiteState
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.applying import Applying, PolicyFor
from keystone_viaduct.sync.site.decisions import list_conflicts
from keystone_viaduct.sync.site.nonce import new_nonce
from keystone_viaduct.sync.site.quiet import quiet_page

#: Works out and writes what waits from a page's source, with the page; returns what was considered.
Work = Callable[[Applying], set[Ref]]


def retry_former(tx: Transaction, work: Work, *, now: int, policy_for: PolicyFor) -> SiteState:
    """At the hub: try again what waits from the hub before; returns the saved state."""
    state = tx.state()
    if not state.is_hub or not state.former:
        return state
    last = _all_met(tx, state)
    if tx.pending(state.former):
        run = Applying(tx, state, _nothing_new(tx, state, last), now, policy_for)
        considered = work(run)
        tx.save_pending(state.former, list(run.waiting.values()), considered - set(run.waiting))
        list_conflicts(run)
        if run.state.head != state.head:
            run.state = replace(run.state, nonce=new_nonce(now))
        state = run.state
    if last:
        state = replace(state, former="")
    tx.save_state(state)
    return state


def _all_met(tx: Transaction, state: SiteState) -> bool:
    """Whether every other site has shown, in this term, all it has."""
    peers = [peer for peer in tx.peers().values() if peer.site != state.former]
    return all(peer.met >= state.term for peer in peers if peer.live)


def _nothing_new(tx: Transaction, state: SiteState, last: bool) -> Page:
    """A page of the former hub without changes."""
    return quiet_page(state, tx.peers().get(state.former) or Peer(state.former, b""), at_head=last)
