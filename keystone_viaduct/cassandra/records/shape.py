"""What is declared of a kind of records: which names are unique, and where its records are listed."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from keystone_viaduct.cassandra.records.ports import Claim, Row

Fields = Mapping[str, Any]
"""A record: field to JSON value."""

ALL = "all"
"""The path by which all records of a kind are listed; its only target is the empty one."""


@dataclass(frozen=True)
class Unique:
    """A rule by which a name may occur once; ``of`` gives the (scope, name) pairs of a record."""

    rule: str
    of: Callable[[Fields], Iterable[tuple[str, str]]]


@dataclass(frozen=True)
class Listing:
    """A path by which records are found: ``targets`` of a record, and a ``hint`` to filter rows by.

    ``width``: hexadecimal digits of the key that a target's partitions are told apart by. 0 does where a
    target has hundreds of records, 1 for tens of thousands, 2 beyond.
    """

    path: str
    targets: Callable[[Fields], Iterable[str]]
    hint: Callable[[Fields], str] | None = None
    width: int = 0


@dataclass(frozen=True)
class Shape:
    """A kind of records; ``kind`` names its table."""

    kind: str
    unique: tuple[Unique, ...] = ()
    listings: tuple[Listing, ...] = ()

    def claims(self, fields: Fields | None) -> frozenset[Claim]:
        """The names that a record has."""
        if fields is None:
            return frozenset()
        return frozenset(
            Claim(f"{self.kind}.{each.rule}", scope, name)
            for each in self.unique
            for scope, name in each.of(fields)
        )

    def rows(self, key: str, fields: Fields | None) -> frozenset[Row]:
        """Where a record is listed."""
        if fields is None:
            return frozenset()
        return frozenset(
            Row(each.path, target, bucket(key, each.width), key, each.hint(fields) if each.hint else "")
            for each in self.listings
            for target in each.targets(fields)
        )

    def listing(self, path: str) -> Listing:
        """The listing of that path."""
        return next(each for each in self.listings if each.path == path)


def everywhere(_fields: Fields) -> Iterable[str]:
    """Targets of the path ``all``."""
    return ("",)


def field_of(*names: str) -> Callable[[Fields], Iterable[str]]:
    """Targets: the value of each of these fields that has one."""
    return lambda fields: [fields[name] for name in names if fields.get(name) is not None]


@cache
def buckets(width: int) -> tuple[str, ...]:
    """The buckets of that width, in order of the keys that are in them."""
    if width == 0:
        return ("",)
    return ("", *(f"{number:0{width}x}" for number in range(16**width)), "g")


def bucket(key: str, width: int) -> str:
    """The bucket of a key: buckets in order hold keys in order, whatever the keys look like."""
    every = buckets(width)
    return every[bisect.bisect_right(every, key) - 1] if key else every[0]
