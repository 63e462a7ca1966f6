"""The agent's thread that carries Fernet keys."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial

from keystone_viaduct.errors import ViaductError
from keystone_viaduct.sync.agent.rounds import Rounds
from keystone_viaduct.sync.link.keys import KeyCarrier
from keystone_viaduct.sync.ports import KeyPort

LOG = logging.getLogger(__name__)
#: Sites that are served side by side, and the seconds that a round waits for one of them.
AT_ONCE, PATIENCE = 8, 30.0
#: Sites that are asked in a second, while all have all keys. A round asks all: were one left out, the hub
#: could do without a key that this one alone can tell of.
LOOKS = 30


class KeyKeeper:
    """Works while ``gate`` is open (the lease is held); looks every ``poll`` seconds or sooner, where there
    are many sites as often as they can all be asked.
    """

    def __init__(self, carrier: KeyCarrier, poll: float, gate: threading.Event) -> None:
        self.carrier = carrier
        self.error = ""
        self.succeeded_at = 0.0
        self._poll = poll
        self._rest = max(poll, len(carrier.spokes) / LOOKS)
        self._gate = gate
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keys", daemon=True)
        self._rounds = Rounds("keys", AT_ONCE)
        carrier.spread = self._spread

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self, patience: float = 10.0) -> None:
        """End after the round under way."""
        self._stopping.set()
        self._rounds.stop(0.0)
        if self._thread.is_alive():
            self._thread.join(patience)

    def _spread(self, serve: Callable[[KeyPort], float], sites: Iterable[KeyPort]) -> Iterable[float]:
        """All of them but who takes too long: his turn goes on beside the next rounds."""
        found = self._rounds.play({site.name: partial(serve, site) for site in sites}, PATIENCE)
        for name in self._rounds.late:
            self.carrier.failures[name] = f"it takes more than {PATIENCE:g} s, and is not waited for"
        return found.values()

    def round(self) -> float:
        """One round; the seconds to wait before the next one."""
        try:
            wait = self.carrier.round()
        except ViaductError as error:
            if str(error) != self.error:
                LOG.warning("keys: %s", error)
            self.error = str(error)
            return self._poll
        failed = "; ".join(f"{site}: {why}" for site, why in sorted(self.carrier.failures.items()))
        if failed and failed != self.error:
            LOG.warning("keys: %s", failed)
        self.error = failed
        self.succeeded_at = time.time()
        return min(wait or self._rest, self._rest)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._gate.wait()
            if self._stopping.is_set():
                return
            try:
                wait = self.round()
            except Exception:
                LOG.exception("keys: an unexpected error")
                wait = self._poll
            self._stopping.wait(wait)
