"""What a new hub still carries because it was a spoke (PROTOCOL rules 15, 18, 21, 22).

A spoke carries an edit that closes a circle in its tables, or a name that its database takes for another
record's, until the hub has decided, or for good where the hub tells the two apart. Who has become the hub
decides that itself, before it applies its next page, as of any clash: what has a row stays, and the other is
put back, renamed, or one with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from keystone_viaduct.sync.model import CYCLE, NAME, Peer, Ref, SiteState
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.applying import Applying, PolicyFor
from keystone_viaduct.sync.site.intent import Intent
from keystone_viaduct.sync.site.isolating import Quarantine
from keystone_viaduct.sync.site.quiet import Work, look_again
from keystone_viaduct.sync.site.readiness import Readiness
from keystone_viaduct.sync.site.settle import clash, settle
from keystone_viaduct.sync.site.upholding import uphold

_DECIDED = frozenset({CYCLE, NAME})


def decide_inherited(
    tx: Transaction,
    state: SiteState,
    work: Work,
    quarantine: Mapping[Ref, Quarantine],
    *,
    now: int,
    policy_for: PolicyFor,
) -> SiteState:
    """At the hub: decide what it carries for a reason that only a spoke may have; returns the saved state."""
    if not state.is_hub or not tx.carries() or not tx.carried(0, 1, _DECIDED):
        return state
    itself = Peer(state.site, b"", state.incarnation, seen=state.checkpoint)
    return look_again(tx, itself, work, quarantine, at_head=True, now=now, policy_for=policy_for)


def settle_all(run: Applying, readiness: Readiness) -> None:
    """Decide what waits; in a page of the hub's own what it carries, too."""
    settle(run, readiness)
    while run.page.source == run.state.site and _decide_carried(run, readiness):
        readiness.reduce()
        settle(run, readiness)


def _decide_carried(run: Applying, readiness: Readiness) -> bool:
    """Decide the first of those that can be decided; whether there was one."""
    carried = sorted((i for i in run.intents.values() if i.release), key=lambda intent: intent.change.seq)
    return any(_decide(run, readiness, intent) for intent in carried)


def _decide(run: Applying, readiness: Readiness, intent: Intent) -> bool:
    carry = run.carried(intent)
    if carry is None or carry.reason not in _DECIDED:
        return False
    change, row = replace(intent.change, document=dict(carry.content)), run.rows.get(intent.ref)
    made = replace(intent, change=change, old=row, ours=False, release=False, conflicts=[], touched=set())
    run.intents[intent.ref] = made
    if carry.reason == CYCLE:
        uphold(run, readiness.invariants, made)
    else:
        clash(run, readiness, made, carried=True)
    if not made.conflicts and made.content is carry.content:
        run.intents[intent.ref] = intent
        return False
    return True
