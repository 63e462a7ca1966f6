"""A hub and any number of spokes: real Keystones, joined over HTTP by links in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from keystone_viaduct.demo.comparer import Comparison, Source, compare
from keystone_viaduct.demo.keystones import Keystones, SiteSpec
from keystone_viaduct.demo.scenario.place import Place
from keystone_viaduct.sync.agent.contact import Contact
from keystone_viaduct.sync.client import Transport
from keystone_viaduct.sync.link.link import Link
from keystone_viaduct.sync.link.replicator import Progress, Replicator
from tests.integration.fleet.pair import STEPS, PlaceLogin, WatchedSite, running


@dataclass
class Joined:
    """All sites, up and joined; the first of ``places`` is the hub."""

    places: Mapping[str, Place]
    ends: Mapping[str, WatchedSite]
    links: Sequence[Link]

    def sync(self) -> set[str]:
        """All directions, until nothing moves in any; the kinds of what was carried."""
        for end in self.ends.values():
            end.given.clear()
        ways = [way for link in self.links for way in (link.up, link.down)]
        for _ in range(STEPS):
            moved = [carry(link, way) for link in self.links for way in (link.up, link.down)]
            if not any(moved):
                assert [way.totals.pending for way in ways] == [0] * len(ways)
                return {ref.kind for end in self.ends.values() for ref in end.given}
        raise AssertionError("the fleet does not come to rest")

    def compare(self, *sites: str) -> Comparison:
        """What the judge finds in the databases of these sites (none named: of all)."""
        found = [self.places[name].keystone for name in sites or self.places]
        return compare([*map(Source.of, found)])


def carry(link: Link, way: Replicator) -> int:
    """One direction of a link, until its head; how many changes were carried."""
    before = way.totals.changes
    for _ in range(STEPS):
        if link.step(way) is not Progress.MORE:
            return way.totals.changes - before
    raise AssertionError("the head is never reached")


@contextmanager
def fleet(
    folder: Path,
    specs: Sequence[SiteSpec],
    *,
    limit: int = 500,
    grown: Callable[[Keystones], None] = lambda keystones: None,
) -> Iterator[Joined]:
    """Sites up and introduced to each other; the first is the hub. ``grown`` as for :func:`running`."""
    with ExitStack() as stack:
        keystones = stack.enter_context(running(folder, specs, grown))
        places = {name: Place(site) for name, site in keystones.sites.items()}
        ends: dict[str, WatchedSite] = {}
        for name, place in places.items():
            stack.callback(place.close)
            ends[name] = WatchedSite(name, Transport(name, PlaceLogin(place)))
            stack.callback(ends[name].close)
        hub, *spokes = ends.values()
        for spoke in spokes:
            Contact(hub, spoke).make()
        yield Joined(places, ends, [Link(hub, spoke, limit) for spoke in spokes])
