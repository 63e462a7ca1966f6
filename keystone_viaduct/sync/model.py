"""The values of the synchronisation protocol; no I/O, no decisions.

Words as in docs/explanation/protocol.md. Times are microseconds since the epoch, UTC.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from keystone_viaduct.sync.charter import Charter, Coverage
from keystone_viaduct.sync.external import External
from keystone_viaduct.sync.knowledge import Exceptions, known_of
from keystone_viaduct.sync.version import Dot as Dot
from keystone_viaduct.sync.version import Ref as Ref
from keystone_viaduct.sync.version import Version as Version
from keystone_viaduct.sync.version import origin_of as origin_of
from keystone_viaduct.sync.version import site_of as site_of

Document = dict[str, Any]

#: Name under which "is it deleted?" stands among a record's fields.
DELETED = "@deleted"
#: Stands alone among the fields of a record whose contents have left this site (its coverage ends before it).
EVICTED = "@evicted"
#: Digest of a field that the record does not have (any more), or has at its column's default.
ABSENT = ""
_ALIVE_DIGEST = "alive"
_DEAD_DIGEST = "deleted"
_GONE_DIGEST = "evicted"
#: A record that has crossed the border of what its reader holds, on its way "in" or "out".
IN, OUT = "in", "out"
#: What an operator may choose for a record where joining a site changes somebody's access: the hub's, the
#: site's, or (of grants) both.
JOIN_HUB, JOIN_SITE, JOIN_BOTH = "hub", "site", "both"


class FieldState(NamedTuple):
    """What is known of one field: when it was written (``stamp``), by which edit, and its keyed digest."""

    stamp: int
    dot: Dot
    digest: str


def life(stamp: int, dot: Dot, *, deleted: bool) -> FieldState:
    """The state of the field :data:`DELETED`."""
    return FieldState(stamp, dot, _DEAD_DIGEST if deleted else _ALIVE_DIGEST)


def evicted_fields(stamp: int, dot: Dot) -> dict[str, FieldState]:
    """All that a record that was evicted keeps beside its version."""
    return {EVICTED: FieldState(stamp, dot, _GONE_DIGEST)}


def fold(fields: Mapping[str, FieldState]) -> str:
    """One digest over all fields that are there (hex, 16 bytes); equal for equal contents."""
    state = hashlib.blake2b(digest_size=16)
    for name in sorted(fields):
        digest = fields[name].digest
        if digest != ABSENT:
            state.update(f"{name}\0{digest}\0".encode("utf-8", "surrogatepass"))
    return state.hexdigest()


def newest_stamp(fields: Mapping[str, FieldState]) -> int:
    """The highest stamp of any field; 0 when there is none."""
    return max((state.stamp for state in fields.values()), default=0)


@dataclass(frozen=True, slots=True)
class Carried:
    """What of a record this site can't put into Keystone's tables: kept in full, handed on, tried again.

    ``document`` has the values. ``base`` is what its row says in their stead (a name in only one of the two
    is absent in the other), None where there is no row: then ``document`` is the whole record. ``reason`` is
    one of :data:`CARRIED_REASONS`, ``why`` says it in words, ``since`` when it began, ``source`` who sent it.
    ``claims`` are the unique values that the whole record claims, as ``sync.naming`` writes them.
    """

    document: Document
    base: Document | None
    reason: str
    why: str
    since: int
    source: str = ""
    claims: tuple[str, ...] = ()


#: Why a record is carried: this database can't hold a value; it takes its name for another record's; it needs
#: a record that is itself carried; to write it failed in an unforeseen way; it is about to be tried again.
UNSTORABLE, NAME, REFERENCE, CYCLE, QUARANTINED, RETRIED = (
    "unstorable",
    "name",
    "reference",
    "cycle",
    "quarantined",
    "retried",
)
CARRIED_REASONS = frozenset({UNSTORABLE, NAME, REFERENCE, CYCLE, QUARANTINED, RETRIED})


@dataclass(frozen=True, slots=True)
class Record:
    """What a site keeps of one resource beside Keystone's own tables: no second copy of its data.

    ``unknown`` holds the values of fields for which this release has no column, ``carried`` what the tables
    can't hold otherwise. ``learned_from`` is the origin (``site#incarnation``) that sent exactly this
    version, or None for a local edit or decision. ``scope`` are the domains that it belongs to
    (``sync.site.scope``), ``former`` scopes that it has left.
    ``external`` are owners without rows (``sync.site.external``).
    """

    ref: Ref
    seq: int
    version: Version
    birth: Dot
    fields: Mapping[str, FieldState]
    scope: str | None = None
    unknown: Document = field(default_factory=dict)
    learned_from: str | None = None
    former: tuple[str, ...] = ()
    carried: Carried | None = None
    external: tuple[External, ...] = ()

    @property
    def rowless(self) -> bool:
        """Whether it is alive here, and has no row in Keystone's tables."""
        return self.carried is not None and self.carried.base is None

    @property
    def deleted(self) -> bool:
        """Whether this is a tombstone."""
        state = self.fields.get(DELETED)
        return state is not None and state.digest == _DEAD_DIGEST

    @property
    def evicted(self) -> bool:
        """Whether only its version is left here, because this site does not hold it any more."""
        return EVICTED in self.fields

    @property
    def digest(self) -> str:
        """Digest over all fields."""
        return fold(self.fields)

    @property
    def newest_stamp(self) -> int:
        """The highest stamp of any field."""
        return newest_stamp(self.fields)

    @property
    def fingerprint(self) -> int:
        """See :func:`fingerprint`."""
        return fingerprint(self.ref, self.version, self.digest)

    def at(self, seq: int) -> Record:
        """The same record at a new feed position (spelled out: this is done for each record of a page)."""
        return Record(
            self.ref,
            seq,
            self.version,
            self.birth,
            self.fields,
            self.scope,
            self.unknown,
            self.learned_from,
            self.former,
            self.carried,
            self.external,
        )


