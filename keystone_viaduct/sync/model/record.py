"""Records and their changes: fields with their edits, what a site carries beside its tables."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from keystone_viaduct.sync.external import External
from keystone_viaduct.sync.version import Dot, Ref, Version, site_of

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


def is_one_edit(one: FieldState, other: FieldState) -> bool:
    """Whether two names may stand for one edit, which two lives of its site's database have numbered."""
    sites = {site_of(one.dot.origin), site_of(other.dot.origin)}
    return len(sites) == 1 and (one.stamp, one.digest) == (other.stamp, other.digest)


def newest_stamp(fields: Mapping[str, FieldState]) -> int:
    """The highest stamp of any field; 0 when there is none."""
    return max((state.stamp for state in fields.values()), default=0)


def fingerprint(ref: Ref, version: Version, digest: str) -> int:
    """64 bits that are equal at two sites if they agree about a record, be it a tombstone."""
    dots = ",".join(f"{origin}:{seq}" for origin, seq in sorted(version.entries.items()))
    text = f"{ref.kind}\0{ref.key}\0{digest}\0{dots}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


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
