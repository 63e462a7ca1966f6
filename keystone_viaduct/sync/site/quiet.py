"""A page in which a site says nothing new: for looking once more at what waits from it."""

from __future__ import annotations

from keystone_viaduct.sync.model import Checkpoint, Page, Peer, SiteState


def quiet_page(state: SiteState, peer: Peer, *, at_head: bool) -> Page:
    """A page of ``peer`` without changes; ``at_head``: it has nothing more to show."""
    upto = peer.seen if peer.seen is not None else Checkpoint(peer.incarnation, 0, "")
    storable = {kind: frozenset(fields) for kind, fields in peer.capabilities.items()}
    return Page(
        peer.site, state.term, upto, upto, at_head, state.knowledge, (), capabilities=storable, hub=state.hub
    )
