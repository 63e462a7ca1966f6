"""Asks the sites now and then what the agent does not know by itself, so that no page has to.

All agents do, also those that stand by: what was last heard stays here when the hub, or the agent that works,
is gone. A site is asked seldom, the fleet no more than :data:`RATE` times a second.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from keystone_viaduct.dashboard.state import KeySet, Listed, Metrics, Told
from keystone_viaduct.errors import ViaductError
from keystone_viaduct.sync.charter import Charter
from keystone_viaduct.sync.keyset.model import HeldKeys
from keystone_viaduct.sync.model import Fence, Standing, Waiting
from keystone_viaduct.sync.wire import metrics as wire
from keystone_viaduct.sync.wire.resources import Capabilities

LOG = logging.getLogger(__name__)
#: Sites asked per second, and at once.
RATE, AT_ONCE = 10, 8
#: Seconds between two questions to a site: while somebody looks, and while nobody does.
WATCHED, ALONE = 5.0, 30.0
#: Seconds after a page was asked for during which somebody looks.
LOOKING = 60.0
#: Seconds between two questions for what waits at a site, and to a site that does not answer, at most.
WAITING, LONGEST = 60.0, 300.0
#: Records that wait, kept of each site; conflicts kept of the hub's list: open ones, and the latest.
NAMED, OPEN, LATEST = 50, 500, 100
MICROSECONDS = 1_000_000


class KeysOf(Protocol):
    """The keys of a site, as far as they are shown."""

    def held_keys(self) -> Any:
        """Its repositories, with ``repositories`` by name."""


class Watched(Protocol):
    """A site that can be asked."""

    @property
    def name(self) -> str:
        """Its name."""

    def capabilities(self) -> Capabilities:
        """What it says of itself."""

    def waiting(self) -> tuple[dict[str, int], list[Waiting]]:
        """What waits there."""

    def metrics(self) -> wire.Metrics:
        """What its Keystone has counted."""

    def standing(self, source: str, fence: Fence | None = None) -> Standing:
        """How far it has come with another's feed."""

    def conflicts(self, limit: int = 100, *, open_only: bool = False) -> list[dict[str, Any]]:
        """At the hub: the latest decisions."""

    def charter(self) -> Charter:
        """What each site holds and may change."""

    @property
    def keys(self) -> KeysOf:
        """Its key repositories."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a site last said. ``up`` and ``down``: how far the hub has come with its feed, and it with the
    hub's, where that was asked for (-1: it was not, or they have not begun).
    """

    at: float = 0.0
    error: str = ""
    failures: int = 0
    told: Capabilities | None = None
    waiting: Mapping[str, int] = field(default_factory=dict)
    records: tuple[Waiting, ...] = ()
    waiting_at: float = 0.0
    up: int = -1
    down: int = -1
    metrics: Metrics | None = None


@dataclass(frozen=True, slots=True)
class HubFacts:
    """What only the hub can tell."""

    charter: Charter | None = None
    conflicts: tuple[Listed, ...] = ()
    conflicts_told: Told = field(default_factory=Told)
    keys: tuple[KeySet, ...] = ()
    keys_told: Told = field(default_factory=Told)


