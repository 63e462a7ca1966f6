"""When to look again: after a success at leisure, after failures with growing, jittered waits."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

#: Seconds for which another transaction may have a source's feed.
FIRST_BUSY, LONGEST_BUSY = 0.05, 1.0


@dataclass
class Pacer:
    """Seconds to wait before the next step.

    A poke ends the wait after a success, never a back-off's first part.
    """

    poll: float
    first: float
    longest: float
    chance: random.Random = field(default_factory=random.Random)
    failures: int = 0
    held: int = 0

    def succeeded(self) -> float:
        """The wait after a step that went well."""
        self.failures = self.held = 0
        # jitter, so that many links do not all look at the hub in the same moment
        return self.poll * self.chance.uniform(0.9, 1.1)

    def held_back(self) -> float:
        """The wait where a source was busy and had nothing to show: as long as a transaction of its may last,
        doubling up to a second.
        """
        self.failures = 0
        bound = min(self.poll, LONGEST_BUSY, FIRST_BUSY * float(2 ** min(self.held, 30)))
        self.held += 1
        return bound * self.chance.uniform(0.5, 1.0)

    def told(self, wait: float) -> float:
        """The wait where a site asks for one; that is no failure, but no site may ask for more than the
        longest.
        """
        return min(self.longest, max(self.first, wait))

    def failed(self) -> float:
        """The wait after one that failed: doubling, up to ``longest``, half of it random."""
        bound = min(self.longest, self.first * float(2 ** min(self.failures, 30)))
        self.failures += 1
        return bound * self.chance.uniform(0.5, 1.0)
