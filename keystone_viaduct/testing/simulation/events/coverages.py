"""Operators change what a spoke holds."""

from __future__ import annotations

from dataclasses import replace

from keystone_viaduct.sync.charter import Coverage
from keystone_viaduct.testing.simulation.events.event import Event
from keystone_viaduct.testing.simulation.fleet import Fleet

#: What a spoke may be told to hold.
CHOICES = (
    Coverage(domains=frozenset({"acme"})),
    Coverage(domains=frozenset({"default"})),
    Coverage(domains=frozenset()),
    Coverage(kinds=frozenset({"user", "project"})),
    Coverage(frozenset({"assignment"}), frozenset({"acme"})),
)


def cover(fleet: Fleet, site: str) -> list[str]:
    """A spoke is to hold more, or less, or something else; it hears of it with the hub's next page.

    One other spoke at least stays such that it could become the hub.
    """
    fleet.fill_office()
    hub = fleet.nodes[fleet.hub].site
    charter = hub.charter()
    wanted = Coverage() if fleet.chance.random() < 0.5 else fleet.chance.choice(CHOICES)
    if charter.coverage_of(site) == wanted or not (wanted == Coverage() or fleet.has_deputy(site)):
        return []
    hub.write_charter(replace(charter, coverages={**charter.coverages, site: wanted}), charter.edition)
    fleet.counts["coverages"] += 1
    kinds = "all kinds" if wanted.kinds is None else f"kinds {sorted(wanted.kinds)}"
    domains = "all domains" if wanted.domains is None else f"domains {sorted(wanted.domains)}"
    fleet.tell(f"{site} is to hold {kinds} of {domains}")
    return [fleet.hub]


EVENTS = (Event("cover", 1.5, cover, spokes=True, shares={"coverages": 0.3}),)
