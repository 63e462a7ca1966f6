"""Which direction is to be worked on when: decisions only, the time is told."""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from dataclasses import dataclass
from itertools import count
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)
NEVER = float("inf")
#: Places for each item, most of them outdated, at which the outdated ones are dropped.
CROWDED = 8


@dataclass(frozen=True, slots=True)
class Rest:
    """Seconds until the next attempt. ``deaf``: no news cuts them short, as after a failure. Nor does any cut
    short the first ``least`` of them, which are waited for in any case.
    """

    wait: float
    deaf: bool = False
    least: float = 0.0


@dataclass(slots=True)
class _Entry:
    """``due`` is when it is to be worked on, ``NEVER`` while it is at work. ``hinted`` is from when on a hint
    is followed, ``meant`` from when on news are.
    """

    due: float = NEVER
    began: float = -NEVER
    hinted: float = -NEVER
    meant: float = -NEVER
    has_hint: bool = False
    has_news: bool = False
    at_work: bool = False


class Agenda(Generic[T]):
    """Who is due comes in the order in which it became due, so who has much to do does not come twice before
    who has waited. Not safe to share between threads.

    Between two attempts that nothing but a hint speaks for there are ``hinted`` seconds at least.
    """

    def __init__(self) -> None:
        self._entries: dict[T, _Entry] = {}
        self._heap: list[tuple[float, int, T]] = []
        self._order = count()

    def add(self, item: T, now: float) -> None:
        """Due at once."""
        self._entries[item] = _Entry()
        self._set(item, now)

    def tell(self, item: T, now: float) -> None:
        """There is news for it: due as soon as its rest allows."""
        entry = self._entries[item]
        if entry.at_work:
            entry.has_news = True
        else:
            self._hasten(item, max(now, entry.meant))

    def hint(self, item: T, now: float, spacing: float) -> None:
        """There may be: due, but not within ``spacing`` seconds of the last attempt's begin."""
        entry = self._entries[item]
        entry.hinted = entry.began + spacing
        if entry.at_work:
            entry.has_hint = True
        else:
            self._hasten(item, max(now, entry.meant, entry.hinted))

    def take(self, now: float) -> list[T]:
        """All that are due; they are at work from now on."""
        found: list[T] = []
        while self._heap and self._heap[0][0] <= now:
            place = heapq.heappop(self._heap)
            if self._is_true(place):
                entry = self._entries[place[2]]
                entry.at_work, entry.due = True, NEVER
                found.append(place[2])
        return found

    def begin(self, item: T, now: float) -> None:
        """Its attempt begins: what was told before is known to it."""
        entry = self._entries[item]
        entry.began, entry.has_news, entry.has_hint = now, False, False

    def end(self, item: T, rest: Rest, now: float) -> None:
        """Its attempt has ended."""
        entry = self._entries[item]
        entry.at_work = False
        due = now + max(0.0, rest.wait, rest.least)
        entry.meant = due if rest.deaf else now + rest.least
        if entry.has_hint:
            due = min(due, max(now, entry.meant, entry.hinted))
        if entry.has_news:
            due = min(due, max(now, entry.meant))
        self._set(item, due)

    def next_at(self) -> float:
        """When the next one is due."""
        while self._heap and not self._is_true(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else NEVER

    def _hasten(self, item: T, due: float) -> None:
        if due < self._entries[item].due:
            self._set(item, due)

    def _set(self, item: T, due: float) -> None:
        self._entries[item].due = due
        heapq.heappush(self._heap, (due, next(self._order), item))
        if len(self._heap) > CROWDED * len(self._entries):
            self._heap = [place for place in self._heap if self._is_true(place)]
            heapq.heapify(self._heap)

    def _is_true(self, place: tuple[float, int, T]) -> bool:
        """Whether it still says when its item is due; one that was hastened has another place by now."""
        entry = self._entries[place[2]]
        return not entry.at_work and entry.due == place[0]
