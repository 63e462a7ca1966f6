"""One site: what the API, the simulation and the tools call; each call is one transaction."""

from __future__ import annotations

from collections.abc import Callable

from keystone_viaduct.clock import Clock
from keystone_viaduct.sync.model import ApplyResult, Checkpoint, Page, SiteState, Version, origin_of
from keystone_viaduct.sync.ports import Store, Transaction
from keystone_viaduct.sync.site.apply import PolicyFor, apply_page
from keystone_viaduct.sync.site.feed import read_page
from keystone_viaduct.sync.site.sequencer import sequence

PAGE = 500


def hub_wins(kind: str, scope: str | None) -> str:
    """The default policy."""
    return "hub"


class Site:
    """A site over a store. ``policy_for(kind, scope)`` names the conflict policy (asked at the hub only)."""

    def __init__(self, store: Store, clock: Clock, policy_for: PolicyFor = hub_wins) -> None:
        self._store = store
        self._clock = clock
        self._policy_for = policy_for

    def state(self) -> SiteState:
        """Who this site is and how far it is, after numbering what is unnumbered."""
        return self._store.run(lambda tx: sequence(tx, tx.state()))

    @property
    def name(self) -> str:
        """The site's name."""
        return self._store.run(lambda tx: tx.state()).site

    def read(
        self, reader: str, after: Checkpoint | None, limit: int = PAGE, reader_incarnation: str | None = None
    ) -> Page:
        """A page of the feed for another site. Raises FenceMismatch."""

        def work(tx: Transaction) -> Page:
            incarnation = reader_incarnation
            if incarnation is None:
                peer = tx.peers().get(reader)
                incarnation = peer.incarnation if peer else None
            origin = origin_of(reader, incarnation) if incarnation else None
            return read_page(tx, after, limit, origin, now=self._clock.now())

        return self._store.run(work)

    def apply(self, page: Page) -> ApplyResult:
        """Apply a page of another site's feed. Raises CheckpointMismatch, Refused."""
        return self._store.run(
            lambda tx: apply_page(tx, page, now=self._clock.now(), policy_for=self._policy_for)
        )

    def checkpoint(self, source: str) -> tuple[Checkpoint | None, Version]:
        """How far this site has applied the feed of ``source``, and its knowledge."""
        return self._store.run(lambda tx: (tx.checkpoint(source), tx.state().all_knowledge))

    def run(self, work: Callable[[Transaction], object]) -> object:
        """For tools: anything else in one transaction."""
        return self._store.run(work)
