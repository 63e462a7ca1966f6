"""An operator merges two records at the hub."""

from __future__ import annotations

from keystone_viaduct.errors import Refused
from keystone_viaduct.kinds.registry import UNITABLE
from keystone_viaduct.testing.simulation.events.event import Event
from keystone_viaduct.testing.simulation.fleet import Fleet


def merge(fleet: Fleet, site: str) -> list[str]:
    """Two of one kind and domain; all that it writes was seen by who asked for it."""
    del site
    node = fleet.nodes[fleet.hub]
    if not node.store.data.state.is_hub:
        return []
    rows = dict(node.store.data.rows)
    candidates = sorted(ref for ref in rows if ref.kind in UNITABLE and ref.kind != "role")
    if not candidates:
        return []
    loser = fleet.chance.choice(candidates)
    place = (loser.kind, rows[loser].get("domain_id"))
    there = [ref for ref in candidates if (ref.kind, rows[ref].get("domain_id")) == place]
    winner = fleet.chance.choice(there)
    if winner == loser:
        return []
    try:
        node.site.unite(loser, winner)
    except Refused:
        return [fleet.hub]
    after = node.store.data.rows
    for ref in sorted(rows.keys() | after.keys()):
        if rows.get(ref) != after.get(ref):
            fleet.ledger.wrote(fleet.step, fleet.hub, ref, rows.get(ref), after.get(ref), {})
    fleet.counts["merges"] += 1
    fleet.tell(f"{fleet.hub}: {loser} is merged into {winner}")
    return [fleet.hub]


EVENTS = (Event("merge", 12, merge, shares={"merges": 0.2}),)
