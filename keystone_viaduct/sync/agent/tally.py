"""What a direction has carried, counted to be shown: by kind, and how long each catching up took."""

from __future__ import annotations

import bisect
import threading
from collections import Counter
from collections.abc import Iterable

from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import Ref

#: Upper bounds of the classes of a histogram of seconds; the last one has none.
BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
BROUGHT, REFUSED = "brought", "refused"
#: What stands for a kind that this release does not know: labels are bounded.
OTHER = "other"


class Histogram:
    """How often something took how long. Safe to share between threads."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self._sum = 0.0
        self._lock = threading.Lock()

    def add(self, seconds: float) -> None:
        """One more."""
        with self._lock:
            self._counts[bisect.bisect_left(BOUNDS, seconds)] += 1
            self._sum += seconds

    def read(self) -> tuple[list[tuple[str, float]], float]:
        """As Prometheus has it: bound -> how many at most that long, and the sum of all."""
        with self._lock:
            counts, total = list(self._counts), self._sum
        seen, found = 0, []
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), counts, strict=True):
            seen += count
            found.append((bound, float(seen)))
        return found, total


class Tally:
    """Changes of a direction by kind and result, and its histogram of lag."""

    def __init__(self) -> None:
        self.lag = Histogram()
        self._records: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    def page(self, brought: Iterable[Ref], refused: Iterable[Ref]) -> None:
        """A page was applied: what came with it, and what of that the target has answered with its own."""
        with self._lock:
            for result, refs in ((BROUGHT, brought), (REFUSED, refused)):
                for ref in refs:
                    self._records[ref.kind if ref.kind in REGISTRY else OTHER, result] += 1

    def records(self) -> dict[tuple[str, str], int]:
        """How many of each kind, by result."""
        with self._lock:
            return dict(self._records)
