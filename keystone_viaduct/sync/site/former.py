"""What waits at a new hub from the hub before it (PROTOCOL rule 15).

A change of the old hub's may refer to something that has not come here, but to another spoke. So it waits
until that is here, or until every other site has shown all it has; then it is settled as a hub does it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from keystone_viaduct.sync.model import Peer, Ref, SiteState
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.applying import PolicyFor
from keystone_viaduct.sync.site.isolating import Quarantine
from keystone_viaduct.sync.site.quiet import Work, look_again


def retry_former(
    tx: Transaction, work: Work, quarantine: Mapping[Ref, Quarantine], *, now: int, policy_for: PolicyFor
) -> SiteState:
    """At the hub: try again what waits from the hub before; returns the saved state."""
    state = tx.state()
    if not state.is_hub or not state.former:
        return state
    last = _all_met(tx, state)
    if tx.waiting_count(state.former):
        peer = tx.peers().get(state.former) or Peer(state.former, b"")
        state = look_again(tx, peer, work, quarantine, at_head=last, now=now, policy_for=policy_for)
    if last:
        state = replace(state, former="")
    tx.save_state(state)
    return state


def _all_met(tx: Transaction, state: SiteState) -> bool:
    """Whether every other site has shown, in this term, all it has."""
    peers = [peer for peer in tx.peers().values() if peer.site != state.former]
    return all(peer.met >= state.term for peer in peers if peer.live)
