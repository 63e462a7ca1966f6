"""A hub and a spoke: real Keystones, adopted and initialised by the product's commands, joined over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from keystone_viaduct.demo.comparer import Comparison, Source, compare
from keystone_viaduct.demo.fleet import adopt, initialise
from keystone_viaduct.demo.keystones import Keystone, Keystones, SiteSpec
from keystone_viaduct.demo.scenario.place import Place
from keystone_viaduct.sync.agent.contact import Contact
from keystone_viaduct.sync.client import HttpSite, Transport
from keystone_viaduct.sync.link.link import Link
from keystone_viaduct.sync.link.replicator import Progress, Replicator
from keystone_viaduct.sync.model import Checkpoint, Fence, Page, Ref

HUB, SPOKE = "east", "west"
#: Steps in one direction after which a link that never comes to rest is reported.
STEPS = 50


def spec(
    name: str,
    folder: Path,
    *,
    url: str | None = None,
    python: Path | None = None,
    options: Mapping[str, str] | None = None,
    sections: Mapping[str, Mapping[str, str]] | None = None,
) -> SiteSpec:
    """A site whose ``[viaduct]`` section has its own key repository, and ``options``; and more sections."""
    own = {"key_repository": str(folder / name / "viaduct-keys"), **(options or {})}
    given = {**(sections or {}), "viaduct": own}
    found = SiteSpec(name, database_url=url, options=given)
    return found if python is None else replace(found, python=python)


class WatchedSite(HttpSite):
    """Remembers the addresses of what was read from it."""

    def __init__(self, name: str, transport: Transport) -> None:
        super().__init__(name, transport)
        self.given: list[Ref] = []

    def read(
        self,
        reader: str,
        after: Checkpoint | None,
        limit: int,
        fence: Fence | None = None,
        parts: str | None = None,
        signed: str = "",
        register: str = "",
    ) -> Page:
        """A page of the feed."""
        page = super().read(reader, after, limit, fence, parts, signed, register)
        self.given += [change.ref for change in page.changes]
        return page


class PlaceLogin:
    """A site's administrator, as the client wants one."""

    verify = True

    def __init__(self, place: Place) -> None:
        self._place = place

    @property
    def url(self) -> str:
        """The identity API's base."""
        return self._place.keystone.url

    def token(self) -> str:
        """A token, the same one until it is refused."""
        return self._place.admin.token

    def forget(self, token: str) -> None:
        """That token was refused."""
        self._place.admin.cloud.session.invalidate()


@dataclass
class Pair:
    """Both sites, up and joined. ``link`` carries what is asked for, in this process."""

    hub: Place
    spoke: Place
    ends: Mapping[str, WatchedSite]
    link: Link

    @property
    def sources(self) -> list[Source]:
        """The databases, for the judge."""
        return [Source.of(self.hub.keystone), Source.of(self.spoke.keystone)]

    def sync(self) -> set[str]:
        """Both directions, until nothing moves, the spoke first; the kinds of what was carried."""
        for end in self.ends.values():
            end.given.clear()
        for _ in range(STEPS):
            moved = [self.carry(replicator) for replicator in (self.link.up, self.link.down)]
            if not any(moved):
                return {ref.kind for end in self.ends.values() for ref in end.given}
        raise AssertionError("the link does not come to rest")

    def carry(self, replicator: Replicator) -> int:
        """One direction, until its head; how many changes were carried."""
        before = replicator.totals.changes
        for _ in range(STEPS):
            if self.link.step(replicator) is not Progress.MORE:
                return replicator.totals.changes - before
        raise AssertionError("the head is never reached")

    def compare(self) -> Comparison:
        """What the judge finds in the databases."""
        return compare(self.sources)


def prepare(hub: Keystone, spoke: Keystone) -> None:
    """What an operator does before a spoke is started for the first time; the hub is prepared already."""
    adopt(spoke, hub)
    initialise(spoke, hub.name)


def _nothing(keystones: Keystones) -> None:
    """What has happened at most sites before they are joined."""


@contextmanager
def running(
    folder: Path, specs: Sequence[SiteSpec], grown: Callable[[Keystones], None] = _nothing
) -> Iterator[Keystones]:
    """Sites set up, adopted and started: the first is the hub, the others its spokes.

    ``grown`` is called when they are set up and know nothing of each other yet.
    """
    keystones = Keystones(folder, specs)
    hub, *spokes = keystones.sites.values()
    try:
        keystones.prepare()
        grown(keystones)
        initialise(hub, hub.name)
        for spoke in spokes:
            prepare(hub, spoke)
        keystones.start()
        yield keystones
    finally:
        keystones.stop()


@contextmanager
def joined(
    folder: Path,
    hub: SiteSpec,
    spoke: SiteSpec,
    *,
    limit: int = 500,
    grown: Callable[[Keystones], None] = _nothing,
) -> Iterator[Pair]:
    """A hub and one spoke, up and introduced to each other; ``grown`` as for :func:`running`."""
    with ExitStack() as stack:
        keystones = stack.enter_context(running(folder, [hub, spoke], grown))
        places = {name: Place(site) for name, site in keystones.sites.items()}
        ends: dict[str, WatchedSite] = {}
        for name, place in places.items():
            stack.callback(place.close)
            ends[name] = WatchedSite(name, Transport(name, PlaceLogin(place)))
            stack.callback(ends[name].close)
        Contact(ends[hub.name], ends[spoke.name]).make()
        link = Link(ends[hub.name], ends[spoke.name], limit)
        yield Pair(places[hub.name], places[spoke.name], ends, link)
