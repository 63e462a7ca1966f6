"""How fast a spoke that is trusted with less may have its changes applied at the hub."""

from __future__ import annotations

from keystone_viaduct.errors import TooFast
from keystone_viaduct.sync.model import Page, SiteState
from keystone_viaduct.sync.rate import Rates

#: Changes per second and spoke, unless an option says otherwise.
RATE = 500
#: Seconds' worth of changes that may come at once.
BURST = 10
#: A page counts as so many changes at least: an empty one is a transaction, too.
LEAST = 10


def rates(changes_per_second: int) -> Rates:
    """What is counted for each spoke; 0 for no bound."""
    return Rates(changes_per_second, changes_per_second * BURST)


class Admission:
    """Of one page. It is counted once, however often its transaction is run again, and also if it is refused
    for another reason: judging it is work as well.
    """

    def __init__(self, counted: Rates, page: Page) -> None:
        self._counted = counted
        self._page = page
        self._passed = False

    def check(self, state: SiteState, now: int) -> None:
        """Raise TooFast when the page has to wait. Its source is registered; ``now`` in microseconds."""
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
        self._passed = True
