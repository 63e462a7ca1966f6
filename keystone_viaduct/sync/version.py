"""Addresses, edits, and vectors of edits: what all else in the protocol is said with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

#: Seven hexadecimal digits of minutes last for five centuries; a column holds 16 characters.
_MINUTE, _MOST = 60_000_000, 0xFFFFFFF


class Ref(NamedTuple):
    """The address of a record."""

    kind: str
    key: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.key}"


class Dot(NamedTuple):
    """Names one local edit: the ``origin`` is ``site#incarnation``, ``seq`` its place in that site's feed."""

    origin: str
    seq: int


def origin_of(site: str, incarnation: str) -> str:
    """The name under which a site's edits are known until its database is restored from a backup."""
    return f"{site}#{incarnation}"


def incarnation_named(random: str, restored: int) -> str:
    """The name of a life; of a site that was ever ``restored`` from a backup (microseconds, 0: never) the
    minute at which that was noticed stands behind it. All in characters that every release takes there.
    """
    return f"{random}_{restored // _MINUTE & _MOST:x}" if restored else random


def restored_at(incarnation: str) -> int:
    """When a site was last noticed to have been restored, to the minute (microseconds); 0 for never."""
    _, mark, minute = incarnation.partition("_")
    try:
        return int(minute, 16) * _MINUTE if mark else 0
    except ValueError:
        return 0


def site_of(origin: str) -> str:
    """The site's name in an origin."""
    return origin.partition("#")[0]


class Version:
    """A vector of dots: per origin the highest edit of that origin which is included (immutable)."""

    __slots__ = ("_entries",)

    def __init__(self, entries: Mapping[str, int] | None = None) -> None:
        self._entries: dict[str, int] = dict(entries or {})

    @property
    def entries(self) -> Mapping[str, int]:
        """Origin -> highest seq. Do not modify."""
        return self._entries

    def includes(self, dot: Dot) -> bool:
        """Whether that edit is part of this version."""
        return self._entries.get(dot.origin, 0) >= dot.seq

    def covers(self, other: Version) -> bool:
        """Whether everything in ``other`` is part of this version (equal versions cover each other)."""
        mine = self._entries
        return all(mine.get(origin, 0) >= seq for origin, seq in other._entries.items())

    def join(self, other: Version) -> Version:
        """The smallest version that covers both."""
        merged = dict(self._entries)
        for origin, seq in other._entries.items():
            if merged.get(origin, 0) < seq:
                merged[origin] = seq
        return Version(merged)

    def plus(self, dot: Dot) -> Version:
        """This version and one more edit."""
        merged = dict(self._entries)
        merged[dot.origin] = max(merged.get(dot.origin, 0), dot.seq)
        return Version(merged)

    def clipped(self, origin: str, seq: int) -> Version:
        """This version with at most ``seq`` of one origin; 0 takes it out."""
        merged = dict(self._entries)
        if merged.get(origin, 0) > seq:
            merged[origin] = seq
        if not merged.get(origin, 1):
            del merged[origin]
        return Version(merged)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self._entries == other._entries

    def __hash__(self) -> int:
        return hash(frozenset(self._entries.items()))

    def __iter__(self) -> Iterator[Dot]:
        return (Dot(origin, seq) for origin, seq in self._entries.items())

    def __bool__(self) -> bool:
        return bool(self._entries)

    def __repr__(self) -> str:
        inside = ", ".join(f"{origin}:{seq}" for origin, seq in sorted(self._entries.items()))
        return f"Version({inside})"
