"""Both directions between two sites, and their starting over together (PROTOCOL rules 8, 9, 13)."""

from __future__ import annotations

from dataclasses import dataclass, field

from keystone_viaduct.errors import FenceMismatch
from keystone_viaduct.sync.link.replicator import Progress, Replicator
from keystone_viaduct.sync.ports import SitePort


@dataclass
class Link:
    """A hub and one spoke. ``restarts`` counts how often a restored backup or a long absence was met."""

    hub: SitePort
    spoke: SitePort
    limit: int = 500
    restarts: int = 0
    up: Replicator = field(init=False)
    down: Replicator = field(init=False)

    def __post_init__(self) -> None:
        self.up = Replicator(self.spoke, self.hub, self.limit)
        self.down = Replicator(self.hub, self.spoke, self.limit)

    def step(self, replicator: Replicator) -> Progress:
        """One page of one direction.

        When a side does not have the history that the other knows, or a reader has missed tombstones that are
        gone, both feeds are read again from the start: each finds by versions what it lacks.
        """
        try:
            return replicator.step()
        except FenceMismatch:
            self.restarts += 1
            self.hub.forget(self.spoke.name)
            self.spoke.forget(self.hub.name)
            self.up.restart()
            self.down.restart()
            return Progress.MORE
