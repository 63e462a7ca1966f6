"""Sites are upgraded to later releases of Keystone, one after the other, while others stay behind."""

from __future__ import annotations

from keystone_viaduct.sync.model import Ref
from keystone_viaduct.testing.simulation.events.event import Event
from keystone_viaduct.testing.simulation.fleet import Fleet
from keystone_viaduct.testing.simulation.releases import RELEASES, has_dropped, whole


def upgrade(fleet: Fleet, site: str) -> list[str]:
    """A site's database is migrated to the next release, and its Keystone started anew."""
    store = fleet.nodes[site].store
    if store.release + 1 == len(RELEASES):
        return []
    _excuse_dropped(fleet, site, store.release + 1)
    carried = sum(bool(record.unknown) for record in store.data.records.values())
    store.upgrade()
    fleet.nodes[site].process.failing.clear()  # what its columns get now has to be written
    fleet.counts["upgrades"] += 1
    fleet.counts["carried into an upgrade"] += carried
    fleet.tell(f"{site} is upgraded to release {store.release}; it carried fields of {carried} records")
    return [site]


def _excuse_dropped(fleet: Fleet, site: str, release: int) -> None:
    """What only this site has in a column that goes is gone with it."""
    data = fleet.nodes[site].store.data
    others = [node.store.data for node in fleet.nodes.values() if node.name != site]
    lost: set[tuple[Ref, str, str]] = set()
    for ref, row in data.rows.items():
        for name, value in row.items():
            if has_dropped(release, ref.kind, name):
                known = [found for other in others if (found := whole(other, ref)) is not None]
                if not any(found.get(name) == value for found in known):
                    lost.add((ref, name, repr(value)))
    fleet.excused.update(edit for edit in fleet.ledger.edits if edit.what in lost)


EVENTS = (Event("upgrade", 4, upgrade, shares={"upgrades": 0.5, "carried into an upgrade": 0.02}),)
