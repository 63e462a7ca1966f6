"""How long to wait between attempts: exponentially growing, with full jitter, up to a deadline."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """``first`` and ``longest`` bound the random waits, ``deadline`` the whole; in seconds."""

    first: float = 0.01
    longest: float = 1.0
    deadline: float = 20.0
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    uniform: Callable[[float, float], float] = random.uniform

    def begin(self) -> Waits:
        """Start the clock of one call."""
        return Waits(self, self.monotonic())


@dataclass
class Waits:
    """The waits of one call."""

    backoff: Backoff
    began: float
    attempts: int = 1

    def wait(self) -> float | None:
        """Wait before the next attempt and return for how long; None when the deadline allows no other
        attempt.
        """
        ceiling = min(self.backoff.longest, self.backoff.first * 2 ** min(self.attempts - 1, 30))
        delay = self.backoff.uniform(0.0, ceiling)
        if self.backoff.monotonic() + delay - self.began > self.backoff.deadline:
            return None
        self.attempts += 1
        self.backoff.sleep(delay)
        return delay
