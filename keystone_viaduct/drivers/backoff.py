"""How long to wait between attempts: exponentially growing, with full jitter, up to a deadline."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """``first`` and ``longest`` bound the random waits, ``deadline`` the whole; in seconds.

    ``refused_deadline`` takes the place of ``deadline`` while the server refuses to serve anybody.
    """

    first: float = 0.01
    longest: float = 1.0
    deadline: float = 20.0
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    uniform: Callable[[float, float], float] = random.uniform
    refused_deadline: float = 1.0

    def begin(self) -> Waits:
        """Start the clock of one call."""
        return Waits(self, self.monotonic())


@dataclass(slots=True)
class Waits:
    """The waits of one call."""

    backoff: Backoff
    began: float
    attempts: int = 1

    failed: float | None = None

    def spent(self) -> float:
        """Seconds since the first attempt failed; 0 when none did."""
        return 0.0 if self.failed is None else self.backoff.monotonic() - self.failed

    def wait(self, *, refused: bool = False) -> float | None:
        """Wait before the next attempt and return for how long; None when the deadline allows no other
        attempt.
        """
        deadline = self.backoff.refused_deadline if refused else self.backoff.deadline
        if self.failed is None:
            self.failed = self.backoff.monotonic()
        ceiling = min(self.backoff.longest, self.backoff.first * 2 ** min(self.attempts - 1, 30))
        delay = self.backoff.uniform(0.0, ceiling)
        if self.backoff.monotonic() + delay - self.began > deadline:
            return None
        self.attempts += 1
        self.backoff.sleep(delay)
        return delay
