"""The only reader of time: everything else is given ``now``."""

from __future__ import annotations

import time
from typing import Protocol

#: In a second.
MICROSECONDS = 1_000_000


class Clock(Protocol):
    """Wall-clock time in microseconds since the epoch, UTC."""

    def now(self) -> int:
        """Current time in microseconds."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """Current time in microseconds."""
        return time.time_ns() // 1000


class ManualClock:
    """A clock that a test or a simulation moves by hand."""

    def __init__(self, start: int = 1_700_000_000_000_000) -> None:
        self.value = start

    def now(self) -> int:
        """Current time in microseconds."""
        return self.value

    def advance(self, microseconds: int) -> None:
        """Move the clock (backwards too: clocks jump)."""
        self.value += microseconds
