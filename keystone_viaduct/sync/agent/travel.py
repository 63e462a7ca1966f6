"""Changes as they arrive: which record, from where, at which site, after how long. For people; in memory, and
bounded.
"""

from __future__ import annotations

import math
import threading
from array import array
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from keystone_viaduct.clock import MICROSECONDS
from keystone_viaduct.sync.model import Ref, site_of
from keystone_viaduct.sync.wire.carried import Edit

#: Arrivals that are kept in all, and times of travel that are kept of each direction.
ARRIVALS, SAMPLES = 2000, 200

Way = tuple[str, str]
"""Source and target."""


class Arrival(NamedTuple):
    """A change that a site has got. ``at`` in seconds since the epoch, ``lag`` in seconds since the edit,
    as far as the clocks of the two sites agree. ``origin`` is the site that made the edit ('' if the page
    does not tell), ``position`` its number there.

    ``refused``: the target keeps its own until the hub has decided.
    """

    at: float
    source: str
    target: str
    ref: Ref
    name: str
    origin: str
    position: int
    lag: float
    refused: bool


class Times:
    """The latest times of travel over one direction."""

    def __init__(self, most: int = SAMPLES) -> None:
        self._most = most
        self._at = array("d")
        self._lag = array("d")
        self._next = 0
        self.count = 0
        self.total = 0.0

    def add(self, at: float, lag: float) -> None:
        """One more."""
        if len(self._at) < self._most:
            self._at.append(at)
            self._lag.append(lag)
        else:
            self._at[self._next], self._lag[self._next] = at, lag
            self._next = (self._next + 1) % self._most
        self.count += 1
        self.total += lag

    @property
    def points(self) -> list[tuple[float, float]]:
        """When each arrived, and how long it took, the oldest first."""
        both = list(zip(self._at, self._lag, strict=True))
        return both[self._next :] + both[: self._next]


def percentile(lags: Sequence[float], share: float) -> float:
    """The least of them that ``share`` of them do not exceed; 0.0 of none."""
    if not lags:
        return 0.0
    return sorted(lags)[max(0, math.ceil(share * len(lags)) - 1)]


class Travel:
    """Safe to share between threads. ``began``: edits that were made before, in seconds since the epoch, have
    waited for somebody to carry them; that says nothing about how long changes travel.
    """

    def __init__(self, arrivals: int = ARRIVALS, began: float = 0.0) -> None:
        self._began = began
        self._lock = threading.Lock()
        self._arrivals: deque[Arrival] = deque(maxlen=arrivals)
        self._times: dict[Way, Times] = {}
        self.number = 0

    def note(
        self, way: Way, edits: Iterable[Edit], refused: Collection[Ref], at: float, *, loading: bool = False
    ) -> None:
        """The target of ``way`` has got these. What is only shown to the site that made it is no arrival,
        and a first load says nothing about how long changes travel.
        """
        source, target = way
        found: list[Arrival] = []
        for edit in edits:
            origin = site_of(edit.origin) if edit.origin else ""
            if origin == target:
                continue
            lag = max(0.0, at - edit.stamp / MICROSECONDS) if edit.stamp else 0.0
            kept = edit.ref in refused
            found.append(Arrival(at, source, target, edit.ref, edit.name, origin, edit.position, lag, kept))
        with self._lock:
            self.number += len(found)
            self._arrivals.extend(found)
            if not loading:
                times = self._times.setdefault(way, Times())
                for arrival in found:
                    if arrival.origin and arrival.at - arrival.lag >= self._began:
                        times.add(arrival.at, arrival.lag)

    def latest(self, most: int = ARRIVALS) -> list[Arrival]:
        """The latest arrivals first."""
        with self._lock:
            return list(self._arrivals)[::-1][:most]

    def points(self, way: Way) -> list[tuple[float, float]]:
        """As :attr:`Times.points`, of one direction."""
        with self._lock:
            times = self._times.get(way)
            return times.points if times is not None else []

    def spans(self) -> dict[Way, tuple[float, float]]:
        """Of each direction half of the latest times, and 99 in 100, are no longer than that."""
        with self._lock:
            lags = {way: [lag for _, lag in times.points] for way, times in self._times.items()}
        return {way: (percentile(own, 0.5), percentile(own, 0.99)) for way, own in lags.items() if own}
