"""A fleet in memory: one hub, spokes, links that can be cut, agents that crash between any two calls."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from keystone_viaduct.clock import ManualClock
from keystone_viaduct.errors import CheckpointMismatch
from keystone_viaduct.sync.link.replicator import Progress, Replicator
from keystone_viaduct.sync.model import Page, Peer
from keystone_viaduct.sync.site import Site
from keystone_viaduct.testing.memory import MemoryStore, empty
from keystone_viaduct.testing.simulation.cloud import Cloud, Ledger

SECOND = 1_000_000


@dataclass
class Node:
    """One site of the fleet with its own (wrong) clock."""

    name: str
    store: MemoryStore
    clock: ManualClock
    site: Site


@dataclass
class Counts:
    """What a run has seen; a run that never met a thing proves nothing about it."""

    steps: int = 0
    acknowledged: int = 0
    conflicts: int = 0
    crashes: int = 0
    cuts: int = 0
    replays: int = 0

    def add(self, other: Counts) -> None:
        """Sum up."""
        for name in vars(self):
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass
class Fleet:
    """The state of one run."""

    chance: random.Random
    nodes: dict[str, Node]
    hub: str
    ledger: Ledger
    cloud: Cloud
    counts: Counts = field(default_factory=Counts)
    story: list[str] = field(default_factory=list)
    cut: set[str] = field(default_factory=set)
    old_pages: list[tuple[str, Page]] = field(default_factory=list)
    links: dict[tuple[str, str], Replicator] = field(default_factory=dict)

    @property
    def spokes(self) -> list[str]:
        """All sites but the hub."""
        return [name for name in self.nodes if name != self.hub]

    def tell(self, text: str) -> None:
        """A line of the story."""
        self.story.append(f"{self.counts.steps:4}: {text}")


def make(chance: random.Random, sites: int) -> Fleet:
    """A fleet of empty sites whose peers know each other; the hub holds the first domain and roles."""
    names = ["hub", *(f"s{number}" for number in range(1, sites))]
    nodes: dict[str, Node] = {}
    for name in names:
        store = MemoryStore(empty(name, "hub", incarnation=f"{name}-1"))
        clock = ManualClock(1_700_000_000 * SECOND + chance.randrange(-60, 60) * SECOND)
        nodes[name] = Node(name, store, clock, Site(store, clock))
    for node in nodes.values():
        node.store.data.peers = {
            other: Peer(other, b"", nodes[other].store.data.state.incarnation)
            for other in names
            if other != node.name
        }
    ledger = Ledger()
    fleet = Fleet(chance, nodes, "hub", ledger, Cloud(chance, ledger))
    fleet.cloud.seed("hub", nodes["hub"].store, nodes["hub"].clock.now())
    return fleet


def step(fleet: Fleet) -> list[str]:
    """One random event; returns the sites that it touched."""
    fleet.counts.steps += 1
    for node in fleet.nodes.values():
        node.clock.advance(fleet.chance.randrange(1, 3 * SECOND))
    draw = fleet.chance.random()
    if draw < 0.50:
        return _edit(fleet)
    if draw < 0.88:
        return _replicate(fleet)
    if draw < 0.93:
        return _toggle(fleet)
    if draw < 0.97:
        return _replay(fleet)
    return _jump(fleet)


def _edit(fleet: Fleet) -> list[str]:
    name = fleet.chance.choice(list(fleet.nodes))
    node = fleet.nodes[name]
    before = len(fleet.ledger.edits) + len(fleet.ledger.deleted)
    fleet.tell(f"{name}: {fleet.cloud.act(name, node.store, fleet.counts.steps, node.clock.now())}")
    fleet.counts.acknowledged += len(fleet.ledger.edits) + len(fleet.ledger.deleted) - before
    return [name]


def _replicate(fleet: Fleet) -> list[str]:
    spoke = fleet.chance.choice(fleet.spokes)
    if spoke in fleet.cut:
        return []
    ends = (spoke, fleet.hub) if fleet.chance.random() < 0.5 else (fleet.hub, spoke)
    replicator = link(fleet, *ends)
    replicator.limit = fleet.chance.choice((1, 2, 3, 7, 50))
    if fleet.chance.random() < 0.2:
        return _crash(fleet, ends)
    progress = replicator.step()
    fleet.tell(f"{ends[0]} -> {ends[1]}: {progress.value}")
    return list(ends)


def link(fleet: Fleet, source: str, target: str) -> Replicator:
    """The replicator of one direction; a crash throws it away."""
    key = (source, target)
    if key not in fleet.links:
        fleet.links[key] = Replicator(fleet.nodes[source].site, fleet.nodes[target].site)
    return fleet.links[key]


def _crash(fleet: Fleet, ends: tuple[str, str]) -> list[str]:
    """The agent dies between reading and applying, or after applying and before it hears of it."""
    source, target = fleet.nodes[ends[0]].site, fleet.nodes[ends[1]].site
    fleet.counts.crashes += 1
    after, _ = target.checkpoint(source.name)
    page = source.read(target.name, after, fleet.chance.choice((1, 3, 50)))
    fleet.old_pages.append((ends[1], page))
    applied = fleet.chance.random() < 0.5
    if applied:
        target.apply(page)
    fleet.links.pop(ends, None)
    fleet.tell(f"{ends[0]} -> {ends[1]}: agent dies {'after' if applied else 'before'} the apply")
    return list(ends)


def _replay(fleet: Fleet) -> list[str]:
    """An old page is delivered once more: it must be refused, or be exactly what is due."""
    if not fleet.old_pages:
        return []
    target, page = fleet.chance.choice(fleet.old_pages)
    fleet.counts.replays += 1
    try:
        fleet.nodes[target].site.apply(page)
        fleet.links.pop((page.source, target), None)
        fleet.tell(f"{page.source} -> {target}: a late page still fits")
    except CheckpointMismatch:
        fleet.tell(f"{page.source} -> {target}: a late page is refused")
    return [target]


def _toggle(fleet: Fleet) -> list[str]:
    spoke = fleet.chance.choice(fleet.spokes)
    if spoke in fleet.cut:
        fleet.cut.discard(spoke)
        fleet.tell(f"{spoke} is back")
    else:
        fleet.cut.add(spoke)
        fleet.counts.cuts += 1
        fleet.tell(f"{spoke} is cut off")
    return []


def _jump(fleet: Fleet) -> list[str]:
    node = fleet.chance.choice(list(fleet.nodes.values()))
    seconds = fleet.chance.choice((-3600, -60, 60, 3600))
    node.clock.advance(seconds * SECOND)
    fleet.tell(f"{node.name}'s clock jumps {seconds} s")
    return []


def settle(fleet: Fleet, *, rounds: int = 60) -> bool:
    """Heal all links and replicate until nothing moves; False if it does not come to rest."""
    fleet.cut.clear()
    for _ in range(rounds):
        moved = False
        for spoke in fleet.spokes:
            for ends in ((spoke, fleet.hub), (fleet.hub, spoke)):
                replicator = link(fleet, *ends)
                replicator.limit = 50
                while (progress := replicator.step()) is not Progress.IDLE:
                    moved = True
                    if progress is Progress.MOVED:
                        break
        if not moved:
            return True
    return False
