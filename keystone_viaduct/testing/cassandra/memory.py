"""The tables of one keyspace in memory, for tests that need no server: the same steps, the same answers."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from keystone_viaduct.cassandra.records.ports import Claim, Event, Held, Row, Stored, Write


def _place(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=7).digest())


Timestamps = dict[Row, tuple[int, bool]]


@dataclass
class MemoryTables:
    """See :class:`~keystone_viaduct.cassandra.records.ports.Tables`."""

    partitions: dict[tuple[str, str], Stored] = field(default_factory=dict)
    claims: dict[Claim, Held] = field(default_factory=dict)
    listings: dict[str, Timestamps] = field(default_factory=dict)
    notes: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    happened: dict[tuple[str, str], list[Event]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, kind: str, key: str, *, serial: bool = False) -> Stored:
        """A partition."""
        return self.partitions.get((kind, key), Stored())

    def read_many(self, kind: str, keys: Sequence[str]) -> dict[str, Stored]:
        """Several."""
        return {key: self.partitions[kind, key] for key in keys if (kind, key) in self.partitions}

    def write(self, kind: str, key: str, change: Write) -> bool:
        """A conditional batch."""
        with self._lock:
            now = self.partitions.get((kind, key), Stored())
            if now.revision != change.expected:
                return False
            kept = {} if change.gone else {k: v for k, v in now.fields.items() if k not in change.drop}
            fields = kept | dict(change.put)
            self.partitions[kind, key] = Stored(change.revision, change.trail, change.gone, fields)
            return True

    def claim(self, claim: Claim, wanted: Held) -> Held:
        """``IF NOT EXISTS``."""
        with self._lock:
            return self.claims.setdefault(claim, wanted)

    def reclaim(self, claim: Claim, held: Held, wanted: Held) -> bool:
        """``IF owner = … AND base = …``."""
        with self._lock:
            if self.claims.get(claim) != held:
                return False
            self.claims[claim] = wanted
            return True

    def unclaim(self, claim: Claim, owner: str, below: int) -> bool:
        """``IF owner = … AND base < …``."""
        with self._lock:
            held = self.claims.get(claim)
            if held is None or held.owner != owner or held.base >= below:
                return False
            del self.claims[claim]
            return True

    def claimed(self, claim: Claim) -> Held | None:
        """Who has a name."""
        return self.claims.get(claim)

    def list_put(self, kind: str, rows: Iterable[Row], revision: int) -> None:
        """Rows with a timestamp."""
        self._stamp(kind, rows, revision, there=True)

    def list_drop(self, kind: str, rows: Iterable[Row], revision: int) -> None:
        """Tombstones with a timestamp."""
        self._stamp(kind, rows, revision, there=False)

    def _stamp(self, kind: str, rows: Iterable[Row], revision: int, *, there: bool) -> None:
        listing = self.listings.setdefault(kind, {})
        for row in rows:  # the later one wins, and of two equal ones the tombstone
            stamp, present = listing.get(row, (0, False))
            if revision > stamp or (revision == stamp and present):
                listing[row] = (revision, there)

    def list_pages(
        self, kind: str, path: str, target: str, buckets: Sequence[str], after: str, limit: int
    ) -> list[list[Row]]:
        """The first rows of each bucket."""
        listing = self.listings.get(kind, {})
        places = [(path, target, bucket) for bucket in buckets]
        there = sorted(row for row, (_, present) in listing.items() if present and row.key > after)
        return [
            [row for row in there if (row.path, row.target, row.bucket) == place][:limit] for place in places
        ]

    def scan(self, kind: str, after: int | None = None) -> Iterator[tuple[int, str]]:
        """In the order of a hash, as in a real one."""
        every = sorted((_place(key), key) for of, key in list(self.partitions) if of == kind)
        return iter([each for each in every if after is None or each[0] > after])

    def scan_claims(self) -> Iterator[tuple[Claim, Held]]:
        """All."""
        return iter(list(self.claims.items()))

    def scan_rows(self, kind: str) -> Iterator[Row]:
        """Those that are there."""
        return iter([row for row, (_, there) in self.listings.get(kind, {}).items() if there])

    def note(self, kind: str, key: str, value: str, stamp: int) -> None:
        """The latest counts, and of two at once the greater."""
        self.notes[kind, key] = max(self.notes.get((kind, key), (0, "")), (stamp, value))

    def noted(self, kind: str, keys: Sequence[str]) -> dict[str, str]:
        """What was noted."""
        return {key: self.notes[kind, key][1] for key in keys if (kind, key) in self.notes}

    def event_put(self, kind: str, events: Iterable[Event], seconds: int) -> None:
        """Kept for ever."""
        for each in events:
            self.happened.setdefault((kind, each.place), []).append(each)

    def events(self, kind: str, places: Sequence[str], since: int) -> list[Event]:
        """In order of place, time and name."""
        there = [
            each for place in places for each in self.happened.get((kind, place), ()) if each.at >= since
        ]
        return sorted(there, key=lambda each: (places.index(each.place), each.at, each.name))