@dataclass(frozen=True, slots=True)
class Change:
    """One feed entry as it travels: a record's version together with its document ({} for a tombstone).

    ``border`` tells a reader of limited coverage that the record came in (so it is no zombie) or is out (then
    it has no fields and no document, and the reader evicts what it has).
    """

    ref: Ref
    seq: int
    version: Version
    birth: Dot
    fields: Mapping[str, FieldState]
    document: Document
    scope: str | None = None
    border: str = ""
    external: tuple[External, ...] = ()

    @property
    def deleted(self) -> bool:
        """Whether this is a tombstone."""
        state = self.fields.get(DELETED)
        return state is not None and state.digest == _DEAD_DIGEST

    @property
    def digest(self) -> str:
        """Digest over all fields."""
        return fold(self.fields)


#: Bits of a record's bucket, four for each digit of :class:`Bucket`.
BUCKET_BITS = 16
BUCKET_DIGITS = BUCKET_BITS // 4


def bucket_of(ref: Ref) -> int:
    """Where a record stands when two sites compare: the same at all of them, whatever it holds."""
    text = f"{ref.kind}\0{ref.key}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=BUCKET_BITS // 8).digest(), "big")


def fingerprint(ref: Ref, version: Version, digest: str) -> int:
    """64 bits that are equal at two sites if they agree about a record, be it a tombstone."""
    dots = ",".join(f"{origin}:{seq}" for origin, seq in sorted(version.entries.items()))
    text = f"{ref.kind}\0{ref.key}\0{digest}\0{dots}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


class Bucket(NamedTuple):
    """The records of a kind whose bucket begins with ``prefix``: 0 to 4 hexadecimal digits."""

    kind: str
    prefix: str = ""

    @property
    def first(self) -> int:
        """The lowest bucket number in it."""
        return int(self.prefix.ljust(BUCKET_DIGITS, "0"), 16)

    @property
    def last(self) -> int:
        """The highest."""
        return int(self.prefix.ljust(BUCKET_DIGITS, "f"), 16)


class Tally(NamedTuple):
    """How many records a bucket holds, and the sum of their fingerprints modulo 2**64."""

    number: int
    total: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What a site tells of its records when it is compared, at ``head`` of its feed. Empty buckets are
    absent. ``term`` and ``hub`` are those that the site believes in; ``coverage`` is what it was asked of and
    the reader is meant to hold. ``exceptions`` as in :class:`SiteState`.
    """

    head: Checkpoint
    knowledge: Version
    tallies: Mapping[Bucket, Tally]
    term: int = 0
    hub: str = ""
    coverage: Coverage = field(default_factory=Coverage)
    exceptions: Exceptions = field(default_factory=dict)

    def knows(self, ref: Ref) -> Version:
        """What the site knows of one record, be it absent."""
        return known_of(self.knowledge, self.exceptions, ref)


class Places(NamedTuple):
    """Where a site goes on with another's feed after a comparison: behind ``checkpoint``, all before it being
    known to be here. ``seen`` is a later position that the other has told, ``own`` one of the site's own feed
    at which the comparison still found it, ``coverage`` what the hub has compared.
    """

    checkpoint: Checkpoint
    seen: Checkpoint
    own: Checkpoint
    coverage: Coverage


class Entry(NamedTuple):
    """One record in a listing; ``version`` is told of tombstones only."""

    ref: Ref
    fingerprint: int
    seq: int
    version: Version | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """The records of the first ``done`` buckets that were asked for. ``coverage``: what the reader is to
    hold, where that is not all.
    """

    done: int
    entries: tuple[Entry, ...]
    coverage: Coverage | None = None


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
    """

    origin: str
    checkpoint: Checkpoint | None
    fence: Fence | None
    knowledge: Version
    term: int = 0
    hub: str = ""
    exceptions: Exceptions = field(default_factory=dict)
    parts: str | None = None


