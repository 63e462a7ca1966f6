"""Carries the fleet's Fernet keys from the hub to every site (docs/how-to/rotate-keys.md), without own I/O.

Everything is found out anew in each round, and each call may be repeated, so an agent may die anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from keystone_viaduct.errors import ViaductError
from keystone_viaduct.sync.keyset.model import FleetKeys, HeldKeys
from keystone_viaduct.sync.ports import KeyPort

#: Runs one call for each of many sites, at the same time or one after the other.
Spread = Callable[[Callable[[KeyPort], float], Iterable[KeyPort]], Iterable[float]]


@dataclass
class KeyCarrier:
    """``hub`` and ``spokes`` by name. ``failures``: why a site could not be served in the last round."""

    hub: KeyPort
    spokes: Mapping[str, KeyPort]
    spread: Spread = map
    failures: dict[str, str] = field(default_factory=dict)

    def round(self) -> float:
        """Bring each reachable site one step nearer; the seconds after which there is more to do (0.0: not
        before somebody wants something). Raises what the hub's port raises.
        """
        self.failures = {}
        held = self.hub.held_keys()
        fleets = {name: keys.fleet for name, keys in held.items() if keys.fleet is not None}
        wanted = [site for name, site in self.spokes.items() if any(name in f.sites for f in fleets.values())]
        waits = list(self.spread(lambda site: self._serve(fleets, site), wanted))
        waits += [self.hub.advance_keys(repository) for repository in fleets]
        return min((wait for wait in waits if wait), default=0.0)

    def _serve(self, fleets: Mapping[str, FleetKeys], site: KeyPort) -> float:
        """All repositories of one site, which is asked once what it holds."""
        waits: list[float] = []
        try:
            held = site.held_keys()
        except ViaductError as error:
            self.failures[site.name] = error.message
            return 0.0
        for repository, fleet in fleets.items():
            if site.name in fleet.sites:
                try:
                    waits.append(self._bring(repository, fleet, site, held.get(repository)))
                except ViaductError as error:
                    self.failures[site.name] = f"{repository}: {error.message}"
        return min((wait for wait in waits if wait), default=0.0)

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
