"""The register of sites, as far as others than the hub need it: whoever may be promoted needs all of it.

Besides the keys it says how far the hub has read each site's feed. A promoted site shows that to each spoke,
and so finds out, as the old hub would have, that one was restored from a backup meanwhile. A reader that has
the register as it is (by its digest) is told again only of the sites whose edits a page brings: of these the
hub has read more. It refuses a page with an edit of a site that the hub had not read so far when it last told
of it, as after one that another edit has replaced before it came. So whoever has a record also knows that the
hub had read each site up to its edits in that record, and finds out who was put back to before one of them.
Beyond these a site's feed has nothing of its own that another site could have got through the hub.

A page that does not reach the head tells of all: what its reader lacks as yet others may have. So does one
with the hub's statement: a worker of an earlier release would forget the sites that are left out, but it
refuses any page without a statement.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace

from keystone_viaduct.errors import CheckpointMismatch
from keystone_viaduct.sync.model import Change, Checkpoint, Page, Peer, SiteState, origin_of, site_of
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


def without_known(page: Page, register: str) -> Page:
    """A page without the sites that its reader knows and of which it brings nothing."""
    if not (register and page.peers and page.at_head and page.signed):
        return page
    if register_digest(page.peers) != register:
        return page
    dots = {change.birth for change in page.changes}
    dots |= {state.dot for change in page.changes for state in change.fields.values()}
    brought = {site_of(dot.origin) for dot in dots}
    return replace(page, peers=tuple(p for p in page.peers if p.site in brought), register=register)


def register_digest(peers: Iterable[Peer]) -> str:
    """Of who these sites are, and not of how far each was read."""
    told = sorted((peer.site, peer.public_key.hex(), peer.incarnation, peer.signing_key) for peer in peers)
    return hashlib.sha256(json.dumps(told, separators=(",", ":")).encode()).hexdigest()


def register_here(state: SiteState, peers: Iterable[Peer]) -> str:
    """The digest of the sites that the hub would tell this one; '' where it tells of none."""
    if state.is_hub or not state.charter.is_full(state.site):
        return ""
    return register_digest(peer for peer in peers if peer.site != state.hub)


def adopt_peers(tx: Transaction, state: SiteState, page: Page) -> None:
    """At a spoke: take over what the hub says of the other sites; a site that it has retired is forgotten.
    Raises CheckpointMismatch where the page leaves out sites that are not known here as the hub knows them.
    """
    if state.is_hub or not page.changes or not state.charter.is_full(state.site):
        return
    known = tx.peers()
    if page.register and page.register != register_here(state, known.values()):
        raise CheckpointMismatch(
            f"this page of {page.source} leaves out sites that {state.site} does not know",
            hint="read the checkpoint again, and ask for all of them",
        )
    others = [told for told in page.peers if told.site not in (state.site, state.hub)]
    found = {told.site: _adopted(known.get(told.site), told) for told in others}
    read = {site: peer for site, peer in {**known, **found}.items() if site != state.hub}
    if page.register and (unread := _unread(page, read.values())):
        raise CheckpointMismatch(
            f"this page of {page.source} has edits of {unread} beyond what it has told of reading there",
            hint="read the checkpoint again, and ask for all sites",
        )
    for site, peer in found.items():
        if peer != known.get(site):
            tx.save_peer(peer)
    if page.register:
        return
    for site in set(known) - {peer.site for peer in page.peers} - {state.hub}:
        if not tx.waiting_count(site):
            tx.drop_peer(site)


def _adopted(mine: Peer | None, told: Peer) -> Peer:
    if mine is None:
        return replace(told, live=False)
    signing_key = told.signing_key or mine.signing_key
    found = replace(mine, public_key=told.public_key, incarnation=told.incarnation, live=False)
    return replace(found, seen=_later(mine, told), signing_key=signing_key)


def _unread(page: Page, peers: Iterable[Peer]) -> str:
    """A site of whose present life the page has a later edit than the hub has read, as far as is known here;
    '' for none.
    """
    read = {origin_of(peer.site, peer.incarnation): _read_of(peer) for peer in peers}
    versions = (entry for change in page.changes for entry in change.version.entries.items())
    return next((site_of(origin) for origin, seq in versions if seq > read.get(origin, seq)), "")


def _read_of(peer: Peer) -> int:
    """How much of its present life the hub has read."""
    seen = peer.seen
    return seen.seq if seen is not None and seen.incarnation == peer.incarnation else 0


def _later(mine: Peer, told: Peer) -> Checkpoint | None:
    """The hub's word, unless this site has once read more of the same life itself."""
    if mine.seen is not None and told.seen is not None and mine.seen.incarnation == told.seen.incarnation:
        return max(mine.seen, told.seen, key=lambda seen: seen.seq)
    return told.seen or mine.seen