class Watch:
    """``hub()`` names the hub now; ``carries()``: whether this agent works, so that it knows of its links."""

    def __init__(
        self,
        sites: Mapping[str, Watched],
        hub: Callable[[], str],
        carries: Callable[[], bool],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sites = sites
        self._hub = hub
        self._carries = carries
        self._clock = clock
        self._looks: dict[str, Look] = dict.fromkeys(sites, Look())
        self._facts = HubFacts()
        self._due: dict[str, float] = dict.fromkeys(sites, 0.0)
        self._busy: set[str] = set()
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._looked_at = float("-inf")
        self._thread: threading.Thread | None = None
        self.number = 0

    def looks(self) -> dict[str, Look]:
        """Of all sites, by name."""
        with self._lock:
            return dict(self._looks)

    def facts(self) -> HubFacts:
        """What the hub last said."""
        with self._lock:
            return self._facts

    def looking(self) -> None:
        """Somebody looks at a page: ask more often for a while."""
        was_alone = not self._is_watched()
        self._looked_at = self._clock()
        if was_alone:
            self._hurry(self._sites)

    def refresh(self, *names: str) -> None:
        """Ask these sites again soon: something was changed there."""
        self._hurry(names)

    def start(self) -> None:
        """Begin to ask."""
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def stop(self, patience: float = 5.0) -> bool:
        """End; whether it has ended. A site that is slow to answer is not waited for."""
        self._stopping.set()
        self._woken.set()
        if self._thread is None:
            return True
        self._thread.join(patience)
        return not self._thread.is_alive()

    def ask(self, name: str) -> None:
        """Ask one site, here and now."""
        site, before = self._sites[name], self.looks()[name]
        try:
            found = self._asked(site, before)
        except ViaductError as error:
            found = replace(before, error=error.message, failures=before.failures + 1)
        except Exception as error:
            LOG.exception("an unexpected error while asking %s", name)
            found = replace(before, error=str(error) or type(error).__name__, failures=before.failures + 1)
        facts = self._facts_of(site) if name == self._hub() and not found.error else None
        with self._lock:
            self._looks[name] = found
            if facts is not None:
                self._facts = facts
            self.number += 1

    def _asked(self, site: Watched, before: Look) -> Look:
        told, now = site.capabilities(), self._clock()
        found = replace(before, at=now, error="", failures=0, told=told)
        if now - before.waiting_at >= WAITING:
            counts, first = site.waiting()
            found = replace(found, waiting=counts, records=tuple(first[:NAMED]), waiting_at=now)
            found = replace(found, metrics=_metrics(site))
        hub = self._hub()
        if site.name != hub and not self._carries():
            up = self._sites[hub].standing(site.name).checkpoint
            down = site.standing(hub).checkpoint
            found = replace(found, up=up.seq if up else -1, down=down.seq if down else -1)
        return found

    def _facts_of(self, hub: Watched) -> HubFacts:
        facts, now = self.facts(), self._clock()
        try:
            facts = replace(facts, charter=hub.charter())
        except ViaductError as error:
            LOG.debug("%s does not show its charter: %s", hub.name, error)
        try:
            facts = replace(facts, conflicts=_conflicts(hub), conflicts_told=Told(now))
        except ViaductError as error:
            facts = replace(facts, conflicts_told=replace(facts.conflicts_told, error=error.message))
        try:
            held = hub.keys.held_keys().repositories
            facts = replace(facts, keys=tuple(key_sets(held)), keys_told=Told(now))
        except ViaductError as error:
            facts = replace(facts, keys_told=replace(facts.keys_told, error=error.message))
        return facts

    def _is_watched(self) -> bool:
        return self._clock() - self._looked_at < LOOKING

    def _hurry(self, names: Sequence[str] | Mapping[str, Any]) -> None:
        with self._lock:
            for name in names:
                if name in self._due and not self._looks[name].failures:
                    self._due[name] = 0.0
        self._woken.set()

    def _after(self, name: str) -> float:
        """Seconds until that site is asked again."""
        every = max(WATCHED if self._is_watched() else ALONE, len(self._sites) / RATE)
        failures = self._looks[name].failures
        return min(max(LONGEST, every), every * 2.0 ** min(failures, 8)) if failures else every

    def _next(self) -> str | None:
        """The site that has been due for the longest, now taken; None if there is none."""
        with self._lock:
            now = self._clock()
            due = [name for name, at in self._due.items() if at <= now and name not in self._busy]
            if not due or len(self._busy) >= AT_ONCE:
                return None
            name = min(due, key=lambda one: (one != self._hub(), self._due[one]))
            self._busy.add(name)
            return name

    def _run(self) -> None:
        pool = ThreadPoolExecutor(AT_ONCE, "watch")
        try:
            while not self._stopping.is_set():
                name = self._next()
                if name is None:
                    self._woken.wait(0.5)
                    self._woken.clear()
                    continue
                pool.submit(self._play, name)
                self._stopping.wait(1 / RATE)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _play(self, name: str) -> None:
        try:
            if not self._stopping.is_set():
                self.ask(name)
        finally:
            with self._lock:
                self._busy.discard(name)
                self._due[name] = self._clock() + self._after(name)


def _conflicts(hub: Watched) -> tuple[Listed, ...]:
    """Those that wait for a decision, however old, among the latest."""
    rows = [*hub.conflicts(OPEN, open_only=True), *hub.conflicts(LATEST)]
    found = {one.id: one for one in map(listed_of, rows)}
    return tuple(sorted(found.values(), key=lambda one: (-one.at, one.id)))


def _metrics(site: Watched) -> Metrics | None:
    """None of a site of an earlier version, which has none to tell."""
    try:
        told = site.metrics()
    except ViaductError as error:
        LOG.debug("%s tells no metrics: %s", site.name, error)
        return None
    upgrades = tuple(f"{one.name}: {one.state}; next: {one.next}" for one in told.upgrades)
    read = told.hits + told.misses
    return Metrics(told.retried, told.recovered, told.exhausted, told.hits, read, upgrades)


def listed_of(row: Mapping[str, Any]) -> Listed:
    """A row of the API's list of conflicts."""
    texts = {
        name: str(row.get(name, ""))
        for name in ("id", "kind", "key", "sort", "decided", "explanation", "name")
    }
    at = row.get("at", 0)
    return Listed(
        **texts,
        fields=tuple(str(name) for name in row.get("fields", ())),
        site=str(row.get("site", "")),
        at=at / MICROSECONDS if isinstance(at, int) else 0.0,
        open=bool(row.get("open")),
        resolution=str(row.get("resolution", "")),
    )


def key_sets(held: Mapping[str, HeldKeys]) -> list[KeySet]:
    """The hub's repositories, as far as the fleet shares them."""
    found = []
    for name, keys in sorted(held.items()):
        fleet = keys.fleet
        if fleet is not None:
            at = fleet.promoted_at / MICROSECONDS
            told = fleet.generation, fleet.sites, fleet.missing, fleet.wanted, at, keys.state.primary
            found.append(KeySet(name, *told))
    return found
