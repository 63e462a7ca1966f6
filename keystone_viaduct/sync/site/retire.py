"""The hub forgets a site that is gone for good (see docs/how-to/retire-a-site.md).

What waited from it is settled as if it had nothing more to show. What others tell of its edits would have
waited until it shows them, and is judged now: the charter names its past lives for that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from keystone_viaduct.errors import NotThere, Refused
from keystone_viaduct.sync.charter import Edition
from keystone_viaduct.sync.model import Peer, Ref, Retired, SiteState, origin_of, site_of
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.applying import Applying, PolicyFor
from keystone_viaduct.sync.site.isolating import NONE, Quarantine
from keystone_viaduct.sync.site.quiet import Work, close, look_again, quiet_page
from keystone_viaduct.sync.site.sequencer import sequence

#: A site that has read here within so many microseconds is not gone.
RECENT = 3600 * 1_000_000


def retire(
    tx: Transaction,
    site: str,
    work: Work,
    quarantine: Mapping[Ref, Quarantine] = NONE,
    *,
    force: bool,
    now: int,
    policy_for: PolicyFor,
) -> Retired:
    """Forget ``site``; ``force``: although it was heard a short while ago. Raises NotThere, Refused."""
    state = sequence(tx, tx.state(), now)
    peer = _checked(tx, state, site, force=force, now=now)
    waiting = tx.waiting_count(site)
    run = Applying(tx, state, quiet_page(state, peer, at_head=True), now, policy_for).put(quarantine)
    lost = _settle(run, state, peer, work, now)
    state = _without(tx.state(), peer)
    tx.save_state(state)
    tx.save_checkpoint(site, None)
    tx.drop_peer(site)
    for other in sorted(tx.peers().values(), key=lambda found: found.site):
        if tx.waiting_count(other.site):
            look_again(tx, other, work, quarantine, at_head=False, now=now, policy_for=policy_for)
    return Retired(site, peer.heard, waiting, lost)


def _checked(tx: Transaction, state: SiteState, site: str, *, force: bool, now: int) -> Peer:
    if not state.is_hub:
        raise Refused(f"{state.site} is not the hub", hint=f"retire it at {state.hub}", hub=state.hub)
    if site == state.site:
        raise Refused(f"{site} is the hub", hint="promote another site first, then retire this one there")
    peer = tx.peers().get(site)
    if peer is None:
        raise NotThere(f"no site {site[:64]} is registered here", hint="`viaduct status` names them")
    if not force and peer.heard and now - peer.heard < RECENT:
        raise Refused(
            f"{site} has read here less than an hour ago",
            hint="end it for good first; then wait, or add --force",
            heard=peer.heard,
        )
    return peer


def _settle(run: Applying, state: SiteState, peer: Peer, work: Work, now: int) -> int:
    """Decide all that waits from the site; how many changes can't be, and are listed as lost."""
    tx = run.tx
    if not tx.waiting_count(peer.site):
        return 0
    considered = work(run)
    why = f"{peer.site} was retired, and whoever else has had a part in it has not shown it yet"
    rows = [run.listing(ref, "lost", why, entry.change.document) for ref, entry in run.waiting.items()]
    run.conflicts.extend(rows)
    tx.save_pending(peer.site, [], [*considered, *(e.change.ref for e in tx.pending(peer.site))])
    close(tx, run, state, now)
    return len(rows)


def _without(state: SiteState, peer: Peer) -> SiteState:
    """The state with a charter that names the lives of the site as gone."""
    lives = {origin for origin in state.knowledge.entries if site_of(origin) == peer.site}
    if peer.incarnation:
        lives.add(origin_of(peer.site, peer.incarnation))
    edition = Edition(state.term, state.charter.edition.number + 1)
    charter = replace(state.charter, edition=edition, retired=state.charter.retired | lives)
    former = "" if state.former == peer.site else state.former
    return replace(state, charter=charter, former=former)