class Part(NamedTuple):
    """A piece of a record that is larger than a page; ``subject`` names the record and its content.

    The last piece comes with the change itself, the others with a page that has no changes and leads nowhere.
    """

    subject: str
    number: int
    of: int
    data: bytes

    @property
    def is_last(self) -> bool:
        """Whether the change comes with it."""
        return self.number + 1 == self.of


class Unreadable(NamedTuple):
    """A change of which the receiver can read no more than where it stands and what it is a version of."""

    ref: Ref
    seq: int
    version: Version
    why: str


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a feed on its way from ``source``: the changes after ``after`` up to ``upto``.

    ``fence`` is how far the source has applied the receiver's own feed: a receiver that was restored from a
    backup finds that it does not have this position. ``knowledge`` is the source's, and may be believed only
    when the page is ``at_head``. ``charter`` comes from the hub, once it has one. ``coverage`` is what the
    hub has picked the changes by. ``hub`` is the one of ``term``, as far as the source knows. ``peers`` are
    the other sites, for a spoke that may be promoted, and ``conflicts`` what was listed or resolved at
    positions of the page, between sites that may be. ``unreadable`` are changes that the receiver could not
    parse: they are named, and nothing else waits for them. ``exceptions`` belong to ``knowledge``: what
    waits at the source, and what it does not show.
    """

    source: str
    term: int
    after: Checkpoint | None
    upto: Checkpoint
    at_head: bool
    knowledge: Version
    changes: tuple[Change, ...]
    capabilities: Mapping[str, frozenset[str]] = field(default_factory=dict)
    fence: Fence | None = None
    cuts: Mapping[str, int] = field(default_factory=dict)
    charter: Charter | None = None
    coverage: Coverage = field(default_factory=Coverage)
    hub: str = ""
    peers: tuple[Peer, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    exceptions: Exceptions = field(default_factory=dict)
    unreadable: tuple[Unreadable, ...] = ()
    part: Part | None = None

    def knows(self, ref: Ref) -> Version:
        """What the source knows of one record, be it absent."""
        return known_of(self.knowledge, self.exceptions, ref)

    @property
    def source_is_behind(self) -> bool:
        """Whether the source has yet to read what it was compared in."""
        return self.fence is not None and self.fence.anew


class Mark(NamedTuple):
    """One row of ``viaduct_dirty``: that record was touched by a committed transaction."""

    id: int
    ref: Ref
    stamped_at: int


@dataclass(frozen=True, slots=True)
class Pending:
    """A change that waits (for a reference, a proof, the source's head), keyed by source and record.

    ``why`` says more than the reason, where there is more to say; ``since`` when it began to wait.
    """

    source: str
    change: Change
    reason: str
    why: str = ""
    since: int = 0


@dataclass(frozen=True, slots=True)
class Conflict:
    """A decision that an operator may want to see: what clashed, who won and why, and what was lost.

    ``resolution`` is what an operator made of it: '' (nothing yet), ``kept`` or ``restored``. ``seq`` is its
    position in this site's own feed; 0 for one that was heard from the hub, and is not told on. ``into`` is
    the key of the record that this one was merged into ('' otherwise): such a row is an alias for ever.
    """

    id: str
    ref: Ref
    sort: str
    decided: str
    explanation: str
    fields: tuple[str, ...]
    site: str
    at: int
    lost: Document
    open: bool = False
    resolution: str = ""
    seq: int = 0
    into: str = ""

    @property
    def is_alias(self) -> bool:
        """Whether references to the record mean another one: it was merged, and not brought back."""
        return bool(self.into) and self.resolution != "restored"


#: The sort of what is listed where a site has shown something that it may not do.
REFUSED = "refused"
#: And of what a limited site has made when it might, and might not make today.
JUDGED = "judged"


class Due(NamedTuple):
    """Something that the hub has to judge again: a record (``sort`` :data:`THING`), all that limited sites
    have made that concerns somebody (a sort of ``sync.site.delegation.ways``, with a key, and no kind), or
    everything (:data:`EVERYTHING`), which has come to ``place``.
    """

    sort: str
    kind: str
    key: str
    place: str = ""

    @property
    def ref(self) -> Ref:
        """The record, of a thing."""
        return Ref(self.kind, self.key)


THING, EVERYTHING = "thing", "everything"


class Volume(NamedTuple):
    """How many rows something takes, and how many bytes."""

    rows: int
    size: int


class Retired(NamedTuple):
    """What became of a site that was retired.

    ``heard`` is when it last read at the hub (microseconds, 0: never). So many changes from it were
    ``waiting``; of these so many had to be given up, and are listed as ``lost``.
    """

    site: str
    heard: int
    waiting: int
    lost: int


class United(NamedTuple):
    """What became of a merge.

    ``conflict`` is the row of the list that is the alias. So many records were ``moved`` to the other one,
    were ``equal`` to one that it had already, or had to be ``given_up``.
    """

    conflict: Conflict
    moved: int
    equal: int
    given_up: int


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
    def checkpoint(self) -> Checkpoint:
        """The head of the feed."""
        return Checkpoint(self.incarnation, self.head, self.nonce)


class Reason(enum.StrEnum):
    """Why a record is held: a sweep wants it deleted, or this site can't number or read it."""

    MISSING = "missing"
    DANGLING = "dangling"
    QUARANTINED = "quarantined"


#: What a person decides on; what is put aside is tried again instead.
DELETIONS = (Reason.MISSING, Reason.DANGLING)


class Held(NamedTuple):
    """A deletion that a sweep has found and that waits for a person; or a record that was put aside here,
    for ``why``.
    """

    ref: Ref
    reason: Reason
    found_at: int
    why: str = ""


#: A change that a spoke has refused: concurrent with what it has, until the hub has decided.
CONFLICT = "conflict"
#: What could not be parsed: until its source shows it again.
UNREADABLE = "unreadable"
#: What is put aside whole, until it is shown again or somebody asks for another try.
UNTRIED = frozenset({QUARANTINED, UNREADABLE})


class Waiting(NamedTuple):
    """One record that waits at a site, for the list that people and the agent read.

    ``state``: ``pending`` (for a reference, a proof, the head of a feed), ``refused`` (a spoke keeps its own
    until the hub has decided), ``carried`` (the tables can't hold it), ``quarantined`` (it failed in an
    unforeseen way), ``held`` (a deletion that waits for a person). ``name`` is what the record is called,
    where it has a name; ``source`` the site that it came from; ``since`` in microseconds, 0 if not known.
    """

    ref: Ref
    name: str
    state: str
    reason: str
    why: str = ""
    source: str = ""
    since: int = 0


WAITING_STATES = ("pending", "refused", "carried", "quarantined", "held")


@dataclass(frozen=True, slots=True)
class SweepState:
    """How far the sweep of a site's own tables is; ``kind`` empty: between two rounds.

    A kind's records are looked at first (``by_rows`` False), then its rows. ``checked``, ``found`` (edits
    that no trigger saw) and ``deleted`` count in this round. Times are microseconds since the epoch, 0 for
    never.
    """

    kind: str = ""
    by_rows: bool = False
    key: str = ""
    began: int = 0
    finished: int = 0
    checked: int = 0
    found: int = 0
    deleted: int = 0


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
    nobody has met, of which this peer alone has told.
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


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """What became of a page: numbers, the new checkpoint, and the target's own knowledge afterwards.

    ``named`` is for the site's own log: which records it has begun to carry, and why; ``reverted``, for its
    own count of what a site costs: changes that it has put back. ``judges``: it is a hub with limited sites,
    which may have to judge again (``sync.site.judging``).
    """

    applied: int
    known: int
    merged: int
    conflicts: tuple[Ref, ...]
    pending: int
    checkpoint: Checkpoint
    knowledge: Version
    head: Checkpoint
    parts: str = ""
    named: tuple[tuple[Ref, str], ...] = ()
    reverted: int = 0
    judges: bool = False
