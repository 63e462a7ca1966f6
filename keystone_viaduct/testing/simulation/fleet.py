"""A fleet: one hub, spokes, links that can be cut, agents and sites that die between any two calls."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from keystone_viaduct.clock import ManualClock
from keystone_viaduct.errors import Refused
from keystone_viaduct.sync.external import ExternalDrivers
from keystone_viaduct.sync.link.link import Link
from keystone_viaduct.sync.link.replicator import Progress, Replicator
from keystone_viaduct.sync.model import Conflict, Document, Page, Peer, Record, Ref, Version
from keystone_viaduct.sync.ports import Transaction, Write
from keystone_viaduct.sync.site import Site
from keystone_viaduct.sync.site.promote import obstacle
from keystone_viaduct.sync.site.statement import restate
from keystone_viaduct.testing.folding import fold
from keystone_viaduct.testing.memory import Data, Fold, empty
from keystone_viaduct.testing.simulation.cloud import ODD, Cloud, Edit, Ledger
from keystone_viaduct.testing.simulation.counts import Counts
from keystone_viaduct.testing.simulation.crashing import CrashingStore
from keystone_viaduct.testing.simulation.directories import DIRECTORY, spread
from keystone_viaduct.testing.simulation.memory import MemoryDatabase

SECOND = 1_000_000
#: The share of databases that can't hold every character.
NARROW = 0.3
#: The share of databases that take names for equal that differ in case, accents, or blanks at the end.
FOLDING = 0.3
#: Of so many reads that have something to number or to note one finds another transaction at work.
BUSY_EVERY = 5
#: The share of sites whose first release signs nothing.
SIGNING_LATER = 0.3
#: Pages and calls of one direction in one round of :func:`settle`; more means that it goes in circles.
MOST_STEPS = 60
T = TypeVar("T")


class Database(Protocol):
    """A site's database, in memory or real; ``data`` is what it holds, and nobody changes it there."""

    @property
    def data(self) -> Data:
        """Everything it holds."""

    @property
    def release(self) -> int:
        """The number of the release that its schema is of (``simulation.releases``)."""

    def known_fields(self, kind: str) -> frozenset[str] | None:
        """What that release can store of a kind; None for all."""

    def upgrade(self) -> None:
        """Migrate to the next release."""

    def sign_later(self) -> None:
        """From now until it is upgraded it signs nothing (where it can be made so)."""

    def run(self, work: Callable[[Any], T]) -> T:
        """``ports.Store``."""

    def run_at_once(self, work: Callable[[Any], T]) -> T | None:
        """``ports.Store``."""

    def look(self, work: Callable[[Any], T]) -> T:
        """``ports.Store``."""

    def may_be_a_record(self, error: Exception) -> bool:
        """``ports.Store``."""

    def edit(self, writes: list[Write], stamped_at: int) -> None:
        """What an application does in one transaction. Raises Violation."""

    def by_hand(self, writes: list[Write]) -> None:
        """Rows change with triggers and foreign keys off: nothing is marked. Raises Violation."""

    def narrow(self, text: str) -> None:
        """From now on it can't hold any value with this text in it (where it can be made so)."""

    def take_for_equal(self, fold: Fold) -> None:
        """From now on names are equal to it that are so when they are folded."""

    def backup(self) -> object:
        """A copy for :meth:`restore`."""

    def restore(self, copy: Any) -> None:
        """Put a copy back."""

    def tell_directory(self, drivers: ExternalDrivers, directory: frozenset[Ref]) -> None:
        """What the site's configuration says of drivers, and whom directories know."""


#: Makes the database of a site: its name, the hub's name, its first incarnation.
MakeDatabase = Callable[[str, str, str], Database]


def in_memory(site: str, hub: str, incarnation: str) -> Database:
    """A database in memory."""
    return MemoryDatabase(empty(site, hub, incarnation=incarnation), 0)


@dataclass
class Node:
    """One site with its own (wrong) clock. ``process`` is the store as the site's process has it."""

    name: str
    store: Database
    clock: ManualClock
    site: Site
    process: CrashingStore


@dataclass(eq=False)
class Backup:
    """A copy of a site's database, taken at a step."""

    step: int
    site: str
    copy: object
    data: Data


