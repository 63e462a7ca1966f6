"""Looking once more at what waits from a site, by a page in which it says nothing new."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from keystone_viaduct.sync.model import Checkpoint, Page, Peer, Ref, SiteState
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.applying import Applying, PolicyFor
from keystone_viaduct.sync.site.awaiting import keep
from keystone_viaduct.sync.site.decisions import list_conflicts
from keystone_viaduct.sync.site.excepted import ended
from keystone_viaduct.sync.site.isolating import Quarantine
from keystone_viaduct.sync.site.nonce import in_new_batch

#: Works out and writes what waits from a page's source, with the page; returns what was considered.
Work = Callable[[Applying], set[Ref]]


def look_again(
    tx: Transaction,
    peer: Peer,
    work: Work,
    quarantine: Mapping[Ref, Quarantine],
    *,
    at_head: bool,
    now: int,
    policy_for: PolicyFor,
) -> SiteState:
    """Try again what waits from ``peer``; returns the saved state. ``at_head``: it has no more to show."""
    state = tx.state()
    run = Applying(tx, state, quiet_page(state, peer, at_head=at_head), now, policy_for).put(quarantine)
    considered = work(run)
    keep(run, considered)
    return close(tx, run, state, now)


def look_at_all(
    tx: Transaction, work: Work, quarantine: Mapping[Ref, Quarantine], *, now: int, policy_for: PolicyFor
) -> None:
    """Try again what waits from whomever this site hears, and what is carried: it may be long before one of
    them has something new to say.
    """
    state, peers = tx.state(), tx.peers()
    for name in sorted(peers) if state.is_hub else [state.hub]:
        if name in peers:
            look_again(tx, peers[name], work, quarantine, at_head=False, now=now, policy_for=policy_for)


def close(tx: Transaction, run: Applying, before: SiteState, now: int) -> SiteState:
    """List what was decided and save the state, in a batch of its own if something was numbered."""
    list_conflicts(run)
    run.state = ended(tx, in_new_batch(run.state, before.head, now))
    tx.save_state(run.state)
    return run.state


def quiet_page(state: SiteState, peer: Peer, *, at_head: bool) -> Page:
    """A page of ``peer`` without changes; ``at_head``: it has nothing more to show."""
    upto = peer.seen if peer.seen is not None else Checkpoint(peer.incarnation, 0, "")
    storable = {kind: frozenset(fields) for kind, fields in peer.capabilities.items()}
    return Page(
        peer.site,
        state.term,
        upto,
        upto,
        at_head,
        state.knowledge,
        (),
        capabilities=storable,
        hub=state.hub,
        exceptions=state.exceptions,
    )
