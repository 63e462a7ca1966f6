"""How often something may be done: a bucket of tokens for each name. No I/O: time is told by who asks."""

from __future__ import annotations

import threading

MICROSECONDS = 1_000_000


class Bucket:
    """``rate`` tokens come each second, and at most ``burst`` are kept; at first it is full.

    Counted in tokens times microseconds, in whole numbers, so that nothing is lost by rounding.
    """

    def __init__(self, rate: int, burst: int, now: int) -> None:
        self._rate = rate
        self._full = burst * MICROSECONDS
        self._level = self._full
        self._at = now

    def take(self, number: int, now: int) -> float:
        """Take so many tokens at ``now`` (microseconds); 0.0, or if there are too few, none is taken: the
        seconds until there will be enough.

        More than fit in are given when it is full, and owed then. A clock that is set back costs no tokens.
        """
        self._level = min(self._full, self._level + max(0, now - self._at) * self._rate)
        self._at = now
        wanted = min(number * MICROSECONDS, self._full)
        if self._level >= wanted:
            self._level -= number * MICROSECONDS
            return 0.0
        return -((self._level - wanted) // self._rate) / MICROSECONDS

    def charge(self, number: int) -> None:
        """Take so many that were had already: what is missing is owed."""
        self._level -= number * MICROSECONDS


class Rates:
    """A bucket for each name; ``rate`` 0 stands for no bound. Safe to share between threads.

    The caller sees to it that there are not too many names.
    """

    def __init__(self, rate: int, burst: int) -> None:
        self.rate = rate
        self._burst = burst
        self._buckets: dict[str, Bucket] = {}
        self._lock = threading.Lock()

    def take(self, name: str, number: int, now: int) -> float:
        """As :meth:`Bucket.take`."""
        if not self.rate:
            return 0.0
        with self._lock:
            if name not in self._buckets:
                self._buckets[name] = Bucket(self.rate, self._burst, now)
            return self._buckets[name].take(number, now)

    def charge(self, name: str, number: int) -> None:
        """As :meth:`Bucket.charge`, of who has taken some before."""
        with self._lock:
            if self.rate and name in self._buckets:
                self._buckets[name].charge(number)