@dataclass
class Unseen:
    """What was done by hand in one run. ``missing``: per site the records without row and mark, as the last
    step left them.
    """

    missing: dict[str, dict[Ref, Record]] = field(default_factory=dict)
    heads: dict[str, int] = field(default_factory=dict)
    rows: dict[tuple[str, Ref], list[Document]] = field(default_factory=dict)
    edits: dict[str, set[Edit]] = field(default_factory=dict)
    confirmed: set[tuple[str, Ref]] = field(default_factory=set)
    restorations: int = 0


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
    step: int = 0
    cut: set[str] = field(default_factory=set)
    old_pages: list[tuple[str, Page]] = field(default_factory=list)
    links: dict[str, Link] = field(default_factory=dict)
    backups: list[Backup] = field(default_factory=list)
    listed: dict[str, Conflict] = field(default_factory=dict)
    past_restarts: int = 0
    restored: str = ""
    line: list[Backup] = field(default_factory=list)
    put_back: list[Backup] = field(default_factory=list)
    restorations: int = 0
    forked: set[str] = field(default_factory=set)
    excused: set[Edit] = field(default_factory=set)
    buried: set[Ref] = field(default_factory=set)
    #: At which site whose tombstone was dropped, and what that contained.
    purged: dict[tuple[str, Ref], Version] = field(default_factory=dict)
    unseen: Unseen = field(default_factory=Unseen)
    #: Lies about records of the liar's own domain: the value, and the life that was said to have set it.
    borrowed: dict[str, str] = field(default_factory=dict)
    #: Users and groups that directories know: they need no row anywhere.
    directory: frozenset[Ref] = frozenset()
    #: The sites that have one.
    having: frozenset[str] = frozenset()

    def unmet_life(self, site: str) -> str:
        """The life of a site that was restored and has not found it out since, or ''.

        A record tried again there is numbered as the lost history has numbered others. Nobody reads it before
        the first contact, which begins a new life with other numbers; but who never saw the lost history may.
        """
        state = self.nodes[site].store.data.state
        lives = {backup.data.state.origin for backup in self.put_back if backup.site == site}
        return state.origin if state.origin in lives else ""

    @property
    def spokes(self) -> list[str]:
        """All sites but the hub."""
        return [name for name in self.nodes if name != self.hub]

    @property
    def restarts(self) -> int:
        """How often a link has started over."""
        return self.past_restarts + sum(link.restarts for link in self.links.values())

    def one_way(self, ends: Link) -> Replicator:
        """One of its two directions, by chance."""
        return ends.up if self.chance.random() < 0.5 else ends.down

    def link(self, spoke: str) -> Link:
        """Both directions between the hub and a spoke; a crash of the agent throws it away."""
        self.fill_office()
        if spoke == self.hub:  # promoted meanwhile
            spoke = next(name for name in self.nodes if name != self.hub)
        if spoke not in self.links:
            self.acquaint(self.hub, spoke)
            self.links[spoke] = Link(self.nodes[self.hub].site, self.nodes[spoke].site)
        return self.links[spoke]

    @property
    def term(self) -> int:
        """The latest term that any site has heard of."""
        return max(node.store.data.state.term for node in self.nodes.values())

    def elect(self) -> None:
        """The agent works at the hub of the latest term; it has found out which one that is."""
        claims = [node.store.data.state for node in self.nodes.values() if node.store.data.state.is_hub]
        latest = max(((state.term, state.site) for state in claims), default=(0, self.hub))[1]
        self.hub = latest
        for spoke in list(self.links):
            self.forget_link(spoke)
        self.past_restarts += 1

    def fill_office(self) -> None:
        """Nobody is the hub of the latest term (it was restored from a backup): the operator promotes one."""
        if self._in_office(self.hub):
            return
        if any(self._in_office(name) for name in self.nodes):
            self.elect()
            return
        for name in sorted(filter(self.may_lead, self.nodes), key=lambda name: name != self.hub):
            try:
                self.nodes[name].site.promote(self.term)
            except Refused:
                continue
            self.counts["promotions"] += 1
            self.tell(f"{name} is promoted, for nobody holds the office")
            self.elect()
            return

    def may_lead(self, site: str) -> bool:
        """Whether the operator, who knows all his charters, takes that site for a hub."""
        return all(node.store.data.state.charter.is_full(site) for node in self.nodes.values())

    def has_deputy(self, without: str) -> bool:
        """Whether another site than that one could take over from the hub."""
        others = [node for node in self.nodes.values() if node.name not in (self.hub, without)]
        return any(self.may_lead(node.name) and not obstacle(node.store.data.state) for node in others)

    def _in_office(self, site: str) -> bool:
        states = [node.store.data.state for node in self.nodes.values()]
        state = self.nodes[site].store.data.state
        return state.is_hub and (state.term, site) == max((state.term, state.hub) for state in states)

    def acquaint(self, hub: str, spoke: str) -> None:
        """Register them at each other, as an agent does."""
        for one, other in ((hub, spoke), (spoke, hub)):
            introduce(self.nodes[one], self.nodes[other])

    def forget_link(self, spoke: str) -> None:
        """The agent that drove it has died."""
        gone = self.links.pop(spoke, None)
        if gone is not None:
            self.past_restarts += gone.restarts

    def tell(self, text: str) -> None:
        """A line of the story."""
        self.story.append(f"{self.step:4}: {text}")

    def note_purged(self, site: str, before: Mapping[Ref, Record]) -> set[Ref]:
        """The site has dropped tombstones since it had these records; which."""
        gone = before.keys() - self.nodes[site].store.data.records.keys()
        for ref in gone:
            known = self.purged.get((site, ref), Version())
            self.purged[site, ref] = known.join(before[ref].version)
        return gone

    def note_conflicts(self) -> None:
        """What is listed now was there to be read, whatever is restored later."""
        for node in self.nodes.values():
            for conflict in node.store.data.conflicts:
                self.listed[conflict.id] = conflict


