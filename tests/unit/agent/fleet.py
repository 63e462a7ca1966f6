"""Sites in memory as the agent sees them: they can be down, slow, or someone else."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from keystone_viaduct.clock import SystemClock
from keystone_viaduct.errors import KeyChanged, LeaseHeld, Refused, SiteUnavailable, TooFast
from keystone_viaduct.sync.agent.agent import Agent
from keystone_viaduct.sync.agent.topology import AgentSettings
from keystone_viaduct.sync.charter import Charter
from keystone_viaduct.sync.model import (
    ApplyResult,
    Bucket,
    Checkpoint,
    Document,
    Fence,
    Listing,
    Page,
    Peer,
    Places,
    Purged,
    Ref,
    Standing,
    Summary,
    SweepState,
    Waiting,
)
from keystone_viaduct.sync.ports import Transaction, Write
from keystone_viaduct.sync.site import Site
from keystone_viaduct.sync.site.purge import Retention
from keystone_viaduct.sync.site.statement import restate
from keystone_viaduct.sync.statement import Lineage
from keystone_viaduct.sync.waiting import counted, waiting
from keystone_viaduct.sync.wire.resources import Capabilities
from keystone_viaduct.sync.wire.upkeep import Report, Times
from keystone_viaduct.testing.memory import MemoryStore, empty

KEY = "ab" * 32
SITE_KEYS = defaultdict(lambda: "11" * 32, {"hub": "22" * 32, "west": "33" * 32, "south": "44" * 32})
DOMAIN = Ref("domain", "acme")
PATIENCE = 20.0


@dataclass
class FakeSite:
    """A site behind the agent's port. ``calls`` are the names of what was called, in order.

    ``busy``: the seconds to wait that it answers the next pages with, each once. ``fault``: what a library
    raises on every call to it.
    """

    name: str
    hub: str = "hub"
    down: bool = False
    versions: tuple[str, ...] = ("1.0",)
    calls: list[str] = field(default_factory=list)
    held_by: str = ""
    secret: bool = True
    public_key: bytes = b"k" * 32
    proves: bool = True
    secret_of_pokes: str = ""
    busy: list[float] = field(default_factory=list)
    fault: Exception | None = None
    blocked: threading.Event | None = None
    applied: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self.store = MemoryStore(empty(self.name, self.hub, incarnation="a1"))
        self.clock = SystemClock()
        self.site = Site(self.store, self.clock)
        self.known: dict[str, Peer] = {}
        self._lock = threading.Lock()

    @property
    def signing_key(self) -> str:
        """What its signatures are checked with; '' at a site that does not sign."""
        return self.store.signer.keys[0] if self.store.signer is not None else ""

    def _call(self, name: str, work: Callable[[], Any]) -> Any:
        self.calls.append(name)
        if self.blocked is not None:
            self.blocked.wait(PATIENCE)
        if self.fault is not None:
            raise self.fault
        if self.down:
            raise SiteUnavailable(f"{self.name} does not answer", hint="wait", site=self.name)
        with self._lock:
            return work()

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
        had = parts, signed, register
        page: Page = self._call("read", lambda: self.site.read(reader, after, limit, fence, *had))
        return page

    def apply(self, page: Page) -> ApplyResult:
        def work() -> ApplyResult:
            if self.busy:
                raise TooFast("too much at once", hint="wait", wait=self.busy.pop(0))
            return self.site.apply(page)

        result: ApplyResult = self._call("apply", work)
        with self.applied:
            self.applied.notify_all()
        return result

    def standing(self, source: str, fence: Fence | None = None) -> Standing:
        found: Standing = self._call("standing", lambda: self.site.standing(source, fence))
        return found

    def forget(self, source: str) -> None:
        self._call("forget", lambda: self.site.forget(source))

    def summary(
        self,
        reader: str,
        within: Sequence[Bucket] | None,
        fence: Fence | None = None,
        kinds: frozenset[str] | None = None,
    ) -> Summary:
        found: Summary = self._call("summary", lambda: self.site.summary(reader, within, fence, kinds))
        return found

    def listing(self, reader: str, within: Sequence[Bucket]) -> Listing:
        found: Listing = self._call("listing", lambda: self.site.listing(reader, within))
        return found

    def show(self, reader: str, refs: Sequence[Ref]) -> Checkpoint:
        head: Checkpoint = self._call("show", lambda: self.site.show(reader, refs))
        return head

    def resume(self, source: str, places: Places) -> None:
        self._call("resume", lambda: self.site.resume(source, places))

    def purge(self, times: Times) -> Purged:
        kept = times.tombstones, times.lost, times.away, times.before
        keep = Retention(*kept, after=times.after or 0, conflicts=times.conflicts)
        purged: Purged = self._call("purge", lambda: self.site.clean(keep))
        return purged

    def sweep(self, limit: int) -> SweepState:
        place: SweepState = self._call("sweep", lambda: self.site.sweep(limit))
        return place

    def swept(self) -> Report:
        def work() -> Report:
            held = tuple(self.store.data.held.values())
            return Report(self.store.data.sweep, Counter(item.ref.kind for item in held), held)

        report: Report = self._call("swept", work)
        return report

    def waiting(self) -> tuple[dict[str, int], list[Waiting]]:
        def work() -> list[Waiting]:
            return self.store.run(lambda tx: waiting(cast(Transaction, tx)))

        found: list[Waiting] = self._call("waiting", work)
        return counted(found), found

    def follow(self, term: int, hub: str, fence: Fence | None, told: Lineage = ()) -> None:
        self._call("follow", lambda: self.site.follow(term, hub, fence, told))

    def capabilities(self) -> Capabilities:
        def work() -> Capabilities:
            found = Capabilities.of(self.site.state(), public_key=self.public_key, versions=self.versions)
            return replace(found, has_secret=self.secret, signing_key=self.signing_key)

        found: Capabilities = self._call("capabilities", work)
        return found

    def charter(self) -> Charter:
        found: Charter = self._call("charter", self.site.charter)
        return found

    def register(self, peer: Peer, proofs: Sequence[bytes] = ()) -> None:
        def work() -> None:
            before = self.known.get(peer.site, peer)
            if before.public_key != peer.public_key and peer.public_key not in proofs:
                raise KeyChanged(f"{peer.site} shows another public key", hint="confirm it")
            self.known[peer.site] = peer
            self.store.run(lambda tx: tx.save_peer(replace(peer, capabilities={})))
            self.store.run(lambda tx: restate(tx, tx.state()))

        self._call("register", work)

    def key_proofs(self, reader: str) -> list[bytes]:
        proofs: list[bytes] = self._call("key_proofs", lambda: [self.public_key] if self.proves else [])
        return proofs

    def poke_key(self) -> str:
        key: str = self._call("poke_key", lambda: self.secret_of_pokes or SITE_KEYS[self.name])
        return key

    def sealed_secret(self, receiver: str) -> bytes:
        sealed: bytes = self._call("sealed_secret", lambda: b"sealed for " + receiver.encode())
        return sealed

    def hand_over(self, sealed: bytes, *, source: str, term: int) -> None:
        def work() -> None:
            self.secret = sealed == b"sealed for " + self.name.encode()

        self._call("hand_over", work)

    def take_lease(self, holder: str, ttl: float) -> str:
        def work() -> str:
            if not self.store.data.state.is_hub:
                raise Refused(f"{self.name} is not the hub", hint="the lease is held at the hub")
            if self.held_by and self.held_by != holder:
                raise LeaseHeld(f"{self.held_by} holds the lease agent", hint="it runs out by itself")
            self.held_by = holder
            return KEY

        key: str = self._call("take_lease", work)
        return key

    def release_lease(self, holder: str) -> None:
        def work() -> None:
            self.held_by = "" if self.held_by == holder else self.held_by

        self._call("release_lease", work)

    def edit(self, ref: Ref, document: Document | None) -> None:
        """What an application does here."""
        with self._lock:
            old = self.store.data.rows.get(ref)
            self.store.edit([Write(ref, old, document)], self.clock.now())

    def has(self, ref: Ref) -> bool:
        """Whether the record is in the tables here."""
        with self._lock:
            return ref in self.store.data.rows

    def await_record(self, ref: Ref) -> bool:
        """Wait until it is."""
        with self.applied:
            return self.applied.wait_for(lambda: self.has(ref), PATIENCE)


def domain(name: str) -> tuple[Ref, Document]:
    """A domain of that id and name."""
    return Ref("domain", name), {"id": name, "name": name, "enabled": True}


def fleet(*spokes: str, **settings: Any) -> tuple[Agent, FakeSite, dict[str, FakeSite]]:
    """An agent over sites in memory that polls once an hour unless told otherwise."""
    hub = FakeSite("hub")
    sites = {name: FakeSite(name) for name in spokes}
    chosen = AgentSettings(**{"listen": None, "poll": 3600.0, "first_backoff": 0.02, **settings})
    return Agent(hub, sites, chosen), hub, sites
