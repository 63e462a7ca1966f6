"""A fleet in memory: one hub, spokes, links that can be cut, agents that crash between any two calls."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

from keystone_viaduct.clock import ManualClock
from keystone_viaduct.errors import CheckpointMismatch, FenceMismatch, NotYet
from keystone_viaduct.sync.link.link import Link
from keystone_viaduct.sync.link.replicator import Progress, Replicator
from keystone_viaduct.sync.model import Conflict, Page, Peer, Record
from keystone_viaduct.sync.site import Site
from keystone_viaduct.testing.memory import Data, MemoryStore, empty
from keystone_viaduct.testing.simulation.cloud import Cloud, Edit, Ledger

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
    restores: int = 0
    purges: int = 0

    def add(self, other: Counts) -> None:
        """Sum up."""
        for name in vars(self):
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass
class Backup:
    """A copy of a site's database, taken at a step."""

    site: str
    data: Data


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
    links: dict[str, Link] = field(default_factory=dict)
    backups: list[Backup] = field(default_factory=list)
    listed: dict[str, Conflict] = field(default_factory=dict)
    past_restarts: int = 0
    restoring: bool = False
    restored: str = ""
    forked: set[str] = field(default_factory=set)
    excused: set[Edit] = field(default_factory=set)

    @property
    def spokes(self) -> list[str]:
        """All sites but the hub."""
        return [name for name in self.nodes if name != self.hub]

    @property
    def restarts(self) -> int:
        """How often a link has started over."""
        return self.past_restarts + sum(link.restarts for link in self.links.values())

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
    for threshold, event in _EVENTS:
        if draw < threshold:
            return event(fleet)
    return []


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
    ends = link(fleet, spoke)
    replicator = ends.up if fleet.chance.random() < 0.5 else ends.down
    replicator.limit = fleet.chance.choice((1, 2, 3, 7, 50))
    if fleet.chance.random() < 0.2:
        return _crash(fleet, spoke, replicator)
    progress = ends.step(replicator)
    fleet.tell(f"{replicator.source.name} -> {replicator.target.name}: {progress.value}")
    return [spoke, fleet.hub]


def link(fleet: Fleet, spoke: str) -> Link:
    """Both directions between the hub and a spoke; a crash of the agent throws it away."""
    if spoke not in fleet.links:
        fleet.links[spoke] = Link(fleet.nodes[fleet.hub].site, fleet.nodes[spoke].site)
    return fleet.links[spoke]


def _forget_link(fleet: Fleet, spoke: str) -> None:
    gone = fleet.links.pop(spoke, None)
    if gone is not None:
        fleet.past_restarts += gone.restarts


def _crash(fleet: Fleet, spoke: str, replicator: Replicator) -> list[str]:
    """The agent dies between reading and applying, or after applying and before it hears of it."""
    source, target = replicator.source, replicator.target
    fleet.counts.crashes += 1
    applied = fleet.chance.random() < 0.5
    _forget_link(fleet, spoke)
    after = target.standing(source.name).checkpoint
    try:
        page = source.read(target.name, after, fleet.chance.choice((1, 3, 50)))
        fleet.old_pages.append((target.name, page))
        if applied:
            target.apply(page)
    except (FenceMismatch, NotYet) as error:
        fleet.tell(f"{source.name} -> {target.name}: {error}")
    fleet.tell(f"{source.name} -> {target.name}: agent dies {'after' if applied else 'before'} the apply")
    return [spoke, fleet.hub]


def _replay(fleet: Fleet) -> list[str]:
    """An old page is delivered once more: it must be refused, or be exactly what is due."""
    if not fleet.old_pages:
        return []
    target, page = fleet.chance.choice(fleet.old_pages)
    fleet.counts.replays += 1
    try:
        fleet.nodes[target].site.apply(page)
        _forget_link(fleet, target if page.source == fleet.hub else page.source)
        fleet.tell(f"{page.source} -> {target}: a late page still fits")
    except (CheckpointMismatch, FenceMismatch, NotYet):
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