def names(sites: int) -> list[str]:
    """The names of a fleet of so many sites; the first is the hub."""
    return ["hub", *(f"s{number}" for number in range(1, sites))]


def make(chance: random.Random, sites: int, database: MakeDatabase = in_memory) -> Fleet:
    """A fleet of empty sites; the hub knows every spoke, a spoke the hub.

    The hub holds the first domains and roles.
    """
    nodes: dict[str, Node] = {}
    for name in names(sites):
        store = database(name, "hub", f"{name}-1")
        clock = ManualClock(1_700_000_000 * SECOND + chance.randrange(-60, 60) * SECOND)
        process = CrashingStore(store)
        process.busy_every = BUSY_EVERY
        nodes[name] = Node(name, store, clock, Site(process, clock), process)
    # drawn apart: the runs are those that they were before sites signed
    apart = random.Random(hash(chance.getstate()))
    for node in nodes.values():
        if apart.random() < SIGNING_LATER:
            node.store.sign_later()
    for node in nodes.values():
        for other in nodes.values():
            if node is not other and "hub" in (node.name, other.name):
                introduce(node, other)
    for node in nodes.values():
        if chance.random() < NARROW:
            node.store.narrow(ODD)
        if chance.random() < FOLDING:
            node.store.take_for_equal(fold)
    ledger = Ledger()
    fleet = Fleet(chance, nodes, "hub", ledger, Cloud(chance, ledger))
    fleet.cloud.seed("hub", nodes["hub"].store, nodes["hub"].clock.now())
    fleet.directory = DIRECTORY
    fleet.having = spread(chance, ((name, node.store) for name, node in nodes.items()))
    return fleet


def introduce(node: Node, other: Node) -> None:
    """Register a site at another, or its new key, as the agent does."""
    keys = other.store.run(lambda tx: tx.signing_keys())

    def register(tx: Transaction) -> None:
        known = tx.peers().get(other.name, Peer(other.name, b"", other.store.data.state.incarnation))
        found = replace(known, signing_key=keys[0] if keys else known.signing_key)
        if tx.peers().get(other.name) != found:
            tx.save_peer(found)
        restate(tx, tx.state())

    node.store.run(register)


def settle(fleet: Fleet, *, rounds: int = 80) -> bool:
    """Heal all links and replicate until nothing moves; False if it does not come to rest."""
    fleet.cut.clear()
    busy = {node.name: node.process.busy_every for node in fleet.nodes.values()}
    for node in fleet.nodes.values():
        node.process.busy_every = 0  # what would be seen at the next look is no rest
    try:
        return _settled(fleet, rounds)
    finally:
        for node in fleet.nodes.values():
            node.process.busy_every = busy[node.name]


def _settled(fleet: Fleet, rounds: int) -> bool:
    for ends in fleet.links.values():
        ends.up.restart()
        ends.down.restart()  # as an agent does after a while
    for _ in range(rounds):
        moved = False
        for spoke in fleet.spokes:
            ends = fleet.link(spoke)
            for replicator in (ends.up, ends.down):
                replicator.limit = 50
                for _ in range(MOST_STEPS):
                    progress = ends.step(replicator)
                    moved = moved or progress is not Progress.IDLE
                    if progress is not Progress.MORE:
                        break
        if not moved:
            return True
    return False
