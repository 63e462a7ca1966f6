"""How fast a spoke that is trusted with less may have its changes applied at the hub."""

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


def rates(changes_per_second: int) -> Rates:
    """What is counted for each spoke; 0 for no bound."""
    return Rates(changes_per_second, changes_per_second * BURST)


class Admission:
    """Of one page. It is counted once, however often its transaction is run again, and also if it is refused
    for another reason: judging it is work as well.
    """

    def __init__(self, counted: Rates, crowded: Rates, page: Page) -> None:
        self._counted = counted
        self._crowded = crowded
        self._page = page
        self._passed = False

    def check(self, state: SiteState, now: int, waiting: Callable[[], Volume]) -> None:
        """Raise TooFast when the page has to wait. Its source is registered; ``now`` in microseconds;
        ``waiting``: what waits of it already.
        """
        source = self._page.source
        if self._passed or not state.is_hub or state.charter.delegation_of(source).is_full:
            return
        wait = self._counted.take(source, max(len(self._page.changes), LEAST), now)
        if wait:
            raise TooFast(
                f"{source} has shown more changes than {self._counted.rate} per second",
                hint="the agent waits by itself; how many the hub takes of a limited site is set there by "
                "[viaduct] limited_changes_per_second",
                wait=wait,
            )
        if self._page.changes:
            self._slow_down(source, waiting(), now)
        self._passed = True

    def settle(self, refused: int) -> None:
        """The page was applied, and so many of its changes were refused: the next one waits the longer."""
        self._counted.charge(self._page.source, refused * (REFUSED - 1))

    def _slow_down(self, source: str, waiting: Volume, now: int) -> None:
        """Let in what comes, but slower the more of it waits: what it waits for may come last."""
        times = max(waiting.rows // MOST_WAITING, waiting.size // MOST_WAITING_BYTES)
        if not times:
            return
        number = len(self._page.changes)
        wait = self._crowded.take(source, number * CROWDED * 2 ** min(times - 1, 20), now)
        if wait:
            raise TooFast(
                f"{waiting.rows} changes of {source} ({waiting.size >> 20} MiB) wait at the hub",
                hint="the agent brings more, slower and slower; `viaduct status` says what they wait for",
                wait=wait,
            )
