"""Both directions between two sites, and their starting over together (PROTOCOL rules 8, 9, 13)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from keystone_viaduct.errors import FenceMismatch, NotYet, OldTerm
from keystone_viaduct.sync.link.compare import Comparison
from keystone_viaduct.sync.link.replicator import Progress, Replicator
from keystone_viaduct.sync.ports import SitePort


@dataclass
class Link:
    """A hub and one spoke; its two directions may be stepped by two threads.

    ``restarts`` counts how often a restored backup or a long absence was met.
    """

    hub: SitePort
    spoke: SitePort
    limit: int = 500
    restarts: int = 0
    up: Replicator = field(init=False)
    down: Replicator = field(init=False)

    def __post_init__(self) -> None:
        self.up = Replicator(self.spoke, self.hub, self.limit)
        self.down = Replicator(self.hub, self.spoke, self.limit)
        self._lock = threading.Lock()
        self._starting_over: Iterator[None] | None = self._agree()

    @property
    def is_starting_over(self) -> bool:
        """Whether the two are being compared, or have yet to agree on the hub."""
        return self._starting_over is not None

    def step(self, replicator: Replicator) -> Progress:
        """One page of one direction, or one call of a comparison.

        When a side does not have the history that the other knows, or a reader has missed tombstones that are
        gone, the two are compared: what differs is shown by both, and both go on from there. Before anything
        else they agree on the hub. Raises OldTerm when that is another one than this link's.
        """
        with self._lock:
            if self._starting_over is not None:
                return self._go_on(self._starting_over)
        try:
            return replicator.step()
        except FenceMismatch:
            with self._lock:
                if self._starting_over is None:
                    self.restarts += 1
                    self._starting_over = self._start_over()
            return Progress.MORE

    def _agree(self) -> Iterator[None]:
        """Have a spoke that has not heard of the hub follow it before it numbers anything; compare them."""
        mine, theirs = self.hub.standing(self.spoke.name), self.spoke.standing(self.hub.name)
        if mine.hub != self.hub.name or (theirs.term, theirs.hub) > (mine.term, mine.hub):
            latest = max(mine, theirs, key=lambda standing: (standing.term, standing.hub))
            raise OldTerm(
                f"{self.hub.name} is not the hub any more: {latest.hub} is, since term {latest.term}",
                hint="let the agent work there",
                term=latest.term,
                hub=latest.hub,
            )
        if (theirs.term, theirs.hub) < (mine.term, mine.hub):
            self.spoke.follow(mine.term, mine.hub, mine.fence, mine.lineage)
            yield
            yield from Comparison(self.hub, self.spoke).starting_over()

    def _start_over(self) -> Iterator[None]:
        yield from self._agree()
        yield from Comparison(self.hub, self.spoke).starting_over()

    def _go_on(self, steps: Iterator[None]) -> Progress:
        """The next call; a comparison that fails is dropped, and begun anew when the next page is refused."""
        try:
            next(steps)
            return Progress.MORE
        except (StopIteration, FenceMismatch, NotYet):
            self._starting_over = None
        except BaseException:
            self._starting_over = None
            raise
        self.up.restart()
        self.down.restart()
        return Progress.MORE
