"""What a site says of itself and of others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from keystone_viaduct.sync.charter import Charter, Coverage
from keystone_viaduct.sync.knowledge import Exceptions, known_of
from keystone_viaduct.sync.model.position import Checkpoint
from keystone_viaduct.sync.statement import Lineage, Statement
from keystone_viaduct.sync.version import Dot, Ref, Version, origin_of


class Retired(NamedTuple):
    """What became of a site that was retired.

    ``heard`` is when it last read at the hub (microseconds, 0: never). So many changes from it were
    ``waiting``; of these so many had to be given up, and are listed as ``lost``.
    """

    site: str
    heard: int
    waiting: int
    lost: int


@dataclass(frozen=True, slots=True)
class SiteState:
    """One row: who this site is and how far it is.

    ``knowledge`` speaks of other origins; the own is ``head``. ``purged`` is the highest feed position at
    which a tombstone was dropped: who reads from before it may have missed a deletion. ``cuts`` are the past
    lives of the hub: per origin the last edit by which all of the fleet mean the same (``sync.site.cuts``).
    ``coverage`` is what the hub sends this site, ``covered`` what of it has been loaded: only about that does
    knowledge speak. Up to the own feed position ``swept`` all that this site does not hold was evicted.
    ``release`` says what the schema could store when it was last looked at (``sync.site.release``).
    ``former`` is the hub before this one, while changes from there still wait here ('' otherwise).
    ``caught_up``: when a spoke last had all of the hub's feed, in microseconds (0: never yet).
    ``exceptions`` say of which records knowledge does not hold, because they wait here.
    ``lineage``: what the hub, and those before it, have signed (``sync.statement``).
    """

    site: str
    incarnation: str
    hub: str
    term: int
    head: int
    nonce: str
    knowledge: Version
    fleet_secret: bytes
    purged: int = 0
    cuts: Mapping[str, int] = field(default_factory=dict)
    charter: Charter = field(default_factory=Charter)
    coverage: Coverage = field(default_factory=Coverage)
    covered: Coverage = field(default_factory=Coverage)
    swept: int = 0
    release: str = ""
    former: str = ""
    caught_up: int = 0
    exceptions: Exceptions = field(default_factory=dict)
    lineage: Lineage = ()

    @property
    def statement(self) -> Statement | None:
        """The newest of the hub's that was believed here; None as long as none was."""
        return self.lineage[-1] if self.lineage else None

    def knows(self, ref: Ref) -> Version:
        """Which edits this site knows, as far as one record is concerned, be it absent."""
        return known_of(self.all_knowledge, self.exceptions, ref)

    @property
    def origin(self) -> str:
        """The name of this site's edits."""
        return origin_of(self.site, self.incarnation)

    @property
    def is_hub(self) -> bool:
        """Whether this site decides conflicts."""
        return self.site == self.hub

    @property
    def is_complete(self) -> bool:
        """Whether this site is meant to hold all that the fleet has, and has loaded all of it."""
        return self.coverage.is_full and self.covered.is_full

    @property
    def all_knowledge(self) -> Version:
        """Knowledge with the own edits included."""
        return self.knowledge.plus(Dot(self.origin, self.head)) if self.head else self.knowledge

    @property
    def judges(self) -> bool:
        """Whether it is a hub with limited sites, and so may have to judge again (``sync.site.judging``)."""
        return self.is_hub and bool(self.charter.limited)

    @property
    def checkpoint(self) -> Checkpoint:
        """The head of the feed."""
        return Checkpoint(self.incarnation, self.head, self.nonce)


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge has dropped; ``oldest`` is the stamp of the oldest tombstone that is left (None: none),
    ``away`` names peers that are not waited for any more. ``next``: the feed position behind which the next
    call goes on; None when all tombstones were looked at.
    """

    tombstones: int = 0
    batches: int = 0
    lost: int = 0
    oldest: int | None = None
    away: tuple[str, ...] = ()
    next: int | None = None
    conflicts: int = 0


@dataclass(frozen=True, slots=True)
class Peer:
    """Another site as registered here.

    ``public_key`` (32 bytes) seals secrets for it. ``acknowledged`` is the highest position of this site's
    feed, in its present incarnation, that the peer is known to have applied; ``seen`` is the last position of
    the peer's feed that was applied here; up to ``shown`` it is sent everything, also what came from it (it
    started over when the feed was there). A peer that is not ``live`` does not hold up the purge of
    tombstones; it compares when it comes back. ``heard`` is when it last read here, to the quarter of
    an hour; ``met`` the last term in which all that it had was applied here. ``lives``: those of sites that
    nobody has met, of which this peer alone has told. ``signing_key``: what its signatures are checked with,
    '' for a site that does not sign.
    """

    site: str
    public_key: bytes
    incarnation: str = ""
    acknowledged: int = 0
    capabilities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    live: bool = True
    seen: Checkpoint | None = None
    shown: int = 0
    heard: int = 0
    met: int = 0
    lives: frozenset[str] = frozenset()
    signing_key: str = ""
