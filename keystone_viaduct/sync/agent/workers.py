"""A bounded number of threads for any number of directions, such that a site that is slow, hostile or dead
takes no thread from another.

A step that takes far longer than others do keeps its thread, and another thread takes its place: so many that
get on are at work however many hang. There are two directions for each site, so that is the most that one can
hold. Where all steps are slow, as when the hub has much to do, none of them hangs: more threads would only
give the hub more to do.
"""

from __future__ import annotations

import logging
import statistics
import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import Protocol

from keystone_viaduct.sync.agent.agenda import NEVER, Agenda, Rest

LOG = logging.getLogger(__name__)
#: Steps that are under way at the same time, but those that hang.
AT_ONCE = 32
#: Threads at most, however many hang.
MOST = 256
#: A step is taken to hang after so many times what is usual, but within these bounds of seconds.
SLOWER, HANGING, HANGING_MOST = 4.0, 1.0, 10.0
#: Steps by which it is seen what is usual.
LAST = 63
#: Seconds of rest after an attempt that raises what none should.
FAULTY = 60.0


class Worked(Protocol):
    """What is worked on."""

    def attempt(self) -> Rest:
        """One step; never raises."""

    def __hash__(self) -> int: ...


class Pace:
    """After how many seconds a step is taken to hang: more where the others are slow, too."""

    def __init__(self, least: float = HANGING) -> None:
        self._least = self.hanging = least
        self._last: deque[float] = deque(maxlen=LAST)

    def see(self, seconds: float) -> None:
        """A step has taken so long."""
        self._last.append(seconds)
        self.hanging = max(self._least, min(HANGING_MOST, SLOWER * statistics.median(self._last)))


class Workers:
    """Works on what is due while ``gate`` is open."""

    def __init__(self, gate: threading.Event, at_once: int = AT_ONCE, hanging: float = HANGING) -> None:
        self._gate = gate
        self._at_once = at_once
        self._pace = Pace(hanging)
        self._agenda: Agenda[Worked] = Agenda()
        self._due: deque[Worked] = deque()
        self._began: dict[Worked, float] = {}
        self._threads: set[threading.Thread] = set()
        self._number = 0
        self._stopping = False
        self._is_short = False  # the machine gives no more threads
        self._looks_at = -NEVER  # when the keeper looks again, if nobody wakes it
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._wanted = threading.Condition(self._lock)
        self._keeper = threading.Thread(target=self._keep, name="agenda", daemon=True)

    @property
    def hanging(self) -> int:
        """Steps that take longer than they should."""
        with self._lock:
            return self._count_hanging(time.monotonic())

    @property
    def threads(self) -> int:
        """How many there are."""
        with self._lock:
            return len(self._threads)

    def start(self, items: Iterable[Worked]) -> None:
        """Begin to work on all of these."""
        with self._lock:
            for item in items:
                self._agenda.add(item, time.monotonic())
        self._keeper.start()

    def tell(self, item: Worked) -> None:
        """There is news for it."""
        with self._lock:
            if self._is_at_work:
                self._agenda.tell(item, time.monotonic())
                self._wake()

    def hint(self, item: Worked, spacing: float) -> None:
        """There may be; it is not followed within so many seconds of the last attempt."""
        with self._lock:
            if self._is_at_work:
                self._agenda.hint(item, time.monotonic(), spacing)
                self._wake()

    @property
    def _is_at_work(self) -> bool:
        return self._keeper.is_alive() and not self._stopping

    def stop(self) -> None:
        """Begin no more steps."""
        with self._lock:
            self._stopping = True
            self._changed.notify_all()
            self._wanted.notify_all()

    def join(self, patience: float) -> bool:
        """Whether all steps under way have ended within so many seconds."""
        until = time.monotonic() + patience
        with self._lock:
            threads = [thread for thread in (self._keeper, *self._threads) if thread.is_alive()]
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _keep(self) -> None:
        """Move what is due to where threads take it from, and see that there are enough of them."""
        with self._lock:
            while not self._stopping:
                now = time.monotonic()
                self._due.extend(self._agenda.take(now))
                self._provide(now)
                # who waits for a thread may get one as soon as a step is seen to hang
                longest = self._pace.hanging / 2 if self._due else NEVER
                self._looks_at = min(self._agenda.next_at(), now + longest)
                if self._looks_at > now:
                    self._changed.wait(None if self._looks_at == NEVER else self._looks_at - now)

    def _wake(self) -> None:
        """Have the keeper look, if something is due before it would."""
        if self._agenda.next_at() < self._looks_at:
            self._looks_at = -NEVER
            self._changed.notify()

    def _provide(self, now: float) -> None:
        idle = len(self._threads) - len(self._began)
        for _ in range(min(idle, len(self._due))):
            self._wanted.notify()
        room = min(MOST, self._at_once + self._count_hanging(now)) - len(self._threads)
        for _ in range(min(room, len(self._due) - idle)):
            self._number += 1
            thread = threading.Thread(target=self._work, name=f"step-{self._number}", daemon=True)
            self._threads.add(thread)
            try:
                thread.start()
            except RuntimeError as error:  # who is due waits for those that there are
                self._threads.discard(thread)
                if not self._is_short:
                    LOG.warning("no more threads can be had than %s: %s", len(self._threads), error)
                self._is_short = True
                return
            self._is_short = False

    def _is_one_too_many(self) -> bool:
        """Whether those that hung have come back, so that one thread has to go."""
        return len(self._threads) > self._at_once + self._count_hanging(time.monotonic())

    def _count_hanging(self, now: float) -> int:
        return sum(now - began >= self._pace.hanging for began in self._began.values())

    def _work(self) -> None:
        try:
            while (item := self._next()) is not None:
                rest = _attempted(item)
                with self._lock:
                    now = time.monotonic()
                    self._pace.see(now - self._began.pop(item))
                    self._agenda.end(item, rest, now)
                    self._wake()
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())

    def _next(self) -> Worked | None:
        """What to work on; None when this thread is to end."""
        while True:
            if not self._stopping:  # all are let through once they are to end, and it may be closed since
                self._gate.wait()
            with self._lock:
                while not self._due and not self._stopping and not self._is_one_too_many():
                    self._wanted.wait()
                if self._stopping or self._is_one_too_many():
                    return None
                if not self._gate.is_set():
                    continue  # it was closed while this thread had nothing to do
                item = self._due.popleft()
                now = time.monotonic()
                self._began[item] = now
                self._agenda.begin(item, now)
                return item


def _attempted(item: Worked) -> Rest:
    try:
        return item.attempt()
    except Exception:
        LOG.exception("an attempt has failed as none should")
        return Rest(FAULTY, deaf=True)
