"""To write some record fails at a site in a way that nobody has foreseen, until somebody mends it."""

from __future__ import annotations

from keystone_viaduct.errors import NotYet
from keystone_viaduct.sync.model import QUARANTINED
from keystone_viaduct.testing.simulation.events.event import Event
from keystone_viaduct.testing.simulation.fleet import Fleet


def fail(fleet: Fleet, site: str) -> list[str]:
    """From now on this site can't write one record, be it there or to come; or it can write all again."""
    node = fleet.nodes[site]
    if node.process.failing and fleet.chance.random() < 0.5:
        return _mend(fleet, site)
    if node.store.data.state.release != node.store.run(lambda tx: tx.release()):
        return []  # what it has got columns for is still to be written
    refs = sorted({ref for other in fleet.nodes.values() for ref in other.store.data.rows})
    if refs:
        ref = fleet.chance.choice(refs)
        node.process.failing.add(ref)
        fleet.counts["records that fail"] += 1
        fleet.tell(f"{site}: to write {ref} fails from now on")
    return []


def _mend(fleet: Fleet, site: str) -> list[str]:
    """A new version of the product is installed, and an operator asks for another try."""
    node = fleet.nodes[site]
    node.process.failing.clear()
    data = node.store.data
    found = sum(entry.reason == QUARANTINED for entry in data.pending.values())
    found += sum(r.carried is not None and r.carried.reason == QUARANTINED for r in data.records.values())
    fleet.counts["quarantined"] += found
    try:
        node.site.retry()
    except NotYet as error:  # what was asked for is done with the next page
        fleet.tell(f"{site}: {error}")
    fleet.tell(f"{site}: writes all again; {found} records were put aside")
    return [site]


def calm(fleet: Fleet) -> None:
    """At the end nothing fails any more."""
    for name in sorted(fleet.nodes):
        _mend(fleet, name)


EVENTS = (Event("fail", 1.5, fail, shares={"records that fail": 0.5, "quarantined": 0.02}),)
