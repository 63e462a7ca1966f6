"""Where each site's feed was last seen to end, by whichever direction read it.

A thousand spokes read the feed of one hub. As long as nothing is new there, what one of them finds holds for
all that stand at the same place: they need not ask the hub a thousand times.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from keystone_viaduct.sync.model import Checkpoint, Page, Version


@dataclass(frozen=True)
class End:
    """What a reader that has all finds, and what it has to be for two readers to stand at the same place.

    ``signed``: the statement that both have, with its charter.
    """

    upto: Checkpoint
    knowledge: Version
    signed: str


def end_of(page: Page) -> End | None:
    """None where the page ends before the feed, or tells this reader more than that there is nothing new."""
    if not page.at_head or page.changes or page.conflicts or page.part is not None or not page.signed:
        return None
    return End(page.upto, page.knowledge, page.signed)


class Ends:
    """By site. Moments are of a clock that only goes forward, in seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[End, float]] = {}

    def note(self, site: str, end: End, asked_at: float) -> None:
        """A direction that asked then was told so. What was asked later counts."""
        with self._lock:
            known = self._seen.get(site)
            if known is None or known[1] < asked_at:
                self._seen[site] = end, asked_at

    def asked_at(self, site: str, end: End) -> float:
        """When somebody last asked who was told that the feed ends there; 0 if another end was seen later."""
        with self._lock:
            known = self._seen.get(site)
        return known[1] if known is not None and known[0] == end else 0.0
