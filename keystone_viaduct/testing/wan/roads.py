"""When a packet from one site reaches another, if it does."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field


@dataclass
class Road:
    """One direction between two sites. ``delay`` in seconds; ``carried`` and ``dropped`` count packets."""

    delay: float = 0.0
    cut: bool = False
    carried: int = 0
    dropped: int = 0
    last_due: float = field(default=0.0, repr=False)


class Roads:
    """All roads between sites numbered from 1, and the packets under way on them.

    Times are seconds of any monotonic clock. A cut road drops what is on it, as an unplugged cable would.
    """

    def __init__(self, sites: int, delay: float = 0.0) -> None:
        self.sites = sites
        self._roads = {
            (source, target): Road(delay) for source, target in itertools.permutations(range(1, sites + 1), 2)
        }
        self._under_way: list[tuple[float, int, int, int, bytes]] = []
        self._order = itertools.count()

    def __getitem__(self, ends: tuple[int, int]) -> Road:
        """The road from the first to the second site."""
        return self._roads[ends]

    def set_delay(self, seconds: float) -> None:
        """Let every packet that sets out from now on need so long, in each direction."""
        for road in self._roads.values():
            road.delay = seconds

    def cut(self, site: int, other: int | None = None, *, healed: bool = False) -> None:
        """Cut (or heal) both directions between ``site`` and ``other``, or between it and all others."""
        for ends, road in self._roads.items():
            if site in ends and (other is None or other in ends):
                road.cut = not healed

    def send(self, source: int, packet: bytes, now: float) -> None:
        """Send an IPv4 packet on its way; what is addressed to none of the sites is dropped."""
        target = packet[19] if len(packet) >= 20 and packet[0] >> 4 == 4 else 0
        road = self._roads.get((source, target))
        if road is None:
            return
        if road.cut:
            road.dropped += 1
            return
        road.last_due = max(road.last_due, now + road.delay)  # packets do not overtake each other
        heapq.heappush(self._under_way, (road.last_due, next(self._order), source, target, packet))

    def arrived(self, now: float) -> list[tuple[int, bytes]]:
        """The packets that have arrived by now, each with its target."""
        arrived = []
        while self._under_way and self._under_way[0][0] <= now:
            _due, _order, source, target, packet = heapq.heappop(self._under_way)
            road = self._roads[source, target]
            if road.cut:
                road.dropped += 1
                continue
            road.carried += 1
            arrived.append((target, packet))
        return arrived

    def next_arrival(self) -> float | None:
        """When the next packet arrives; None when none is under way."""
        return self._under_way[0][0] if self._under_way else None
