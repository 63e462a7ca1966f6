"""Users edit at a site, through its Keystone."""

from __future__ import annotations

from keystone_viaduct.testing.simulation.events.event import Event
from keystone_viaduct.testing.simulation.fleet import Fleet


def edit(fleet: Fleet, site: str) -> list[str]:
    """One request, in one transaction or several; the process may die between two of them."""
    node = fleet.nodes[site]
    before = len(fleet.ledger.edits) + len(fleet.ledger.deleted)
    dies = fleet.chance.randrange(3) if fleet.chance.random() < 0.05 else None
    done = fleet.cloud.act(site, node.store, fleet.step, node.clock.now(), dies_after=dies)
    fleet.tell(f"{site}: {done}")
    fleet.counts["acknowledged"] += len(fleet.ledger.edits) + len(fleet.ledger.deleted) - before
    return [site]


EVENTS = (Event("edit", 56, edit, shares={"acknowledged": 50}),)
