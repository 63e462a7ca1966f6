"""The limited site's door, as a process: ``python -m tests.attack.west CONFIG.json``.

It is honest until SIGUSR1 comes (then CONFIG.json is read again), and after SIGUSR2. In between its ways
change every few seconds: for a while all answers are well-formed and lie, for a while they cost as much as
they can, for a while all is true, so that the agent never gives the site up.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.attack import lies
from tests.attack.door import Asked, Door, Handler, Told, Trick, honest
from tests.attack.tally import Tally

#: Seconds for which it keeps to one way.
SPELL = 3.0
CHANGES, CAPABILITIES = "/v3/OS-SYNC/changes", "/v3/OS-SYNC"


def costly() -> dict[str, Trick]:
    """Answers to anything."""
    return {
        "expanding answers": lies.expanding,
        "full answers": lies.full,
        "endless answers": lies.endless,
        "dripping answers": lies.drip,
        "fences": lies.fence,
        "requests to wait": lies.later,
        "forged log lines": lies.forging,
    }


def lying(origin: str) -> dict[str, Trick]:
    """Pages; ``origin``: of an honest site, whose edits are said to be needed."""
    return {
        "waiting changes": lies.altered(lies.waiting(origin)),
        "invented lives": lies.altered(lies.lives),
        "invented lives in versions": lies.altered(lies.few_lives),
        "gaps": lies.altered(lies.gaps),
        "endless feeds": lies.altered(lies.never_done),
        "hub claims in pages": lies.altered(lies.hubs_page("west")),
        "true pages": honest,
    }


class Mind:
    """Which trick a request gets."""

    def __init__(self, tally: Tally) -> None:
        self.origin = ""
        self._tally = tally
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def choose(self, asked: Asked) -> Trick:
        """By the time and the path."""
        if not self.origin:
            return honest
        path = asked.path.partition("?")[0]
        spell = int(time.monotonic() / SPELL) % 3
        if path == CAPABILITIES and spell != 2:
            return self._counted("hub claims", lies.altered(lies.hub("west")))
        if spell == 0:
            return self._next(costly())
        if spell == 1 and path == CHANGES and asked.method == "GET":
            return self._next(lying(self.origin))
        return honest

    def _next(self, tricks: dict[str, Trick]) -> Trick:
        """The one that was played least."""
        with self._lock:
            name = min(tricks, key=lambda one: self._counts[one])
            self._counts[name] += 1
        return self._counted(name, tricks[name])

    def _counted(self, name: str, trick: Trick) -> Trick:
        def tell(asked: Asked, ask: object, handler: Handler) -> Told | None:
            self._tally.add(name)
            return trick(asked, ask, handler)  # type: ignore[arg-type]

        return tell


def main(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM comes."""
    file = Path(arguments[0])
    config = json.loads(file.read_text())
    mind = Mind(Tally(Path(config["tally"])))

    def attack(*_: Any) -> None:
        mind.origin = json.loads(file.read_text())["origin"]

    def relent(*_: Any) -> None:
        mind.origin = ""

    signal.signal(signal.SIGUSR1, attack)
    signal.signal(signal.SIGUSR2, relent)
    Door(config["target"], mind.choose, config["port"]).start()
    threading.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
