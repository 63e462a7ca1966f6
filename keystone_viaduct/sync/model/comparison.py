"""What two sites tell each other when they are compared."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from keystone_viaduct.sync.charter import Coverage
from keystone_viaduct.sync.knowledge import Exceptions, known_of
from keystone_viaduct.sync.model.position import Checkpoint
from keystone_viaduct.sync.version import Ref, Version

#: Bits of a record's bucket, four for each digit of :class:`Bucket`.
BUCKET_BITS = 16
BUCKET_DIGITS = BUCKET_BITS // 4


def bucket_of(ref: Ref) -> int:
    """Where a record stands when two sites compare: the same at all of them, whatever it holds."""
    text = f"{ref.kind}\0{ref.key}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=BUCKET_BITS // 8).digest(), "big")


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
