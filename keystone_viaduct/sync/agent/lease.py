"""Of several agents one works: the one that holds the lease in the hub's database. The others stand by."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from keystone_viaduct.errors import LeaseHeld, ViaductError

LOG = logging.getLogger(__name__)
#: Renewed so often within a lease, so that one lost answer does not end it.
RENEWALS = 3


class Leasing(Protocol):
    """The hub, as far as the lease goes."""

    def take_lease(self, holder: str, ttl: float) -> str:
        """Take or renew it; gives the key of pokes. Raises LeaseHeld, SiteUnavailable."""

    def release_lease(self, holder: str) -> None:
        """Give it back."""


class LeaseKeeper:
    """Holds ``gate`` open while the lease is ours. ``seconds`` is how long one renewal lasts.

    ``doubt`` is called when the hub does not answer, or says that it is none. ``error`` is why the lease is
    not ours; ``stands_by``: because another agent has it.
    """

    def __init__(
        self,
        hub: Leasing,
        holder: str,
        seconds: float,
        gate: threading.Event,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hub = hub
        self._holder = holder
        self._seconds = seconds
        self._gate = gate
        self._monotonic = monotonic
        self._until = 0.0
        self._held = False
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.poke_key = ""
        self.error = ""
        self.stands_by = False
        self.doubt: Callable[[], None] = lambda: None

    @property
    def holding(self) -> bool:
        """Whether the lease is ours now, as far as this machine's clock knows."""
        return self._held

    def renew(self) -> None:
        """One attempt. Raises LeaseHeld, SiteUnavailable."""
        asked = self._monotonic()
        try:
            self.poke_key = self._hub.take_lease(self._holder, self._seconds)
        except LeaseHeld:
            self._close()
            raise
        # counted from before the request, so that ours never lasts longer than the hub's
        self._until = asked + self._seconds
        if not self._held:
            LOG.info("this agent (%s) holds the lease and works", self._holder)
        self._held = True
        self._gate.set()
        self.error, self.stands_by = "", False

    def start(self) -> None:
        """Renew it from now on in a thread of its own."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop renewing and give the lease back, if it is ours."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(self._seconds)
            self._thread = None
        if self._held:
            self._held = False
            self._gate.clear()
            try:
                self._hub.release_lease(self._holder)
            except ViaductError as error:
                LOG.info("the lease could not be given back, it ends by itself: %s", error)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.once()
            self._stopping.wait(self._seconds / RENEWALS)

    def once(self) -> None:
        """One attempt; an agent that can't renew, for whatever reason, stops before the hub gives the lease
        to another.
        """
        try:
            self.renew()
        except Exception as error:
            self.stands_by = isinstance(error, LeaseHeld)
            if not self.stands_by:
                self.doubt()
            if str(error) != self.error:
                LOG.warning("no lease: %s", error, exc_info=not isinstance(error, ViaductError))
            self.error = str(error)
            if self._monotonic() >= self._until - self._seconds / RENEWALS:
                self._close()

    def _close(self) -> None:
        if self._held:
            LOG.warning("this agent (%s) stands by", self._holder)
        self._held = False
        self._gate.clear()
