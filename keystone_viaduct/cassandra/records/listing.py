"""Where records are found that belong to something: by domain, by parent, all of a kind.

A row says no more than that a record may be there: each is compared with its record when it is read. It is
written before the record and taken away after it, with the record's revision as its timestamp, and that rises
with each change whatever the clocks say: so a row that ought to be there always is.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from keystone_viaduct.cassandra.records.ports import Row, Stored, Tables
from keystone_viaduct.cassandra.records.shape import Fields, Shape, bucket, buckets

PAGE = 200
"""Rows asked for at once from one bucket."""
GROUPS = (1, 4, 16, 64, 256)
"""Buckets asked at once: the first alone, for it often has enough; then more and more."""


class Place(NamedTuple):
    """One partition of a listing."""

    path: str
    target: str
    bucket: str


Decode = Callable[[Stored], Fields | None]


class Listings:
    """The listings of one kind."""

    def __init__(self, tables: Tables, shape: Shape, decode: Decode) -> None:
        self._tables = tables
        self._shape = shape
        self._decode = decode

    def records(
        self,
        path: str,
        target: str = "",
        *,
        after: str = "",
        limit: int | None = None,
        wanted: Callable[[str], bool] | None = None,
    ) -> Iterator[tuple[str, Fields]]:
        """Key and record of those that are listed there, in order of key.

        ``limit``: how many are likely to be wanted (more come if they are asked for). ``wanted`` is shown the
        hint of each row and may spare its record being read.
        """
        page = min(PAGE, limit) if limit else PAGE
        for rows in self._pages(path, target, after, page, all_at_once=limit is None):
            chosen = [row for row in rows if wanted is None or wanted(row.hint)]
            keys = list(dict.fromkeys(row.key for row in chosen))
            found = self._tables.read_many(self._shape.kind, keys) if keys else {}
            yield from self._confirmed(chosen, found)

    def keys(self, path: str, target: str = "") -> Iterator[str]:
        """Keys that rows name there, whether the records confirm it or not."""
        for rows in self._pages(path, target, "", PAGE, all_at_once=True):
            yield from dict.fromkeys(row.key for row in rows)

    def _confirmed(self, rows: Sequence[Row], found: Mapping[str, Stored]) -> Iterator[tuple[str, Fields]]:
        for key, of_key in itertools.groupby(rows, lambda row: row.key):
            fields = self._decode(found.get(key, Stored()))
            if fields is not None and not self._shape.rows(key, fields).isdisjoint(of_key):
                yield key, fields

    def _pages(
        self, path: str, target: str, after: str, size: int, *, all_at_once: bool
    ) -> Iterator[list[Row]]:
        """Rows in order of key; those of one key are never divided between two pages."""
        width = self._shape.listing(path).width
        every = buckets(width)
        left = every[every.index(bucket(after, width)) :]
        for number in (len(every),) if all_at_once else GROUPS:
            group, left = left[:number], left[number:]
            if not group:
                return
            firsts = self._tables.list_pages(self._shape.kind, path, target, group, after, size + 1)
            for name, first in zip(group, firsts, strict=True):
                yield from self._bucket(Place(path, target, name), first, after, size)

    def _bucket(self, place: Place, rows: list[Row], after: str, size: int) -> Iterator[list[Row]]:
        while len(rows) > size:
            whole = [row for row in rows if row.key != rows[-1].key]
            if whole:
                yield whole
                after = whole[-1].key
            else:  # more rows of one key than a page has, left over by writers that died
                size *= 2
            [rows] = self._tables.list_pages(
                self._shape.kind, place.path, place.target, [place.bucket], after, size + 1
            )
        if rows:
            yield rows
