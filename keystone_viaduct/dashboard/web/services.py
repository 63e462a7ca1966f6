"""What all pages need, put together once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from keystone_viaduct.dashboard.access import Forms, Sessions
from keystone_viaduct.dashboard.keystone import Door, People
from keystone_viaduct.dashboard.roads import Roads
from keystone_viaduct.dashboard.state import Fleet
from keystone_viaduct.dashboard.surveys import Surveys
from keystone_viaduct.dashboard.view.fleet import Row, healths, rows
from keystone_viaduct.dashboard.view.health import Headline, Health, headline, waiting_for_a_person
from keystone_viaduct.dashboard.view.journeys import Seen
from keystone_viaduct.sync.agent.dashboard import DashboardSettings
from keystone_viaduct.sync.agent.travel import Way
from keystone_viaduct.sync.rate import Rates

#: Seconds for which one look at the agent serves all pages.
SHARED = 0.5
#: Log-ins of one address per second, and at once; addresses that are told apart.
LOGINS, LOGINS_AT_ONCE, ADDRESSES = 1, 10, 10_000


class Seeing(Protocol):
    """What is known of the fleet."""

    def fleet(self) -> Fleet:
        """The state now."""

    def stamp(self) -> tuple[object, ...]:
        """Differs when a page may look otherwise."""

    def seen(self) -> list[Seen]:
        """The latest arrivals first."""

    def points(self, way: Way) -> list[tuple[float, float]]:
        """When changes arrived over a direction, and how long they took."""


class Asking(Protocol):
    """What is asked of the sites in the background."""

    def looking(self) -> None:
        """Somebody looks at a page."""

    def refresh(self, *names: str) -> None:
        """Something was changed at these sites."""


class Moment(NamedTuple):
    """The fleet at one moment, with what follows from it. ``stuck``: records that wait for a person."""

    fleet: Fleet
    healths: dict[str, Health]
    headline: Headline
    rows: list[Row]
    stuck: int


@dataclass
class Services:
    """``clock`` in seconds since the epoch."""

    settings: DashboardSettings
    seeing: Seeing
    asking: Asking
    door: Door
    people: People
    surveys: Surveys
    sessions: Sessions
    clock: Callable[[], float]
    roads: Roads | None = None
    forms: Forms = field(default_factory=Forms)
    stopping: threading.Event = field(default_factory=threading.Event)
    logins: Rates = field(default_factory=lambda: Rates(LOGINS, LOGINS_AT_ONCE))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _known: Any = None
    _known_at: float = float("-inf")

    def now(self) -> Moment:
        """The fleet now, or half a second ago."""
        with self._lock:
            at = self.clock()
            if self._known is None or not 0 <= at - self._known_at < SHARED:
                fleet = self.seeing.fleet()
                found = healths(fleet)
                told = headline(fleet, found)
                self._known = Moment(fleet, found, told, rows(fleet, found), waiting_for_a_person(fleet))
                self._known_at = at
            known: Moment = self._known
            return known

    def forget(self) -> None:
        """What was known is out of date: something was done."""
        with self._lock:
            self._known = None
