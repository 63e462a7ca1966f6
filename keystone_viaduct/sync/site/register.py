"""The register of sites, as far as others than the hub need it: whoever may be promoted needs all of it.

Besides the keys it says how far the hub has read each site's feed. A promoted site shows that to each spoke,
and so finds out, as the old hub would have, that one was restored from a backup meanwhile.
"""

from __future__ import annotations

from dataclasses import replace

from keystone_viaduct.sync.model import Change, Checkpoint, Page, Peer, SiteState
from keystone_viaduct.sync.ports import Transaction


def told_peers(tx: Transaction, state: SiteState, reader: str, changes: list[Change]) -> tuple[Peer, ...]:
    """At the hub: the other sites, for a reader that may be promoted and a page that carries anything."""
    if not changes or not state.is_hub or not state.charter.is_full(reader):
        return ()
    others = [peer for peer in tx.peers().values() if peer.site != reader]
    return tuple(
        Peer(peer.site, peer.public_key, peer.incarnation, seen=peer.seen, signing_key=peer.signing_key)
        for peer in sorted(others, key=lambda peer: peer.site)
    )


def adopt_peers(tx: Transaction, state: SiteState, page: Page) -> None:
    """At a spoke: take over what the hub says of the other sites; a site that it has retired is forgotten."""
    if state.is_hub or not page.changes or not state.charter.is_full(state.site):
        return
    known = tx.peers()
    for told in page.peers:
        if told.site in (state.site, state.hub):
            continue
        mine = known.get(told.site)
        found = replace(told, live=False)
        if mine is not None:
            found = replace(mine, public_key=told.public_key, incarnation=told.incarnation, live=False)
            found = replace(found, seen=_later(mine, told), signing_key=told.signing_key or mine.signing_key)
        if found != mine:
            tx.save_peer(found)
    for site in set(known) - {peer.site for peer in page.peers} - {state.hub}:
        if not tx.waiting_count(site):
            tx.drop_peer(site)


def _later(mine: Peer, told: Peer) -> Checkpoint | None:
    """The hub's word, unless this site has once read more of the same life itself."""
    if mine.seen is not None and told.seen is not None and mine.seen.incarnation == told.seen.incarnation:
        return max(mine.seen, told.seen, key=lambda seen: seen.seq)
    return told.seen or mine.seen