def _backup(fleet: Fleet) -> list[str]:
    name = fleet.chance.choice(list(fleet.nodes))
    data = fleet.nodes[name].store.data.copy()
    fleet.backups.append(Backup(name, data))
    fleet.tell(f"{name}: backup taken")
    return []


def _restore(fleet: Fleet) -> list[str]:
    """A site's database is put back to what it was; what nobody else had seen of it since is gone with it.

    One site a run, as often as may be: the loss of two in the same hours is a residue that the docs name.
    """
    if not fleet.restoring or not fleet.backups or fleet.chance.random() < 0.5:
        return []
    usable = [copy for copy in fleet.backups if fleet.restored in ("", copy.site)]
    if not usable:
        return []
    backup = fleet.chance.choice(usable)
    fleet.restored = backup.site
    node = fleet.nodes[backup.site]
    fleet.counts.restores += 1
    note_conflicts(fleet)
    _excuse(fleet, backup)
    if backup.site == fleet.hub:
        fleet.forked |= {node.store.data.state.origin, backup.data.state.origin}
    node.store.data = backup.data.copy()
    fleet.tell(f"{backup.site}: restored from its backup")
    return []


def _excuse(fleet: Fleet, backup: Backup) -> None:
    """What only the restored site knew, and its backup does not, is gone with the disk."""
    lost = fleet.nodes[backup.site].store.data
    others = [node.store.data for node in fleet.nodes.values() if node.name != backup.site]
    marked = {mark.ref for mark in lost.marks.values()}
    touched = {ref for ref, record in lost.records.items() if backup.data.records.get(ref) != record}
    gone = set(marked)
    for ref in touched | {ref for ref in backup.data.records if ref not in lost.records}:
        record = lost.records.get(ref)
        if record is None or not any(_has(other, record) for other in others):
            gone.add(ref)
    for edit in [*fleet.ledger.edits, *fleet.ledger.deleted]:
        if edit.ref in gone:
            fleet.excused.add(edit)


def _has(data: Data, record: Record) -> bool:
    """Whether another site knows at least this version of a record."""
    theirs = data.records.get(record.ref)
    if theirs is None:
        return data.state.all_knowledge.covers(record.version)
    return theirs.version.covers(record.version)


def note_conflicts(fleet: Fleet) -> None:
    """What is listed now was there to be read, whatever is restored later."""
    for node in fleet.nodes.values():
        for conflict in node.store.data.conflicts:
            fleet.listed[conflict.id] = conflict


def _purge(fleet: Fleet) -> list[str]:
    name = fleet.chance.choice(list(fleet.nodes))
    node = fleet.nodes[name]
    away = {spoke for spoke in fleet.cut if fleet.chance.random() < 0.5}
    if name == fleet.hub:
        peers = node.store.data.peers
        node.store.data.peers = {n: replace(p, live=n not in away) for n, p in peers.items()}
    dropped = node.site.purge(fleet.chance.choice((0, 60 * SECOND)))
    fleet.counts.purges += dropped
    if dropped:
        fleet.tell(f"{name}: {dropped} tombstones purged, away: {sorted(away)}")
    return [name]


_EVENTS = (
    (0.48, _edit),
    (0.85, _replicate),
    (0.89, _toggle),
    (0.92, _replay),
    (0.935, _jump),
    (0.96, _backup),
    (0.98, _restore),
    (1.0, _purge),
)


def settle(fleet: Fleet, *, rounds: int = 80) -> bool:
    """Heal all links and replicate until nothing moves; False if it does not come to rest."""
    fleet.cut.clear()
    for _ in range(rounds):
        moved = False
        for spoke in fleet.spokes:
            ends = link(fleet, spoke)
            for replicator in (ends.up, ends.down):
                replicator.limit = 50
                while (progress := ends.step(replicator)) is not Progress.IDLE:
                    moved = True
                    if progress is Progress.MOVED:
                        break
        if not moved:
            return True
    return False
