"""Tables whose steps can be counted, interrupted, answered late, and taken by several clients in any
order.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from typing import Any

from keystone_viaduct.cassandra.records.ports import Tables
from keystone_viaduct.drivers.backoff import Backoff
from keystone_viaduct.errors import OutcomeUnknown

CONDITIONAL = frozenset({"write", "claim", "reclaim", "unclaim"})

Perform = Callable[[], Any]
Step = Callable[[str, Perform], Any]
"""Takes one step, given its name and what performs it."""


class Crashed(BaseException):
    """The client died here. No ``except Exception`` sees it, as none sees a kill."""


class Stepping:
    """``Tables`` of which each step is taken by ``step``."""

    def __init__(self, tables: Tables, step: Step) -> None:
        self._tables = tables
        self._step = step

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._tables, name)

        def taken(*args: Any, **kwargs: Any) -> Any:
            return self._step(name, lambda: method(*args, **kwargs))

        return taken


def dying_after(number: int) -> Step:
    """A client that dies after so many steps."""
    taken = 0

    def step(_name: str, perform: Perform) -> Any:
        nonlocal taken
        if taken >= number:
            raise Crashed
        taken += 1
        result = perform()
        if taken == number:
            raise Crashed
        return result

    return step


def interrupted(stop: str, meanwhile: Callable[[], object], number: int = 1) -> Step:
    """A client that pauses before its step of that name and number, while something else is done."""
    met = 0

    def step(name: str, perform: Perform) -> Any:
        nonlocal met
        if name == stop:
            met += 1
            if met == number:
                meanwhile()
        return perform()

    return step


def patient(attempts: int = 200) -> Backoff:
    """Waits that take no time: so many attempts, then the deadline has passed."""
    now = 0.0

    def monotonic() -> float:
        nonlocal now
        now += 1.0
        return now

    return Backoff(
        deadline=2.0 * attempts, monotonic=monotonic, sleep=lambda _: None, uniform=lambda a, b: 0.0
    )


class Chance:
    """What befalls a step: death before it or after, or an answer that is lost.

    A lost conditional step has not been taken, or has, or is taken later, when nobody waits for it any more.
    """

    def __init__(self, rng: random.Random, death: float, loss: float) -> None:
        self._rng = rng
        self._death, self._loss = death, loss
        self.late: list[Perform] = []

    def step(self, name: str, perform: Perform) -> Any:
        """Take it, or not."""
        self._die()
        if name in CONDITIONAL and self._rng.random() < self._loss:
            self._rng.choice((perform, lambda: self.late.append(perform), lambda: None))()
            raise OutcomeUnknown("lost")
        result = perform()
        self._die()
        return result

    def _die(self) -> None:
        if self._rng.random() < self._death:
            raise Crashed

    def arrive(self) -> None:
        """Take one of the late steps, perhaps."""
        if self.late and self._rng.random() < 0.3:
            self.late.pop(self._rng.randrange(len(self.late)))()


class Interleaving:
    """Clients in threads, of which one at a time takes one step, chosen at random."""

    def __init__(self, rng: random.Random, after_each: Callable[[], None]) -> None:
        self._rng = rng
        self._after_each = after_each
        self._turns: dict[int, threading.Semaphore] = {}
        self._parked = threading.Semaphore(0)
        self._mine = threading.local()

    def around(self, step: Step) -> Step:
        """The same step, taken when it is its client's turn."""

        def waiting(name: str, perform: Perform) -> Any:
            self._parked.release()
            self._turns[self._mine.number].acquire()
            return step(name, perform)

        return waiting

    def run(self, works: Sequence[Callable[[], None]]) -> None:
        """Run all of them to their ends; raises what ``after_each`` raises."""
        running = set(range(len(works)))
        ended: list[int] = []
        self._turns = {number: threading.Semaphore(0) for number in running}

        def work(number: int) -> None:
            self._mine.number = number
            try:
                works[number]()
            finally:
                ended.append(number)
                self._parked.release()

        threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in running]
        for thread in threads:
            thread.start()
            self._parked.acquire()  # at its first step, or through
        failure: Exception | None = None
        while running := running - set(ended):
            self._turns[self._rng.choice(sorted(running))].release()
            self._parked.acquire()
            try:
                self._after_each()
            except AssertionError as error:
                failure = failure or error
        if failure is not None:
            raise failure
