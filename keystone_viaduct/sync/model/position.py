"""Positions in a site's feed, and where a site stands with another one's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from keystone_viaduct.sync.knowledge import Exceptions
from keystone_viaduct.sync.statement import Lineage
from keystone_viaduct.sync.version import Version


class Checkpoint(NamedTuple):
    """A position in a site's feed, with the random nonce of the batch it lies in (the fence).

    Where the feed went further when it was read, the nonce of its last batch then follows, behind ``_``: a
    backup that holds the position, but not what came after it, may hold records at positions that the reader
    has passed and that had moved on (:meth:`of_feed`).
    """

    incarnation: str
    seq: int
    nonce: str

    @property
    def nonces(self) -> tuple[str, ...]:
        """That of the position's batch, and that of the last one where there was a later."""
        return tuple(self.nonce.split("_"))

    def of_feed(self, last: str) -> Checkpoint:
        """This position, in a feed whose last batch has the nonce ``last``."""
        first = self.nonces[0]
        return self._replace(nonce=first if first == last else f"{first}_{last}")


class Fence(NamedTuple):
    """What a caller last knew of the feed of the site that it calls (see ``sync.site.fence``).

    ``anew``: the caller starts over with this feed, so that a past life of the site is no news to it.
    """

    seen: Checkpoint
    anew: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a site stands with another one's feed.

    ``checkpoint`` is None before the first page and after a start over; ``fence`` outlives a start over.
    ``term`` and ``hub`` are those that the site believes in, ``exceptions`` as in :class:`SiteState`.
    ``parts`` are those that it has of a large record, '' for none; None: it takes no record in parts.
    ``lineage``: what makes others believe in that hub. ``signed``: the digest of the statement that need not
    come with pages, because it is here with its charter; '' for none. ``register``: that of the other sites
    as they are known here, at a spoke that may be promoted.
    """

    origin: str
    checkpoint: Checkpoint | None
    fence: Fence | None
    knowledge: Version
    term: int = 0
    hub: str = ""
    exceptions: Exceptions = field(default_factory=dict)
    parts: str | None = None
    lineage: Lineage = ()
    signed: str = ""
    register: str = ""
