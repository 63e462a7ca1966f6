"""Carries the keys of tokens from the hub to every site (docs/how-to/rotate-keys.md), without own I/O.

Everything is found out anew in each round, and each call may be repeated, so an agent may die anywhere.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from keystone_viaduct.errors import ViaductError
from keystone_viaduct.sync.keyset.model import FleetKeys, HeldKeys
from keystone_viaduct.sync.keyset.public import JWS, HeldPublic, PublicFleet
from keystone_viaduct.sync.link.publickeys import SOON, collect, is_complete
from keystone_viaduct.sync.ports import KeyPort

LOG = logging.getLogger(__name__)
T = TypeVar("T")
#: Runs one call for each of many sites, at the same time or one after the other.
Spread = Callable[[Callable[[KeyPort], float], Iterable[KeyPort]], Iterable[float]]


@dataclass
class KeyCarrier:
    """``hub`` and ``spokes`` by name. ``failures``: why a site could not be served in the last round.

    ``ready(site)``: whether a spoke is linked; one that has yet to be let in gets no keys.
    """

    hub: KeyPort
    spokes: Mapping[str, KeyPort]
    spread: Spread = map
    ready: Callable[[str], bool] = lambda site: True
    failures: dict[str, str] = field(default_factory=dict)
    _lacking: list[KeyPort] = field(default_factory=list)
    _has_news: bool = False

    def round(self) -> float:
        """Bring each reachable site one step nearer; the seconds after which there is more to do (0.0: not
        before somebody wants something). Raises what the hub's port raises.
        """
        self.failures = {}
        held = self.hub.held_keys()
        public = held.public.fleet if held.public is not None else None
        fleets = {name: keys.fleet for name, keys in held.repositories.items() if keys.fleet is not None}
        concerned = {site for fleet in fleets.values() for site in fleet.sites}
        concerned |= set(public.sites) if public is not None else set()
        wanted = [site for name, site in self.spokes.items() if name in concerned and self.ready(name)]
        self._lacking, self._has_news = [], False
        waits = list(self.spread(lambda site: self._serve(fleets, public, site), wanted))
        waits += [self.hub.advance_keys(repository) for repository in fleets]
        if public is not None:
            waits.append(self._share(public))
        return min((wait for wait in waits if wait), default=0.0)

    def _share(self, public: PublicFleet) -> float:
        """Give the public keys to who lacks some, unless the fleet's keys have just become others."""
        self.hub.advance_public()
        if self._has_news:
            return SOON
        return max(self.spread(lambda site: self._give(public, site), self._lacking), default=0.0)

    def _give(self, public: PublicFleet, site: KeyPort) -> float:
        def work() -> float:
            site.take_public(list(public.keys.values()), public.statement)
            return SOON

        return self._noting(site, JWS, work) or 0.0

    def _noting(self, site: KeyPort, repository: str, work: Callable[[], T]) -> T | None:
        """What ``work`` gives; None, and why is noted, where it could not be done: the others are served."""
        where = f"{repository}: " if repository else ""
        try:
            return work()
        except ViaductError as error:
            self.failures[site.name] = f"{where}{error.message}"
        except Exception as error:
            LOG.exception("keys: an unexpected error at %s", site.name)
            self.failures[site.name] = f"{where}{type(error).__name__}: {error}"
        return None

    def _serve(self, fleets: Mapping[str, FleetKeys], public: PublicFleet | None, site: KeyPort) -> float:
        """All repositories of one site, which is asked once what it holds."""
        held = self._noting(site, "", site.held_keys)
        if held is None:
            return 0.0
        waits = [
            self._noting(site, name, partial(self._bring, name, fleet, site, held.repositories.get(name)))
            for name, fleet in fleets.items()
            if site.name in fleet.sites
        ]
        if public is not None and site.name in public.sites:
            self._noting(site, JWS, partial(self._collect, public, site, held.public))
        return min((wait for wait in waits if wait), default=0.0)

    def _collect(self, public: PublicFleet, site: KeyPort, held: HeldPublic | None) -> None:
        if collect(self.hub, public, site, held):
            self._has_news = True
        if held is not None and not is_complete(public, held):
            self._lacking.append(site)

    def _bring(self, repository: str, fleet: FleetKeys, site: KeyPort, held: HeldKeys | None) -> float:
        if held is None:
            self.failures[site.name] = f"it has no key repository {repository}"
            return 0.0
        is_news = site.name not in fleet.confirmed
        if held.state.digest == fleet.digest:
            if is_news:
                self.hub.confirm_keys(repository, site.name, fleet.digest)
                return 0.1
            return 0.0
        if held.state.primary not in fleet.known:
            sealed = site.sealed_keys(repository, self.hub.name)
            self.hub.import_keys(repository, site.name, sealed)
            return 0.1
        if not is_news:  # it held them, and does not any more: nothing is promoted meanwhile
            self.hub.confirm_keys(repository, site.name, held.state.digest)
        return site.take_keys(repository, self.hub.sealed_keys(repository, site.name)) or 0.1
