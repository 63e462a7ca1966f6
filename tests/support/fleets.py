"""A fleet as operators run it: real Keystones on engines of their own, joined by the agent, all working."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from keystone_viaduct.demo.comparer import Comparison, Source, compare
from keystone_viaduct.demo.fleet import Fleet
from keystone_viaduct.demo.keystones import Keystones, SiteSpec
from keystone_viaduct.demo.report import Narrator
from keystone_viaduct.demo.scenario.place import Place
from keystone_viaduct.demo.wan import End, Wan
from tests.support.databases import DatabaseScope


@dataclass
class RunningFleet:
    """The first of ``places`` is the hub."""

    keystones: Keystones
    places: Mapping[str, Place]
    agent: Fleet

    def settle(self, deadline: float) -> bool:
        """Wait until no site has anything for another; False when ``deadline`` seconds pass first."""
        return self.agent.settle(deadline)

    def compare(self) -> Comparison:
        """All sites, field by field, read by SQL of the judge's own."""
        return compare([*map(Source.of, self.keystones.sites.values())])


@contextmanager
def running_fleet(
    folder: Path,
    engines: Mapping[str, str],
    databases: DatabaseScope,
    *,
    specs: Mapping[str, SiteSpec] | None = None,
    rtt: float = 10.0,
) -> Iterator[RunningFleet]:
    """Sites by name and engine, the hub first; ``specs`` say more about some of them."""
    given = specs or {}
    with ExitStack() as stack:
        made = [
            _placed(given.get(name, SiteSpec(name)), engine, databases) for name, engine in engines.items()
        ]
        keystones = Keystones(folder, made)
        hub = made[0].name
        agent = Fleet(Narrator(Console(file=stack.enter_context((folder / "told.txt").open("a")))))
        wan = stack.enter_context(Wan(rtt))
        ends = {name: End(name, "127.0.0.1", site.port.number) for name, site in keystones.sites.items()}
        roads = {name: wan.link(ends[hub], ends[name]) for name in engines if name != hub}
        agent.equip(keystones, hub, roads)
        stack.enter_context(keystones)
        stack.callback(agent.stop)
        agent.join(keystones, hub, roads)
        places = {name: Place(site) for name, site in keystones.sites.items()}
        for place in places.values():
            stack.callback(place.close)
        yield RunningFleet(keystones, places, agent)


def _placed(spec: SiteSpec, engine: str, databases: DatabaseScope) -> SiteSpec:
    if engine == "sqlite":
        return spec
    return replace(spec, database_url=databases.empty(engine))
