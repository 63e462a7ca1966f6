"""What the agent does for the sites now and then: purge, sweep their tables, compare them with the hub."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, Protocol

from keystone_viaduct.clock import MICROSECONDS
from keystone_viaduct.errors import ViaductError
from keystone_viaduct.health.checks import ONESIDED
from keystone_viaduct.health.view import waiting_as_dict
from keystone_viaduct.sync.agent.rounds import Rounds
from keystone_viaduct.sync.agent.topology import AgentSettings
from keystone_viaduct.sync.link.compare import Comparison, Difference
from keystone_viaduct.sync.model import Purged, SweepState, Waiting
from keystone_viaduct.sync.ports import SitePort
from keystone_viaduct.sync.wire.upkeep import Report, Times

__all__ = ["Comparison", "Difference", "Kept", "KeptSite", "Upkeep", "compare", "show"]

LOG = logging.getLogger(__name__)
#: The share of its time for which a site is kept busy, and the longest rest in between, in seconds.
SHARE, PAUSE = 0.2, 5.0
#: Spokes that are looked at side by side.
AT_ONCE = 8
LATE = "it takes longer than a round, and is not waited for"
#: Records that wait at a site, named in logs and status.
NAMED = 20


class KeptSite(SitePort, Protocol):
    """A site, as far as its upkeep goes."""

    def purge(self, times: Times) -> Purged:
        """Drop what is kept for a time only."""

    def sweep(self, limit: int) -> SweepState:
        """Compare the next rows with their records."""

    def swept(self) -> Report:
        """How far the sweep is, and what waits for a person."""

    def waiting(self) -> tuple[dict[str, int], list[Waiting]]:
        """How many records wait there in which state, and the first of them."""


@dataclass
class Kept:
    """What the last round has found at a site; seconds since the epoch, 0 for never.

    ``differing`` counts what the site and the hub did not agree about, ``missed`` what of it was not on its
    way and was shown again, unless too much of it, ``onesided``, is at one of them only. ``waiting`` counts
    what waits at the site by state, ``records`` names the first of them.
    """

    purged: int = 0
    oldest_tombstone: float = 0.0
    away: tuple[str, ...] = ()
    found: int = 0
    deleted: int = 0
    held: int = 0
    waiting: dict[str, int] = field(default_factory=dict)
    records: tuple[Waiting, ...] = ()
    differing: int = 0
    missed: int = 0
    onesided: int = 0
    finished_at: float = 0.0
    error: str = ""


@dataclass
class Upkeep:
    """Works while ``gate`` is open: the hub first, then spokes side by side. A round waits for none of them
    beyond its time. ``wake(site)``: a site has shown something.
    """

    hub: KeptSite
    spokes: Mapping[str, KeptSite]
    settings: AgentSettings
    gate: threading.Event
    wake: Callable[[str], None]
    pause: float = PAUSE
    sites: dict[str, Kept] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._rounds = Rounds("upkeep", AT_ONCE)
        self._begun: dict[str, float] = {}
        self._oldest: int | None = 0  # nothing is known of the hub yet: the spokes keep all tombstones

    def start(self) -> None:
        """Begin to work, unless it is switched off."""
        if self.settings.upkeep:
            self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)
            self._thread.start()

    def stop(self, patience: float = 10.0) -> bool:
        """End after the call under way; whether it has ended within ``patience`` seconds."""
        self._stopping.set()
        ended = self._rounds.stop(patience)
        if self._thread is not None:
            self._thread.join(patience)
            return ended and not self._thread.is_alive()
        return ended

    def snapshot(self) -> dict[str, Any]:
        """For status."""
        return {
            name: {**asdict(kept), "records": [waiting_as_dict(item) for item in kept.records]}
            for name, kept in list(self.sites.items())
        }

    def oldest_look(self) -> dict[str, Any] | None:
        """Which site was wholly looked at the longest ago, and when (0: never); None if it is off."""
        if not self.settings.upkeep:
            return None
        names = [self.hub.name, *(site.name for site in self.spokes.values())]
        looks = {name: self.sites[name].finished_at if name in self.sites else 0.0 for name in names}
        site = min(looks, key=lambda name: looks[name])
        return {"site": site, "at": looks[site]}

    def round(self) -> None:
        """All sites once; the hub first, because the spokes keep tombstones as long as it does."""
        if self._is_to_stop():
            return
        spokes = list(self.spokes.values())
        for site in (self.hub, *spokes):
            self.sites.setdefault(site.name, Kept())
        self._look(self.hub)
        # who had his turn the longest ago comes first, or a round that is too short would leave the same
        spokes.sort(key=lambda site: self._begun.get(site.name, 0.0))
        self._rounds.play({site.name: partial(self._look, site) for site in spokes}, self._longest)
        for name in self._rounds.late:
            if self.sites[name].error != LATE:
                LOG.warning("upkeep of %s: %s", name, LATE)
            self.sites[name].error = LATE

    @property
    def _longest(self) -> float | None:
        """Seconds for one round; None where nothing is said."""
        return self.settings.upkeep or None

    def _budget(self, site: KeptSite) -> float:
        """Seconds for one thing at that site: the round is shared among the spokes that have to go one after
        the other.
        """
        longest = self._longest or float("inf")
        return longest if site is self.hub else longest * min(1.0, AT_ONCE / len(self.spokes))

    def _is_to_stop(self) -> bool:
        return self._stopping.is_set() or not self.gate.is_set()

    def _look(self, site: KeptSite) -> None:
        """At one site: what fails there is said, and costs no other one."""
        if self._is_to_stop():
            return
        kept = self.sites[site.name]
        self._begun[site.name] = time.monotonic()
        try:
            if self._keep(site, kept):
                kept.finished_at = time.time()
            kept.error = ""
        except Exception as error:
            if str(error) != kept.error:
                LOG.warning(
                    "upkeep of %s: %s", site.name, error, exc_info=not isinstance(error, ViaductError)
                )
            kept.error = str(error)

    def _keep(self, site: KeptSite, kept: Kept) -> bool:
        """Sweep, compare, purge; whether the sweep has come to its end."""
        swept = self._sweep(site, kept)
        self._name(site, kept)
        if site is self.hub:
            self._oldest = self._purge(site, kept, None)
        else:
            self._compare(site, kept)
            self._purge(site, kept, self._oldest)
        return swept

    def _rest(self, took: float) -> float:
        """Seconds to leave a site alone after a call that took so long."""
        return min(self.pause, took * (1 / SHARE - 1))

    def _purge(self, site: KeptSite, kept: Kept, before: int | None) -> int | None:
        """Drop what is due, batch by batch; the oldest tombstone that is left."""
        settings = self.settings
        times = Times(
            tombstones=int(settings.retention * MICROSECONDS),
            lost=int(settings.lost_retention * MICROSECONDS),
            conflicts=int(settings.conflict_retention * MICROSECONDS),
            away=int(settings.away * MICROSECONDS) if site is self.hub else None,
            before=None if site is self.hub else before,
        )
        left: list[int] = []
        until = time.monotonic() + self._budget(site)
        while True:
            began = time.monotonic()
            purged = site.purge(times)
            kept.purged += purged.tombstones
            if purged.oldest is not None:
                left.append(purged.oldest)
            for name in set(purged.away) - set(kept.away):
                LOG.warning("%s has been away for long: tombstones are not kept for it any more", name)
            kept.away = purged.away
            if purged.next is None:
                break
            times = replace(times, after=purged.next)
            resting = self._stopping.wait(self._rest(time.monotonic() - began))
            if resting or not self.gate.is_set() or time.monotonic() > until:
                return 0  # not all were looked at: the spokes keep whatever the hub may still have
        kept.oldest_tombstone = min(left, default=0) / MICROSECONDS
        return min(left, default=None)

    def _sweep(self, site: KeptSite, kept: Kept) -> bool:
        """Go on with it for as long as the site's budget lasts; whether it has come to its end."""
        until, ended = time.monotonic() + self._budget(site), False
        while not (ended or self._stopping.is_set()):
            now = time.monotonic()
            if now >= until:
                break
            place = site.sweep(self.settings.sweep_batch)
            kept.found, kept.deleted = place.found, place.deleted
            ended = not place.kind
            if not ended:
                self._stopping.wait(self._rest(time.monotonic() - now))
        self._report(site, kept)
        return ended

    def _report(self, site: KeptSite, kept: Kept) -> None:
        """What the sweep has found."""
        held = sum(site.swept().held.values())
        if held and held != kept.held:
            LOG.warning(
                "%s: %d deletions found by the sweep wait for a person: `viaduct sweep %s`",
                site.name,
                held,
                site.name,
            )
        kept.held = held
        if kept.found or kept.deleted:
            self.wake(site.name)

    def _name(self, site: KeptSite, kept: Kept) -> None:
        """Say which records wait there, each once. An older site has no such list."""
        try:
            kept.waiting, found = site.waiting()
        except ViaductError as error:
            LOG.debug("%s does not tell what waits there: %s", site.name, error)
            return
        told = {(item.ref, item.reason) for item in kept.records}
        kept.records = tuple(found[:NAMED])
        for w in kept.records:
            if (w.ref, w.reason) not in told:
                LOG.warning("%s: %s is %s (%s) %s", site.name, w.ref, w.state, w.reason, w.why)

    def _compare(self, site: KeptSite, kept: Kept) -> None:
        found = compare(self.hub, site)
        kept.differing, kept.missed = len(found.differences), len(found.missed)
        kept.onesided = sum(None in (difference.hub, difference.spoke) for difference in found.missed)
        if kept.onesided > ONESIDED:
            LOG.error(
                "%s and %s: %d records are at one of them only; nothing is shown, as that might delete them: "
                "look at `viaduct compare %s`",
                *(self.hub.name, site.name, kept.onesided, site.name),
            )
        elif found.missed:
            LOG.warning("%s and %s: %d records were missed", self.hub.name, site.name, kept.missed)
            show(found)
            self.wake(self.hub.name)
            self.wake(site.name)

    def _run(self) -> None:
        # not at once: after a start the links have other things to do
        due = time.monotonic() + self.settings.upkeep
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            self.gate.wait()
            due = time.monotonic() + self.settings.upkeep
            try:
                self.round()
            except Exception:
                LOG.exception("an unexpected error in the upkeep")


def compare(hub: SitePort, spoke: SitePort, kinds: frozenset[str] | None = None) -> Comparison:
    """What the two do not agree about (of some kinds). Raises what the sites say."""
    found = Comparison(hub, spoke, kinds)
    found.find()
    return found


def show(found: Comparison) -> int:
    """Have both show what was missed; how many records."""
    missed = found.missed
    for _ in found.showing(missed):
        pass
    return len(missed)
