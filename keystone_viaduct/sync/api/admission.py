"""How fast a spoke may have its changes applied at the hub: one that is trusted with less, and any other."""

from __future__ import annotations

from collections.abc import Callable

from keystone_viaduct.errors import TooFast
from keystone_viaduct.sync.model import Page, SiteState, Volume
from keystone_viaduct.sync.rate import Rates

#: Changes per second and spoke, unless an option says otherwise.
RATE = 500
#: Seconds' worth of changes that may come at once.
BURST = 10
#: A page counts as so many changes at least: an empty one is a transaction, too.
LEAST = 10
#: A change that is refused counts as so many: it is judged at length, listed, and answered to all sites.
REFUSED = 100
#: Where more changes than this wait of a spoke, or bytes of them, each further one counts as so many, and as
#: twice as many for each time that again: it could fill the hub's database with what comes to nothing.
MOST_WAITING, MOST_WAITING_BYTES, CROWDED = 20_000, 64 * 1024 * 1024, 10
#: A spoke that may change everything has so many times all that: a multiple of what a hub applies of one
#: link, so that neither a first load nor a region's own work meets it. Beyond, each change counts as
#: ``CROWDED``, and so does one that is put back or listed.
FULL = 10
#: Conflicts from a full spoke that nobody has looked at; and how often it is counted what it is over, in
#: seconds.
MOST_LISTED, LOOK = 100_000, 60
MICROSECONDS = 1_000_000


def rates(changes_per_second: int) -> Rates:
    """What is counted for each spoke; 0 for no bound."""
    return Rates(changes_per_second, changes_per_second * BURST)


class Counters:
    """Of one worker process: what each spoke has shown. A limited one may show ``limited`` changes per second
    (0: no bound).
    """

    def __init__(self, limited: int = RATE) -> None:
        self.limited = rates(limited)
        self.crowded = rates(RATE)
        self.full = rates(FULL * RATE)
        self._looked: dict[str, tuple[int, bool]] = {}

    def is_over(self, source: str, now: int, look: Callable[[], bool]) -> bool:
        """What ``look`` says of a full spoke, asked now and then only: it counts rows."""
        at, found = self._looked.get(source, (0, False))
        if not at <= now < at + LOOK * MICROSECONDS:
            found = look()
            self._looked[source] = now, found
        return found


class Admission:
    """Of one page. It is counted once, however often its transaction is run again, and also if it is refused
    for another reason: judging it is work as well.
    """

    def __init__(self, counters: Counters, page: Page) -> None:
        self._counters = counters
        self._page = page
        self._passed = False
        self._full = False

    def check(
        self, state: SiteState, now: int, waiting: Callable[[], Volume], listed: Callable[[int], int]
    ) -> None:
        """Raise TooFast when the page has to wait. Its source is registered; ``now`` in microseconds;
        ``waiting``: what waits of it already; ``listed(most)``: how many conflicts from there nobody has
        looked at, counted up to ``most``.
        """
        if self._passed or not state.is_hub:
            return
        self._full = state.charter.delegation_of(self._page.source).is_full
        if self._full:
            self._check_full(now, waiting, listed)
        else:
            self._check_limited(now, waiting)
        self._passed = True

    def settle(self, reverted: int, listed: int) -> None:
        """The page was applied, so many of its changes were put back and so many listed: the next one waits
        the longer.
        """
        if self._full:
            self._counters.full.charge(self._page.source, max(reverted, listed) * (CROWDED - 1))
        else:
            self._counters.limited.charge(self._page.source, reverted * (REFUSED - 1))

    def _check_full(self, now: int, waiting: Callable[[], Volume], listed: Callable[[int], int]) -> None:
        """A full spoke is never refused: it brings what its region does. Beyond its budget it is slower."""
        source, number = self._page.source, len(self._page.changes)

        def look() -> bool:
            volume = waiting()
            crowd = max(volume.rows // MOST_WAITING, volume.size // MOST_WAITING_BYTES)
            return crowd >= FULL or listed(MOST_LISTED) >= MOST_LISTED

        times = CROWDED if number and self._counters.is_over(source, now, look) else 1
        wait = self._counters.full.take(source, max(number * times, LEAST), now)
        if wait:
            raise TooFast(
                f"{source} has shown more than {self._counters.full.rate} changes per second"
                if times == 1
                else f"much of {source} waits at the hub, or is listed there and nobody has looked at it",
                hint="the agent brings the rest by itself; `viaduct status` and `viaduct conflicts list` say "
                "what there is of that site",
                wait=wait,
            )

    def _check_limited(self, now: int, waiting: Callable[[], Volume]) -> None:
        source, counted = self._page.source, self._counters.limited
        wait = counted.take(source, max(len(self._page.changes), LEAST), now)
        if wait:
            raise TooFast(
                f"{source} has shown more changes than {counted.rate} per second",
                hint="the agent waits by itself; how many the hub takes of a limited site is set there by "
                "[viaduct] limited_changes_per_second",
                wait=wait,
            )
        if self._page.changes:
            self._slow_down(source, waiting(), now)

    def _slow_down(self, source: str, waiting: Volume, now: int) -> None:
        """Let in what comes, but slower the more of it waits: what it waits for may come last."""
        times = max(waiting.rows // MOST_WAITING, waiting.size // MOST_WAITING_BYTES)
        if not times:
            return
        number = len(self._page.changes)
        wait = self._counters.crowded.take(source, number * CROWDED * 2 ** min(times - 1, 20), now)
        if wait:
            raise TooFast(
                f"{waiting.rows} changes of {source} ({waiting.size >> 20} MiB) wait at the hub",
                hint="the agent brings more, slower and slower; `viaduct status` says what they wait for",
                wait=wait,
            )
