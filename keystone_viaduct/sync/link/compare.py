"""Finds what two sites do not agree about, at a cost in proportion to that (PROTOCOL rule 13).

Sums of fingerprints by kind, then digit by digit of the records' buckets, then the few records of the buckets
that differ. :class:`Comparison` goes one call to one site at a time, so that whoever drives it may stop, and
start again from the beginning, at any moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from keystone_viaduct.errors import FenceMismatch, Refused
from keystone_viaduct.sync.charter import Coverage
from keystone_viaduct.sync.model import (
    BUCKET_DIGITS,
    Bucket,
    Checkpoint,
    Entry,
    Fence,
    Places,
    Ref,
    Summary,
    Tally,
    Version,
)
from keystone_viaduct.sync.ports import SitePort

#: A bucket with at most so many records on both sides is listed rather than divided again.
LEAF = 8
#: Buckets to divide, buckets to list, and records to show in one call.
DIVIDED, LISTED, SHOWN = 256, 512, 1000
#: Records that one side may list in one comparison: all of them are kept until its end.
MOST_LISTED = 2_000_000
_NOTHING = Tally(0, 0)
T = TypeVar("T")


class Difference(NamedTuple):
    """A record that two sites do not agree about: what each has of it (None: nothing)."""

    ref: Ref
    hub: Entry | None
    spoke: Entry | None


@dataclass
class Side:
    """One of the two: the site, what the other one last knew of its feed, and what it has told so far."""

    site: SitePort
    fence: Fence | None = None
    applied: Checkpoint | None = None
    root: Summary | None = None
    entries: dict[Ref, Entry] = field(default_factory=dict)
    head: Checkpoint | None = None

    def knows(self, ref: Ref) -> Version:
        """What it knew of a record when it was first asked."""
        return self.root.knows(ref) if self.root is not None else Version()

    def check_coverage(self, coverage: Coverage | None) -> None:
        """Whether it still tells of all that it began with. Raises FenceMismatch.

        A spoke is told at the end what it was compared in. Of a record that only its beginning was about it
        would believe that it is deleted.
        """
        if coverage is not None and self.root is not None and coverage != self.root.coverage:
            raise FenceMismatch(
                f"what {self.site.name} compares has changed since it began", hint="it is compared again"
            )


@dataclass
class Comparison:
    """Of a hub and a spoke, once. ``kinds`` limits it; ``records`` is how many the larger side has."""

    hub: SitePort
    spoke: SitePort
    kinds: frozenset[str] | None = None
    differences: list[Difference] = field(default_factory=list)
    records: int = 0
    calls: int = 0

    def __post_init__(self) -> None:
        self._hub, self._spoke = Side(self.hub), Side(self.spoke)
        self._sizes: dict[Bucket, int] = {}

    @property
    def by_kind(self) -> dict[str, int]:
        """How many records of each kind differ."""
        return dict(sorted(Counter(found.ref.kind for found in self.differences).items()))

    def find(self) -> list[Difference]:
        """All at once. Raises what the ports raise."""
        for _ in self.finding():
            pass
        return self.differences

    def finding(self) -> Iterator[None]:
        """Find the differences, one call to a site at a time."""
        yield from self._begin()
        wholes = (self._tallies(side.root) for side in (self._hub, self._spoke))
        buckets = self._differing(*({b: t for b, t in told.items() if not b.prefix} for told in wholes))
        while buckets:
            leaves = [bucket for bucket in buckets if self._is_leaf(bucket)]
            yield from self._list(leaves)
            inner = [bucket for bucket in buckets if not self._is_leaf(bucket)]
            buckets = []
            for part in _chunks(inner, DIVIDED):
                told: list[Mapping[Bucket, Tally]] = []
                for side in (self._hub, self._spoke):
                    found = self._call(side).summary(self._other(side).site.name, part, kinds=self.kinds)
                    side.check_coverage(found.coverage)
                    told.append(_below(part, found.tallies))
                    yield
                buckets += self._differing(*told)
        self.differences = self._judge()

    def showing(self, differences: Iterable[Difference]) -> Iterator[None]:
        """Have each site show what it has of these, one call at a time.

        That may be more than it has listed: a tombstone of which it is not known where the record lay.
        """
        refs = [found.ref for found in differences]
        for side in (self._hub, self._spoke):
            other = self._other(side)
            for part in _chunks(refs, SHOWN):
                side.head = self._call(side).show(other.site.name, part)
                yield

    def starting_over(self) -> Iterator[None]:
        """Find what differs, show it, and let both go on behind the heads at which they began.

        Where most of it differs, both forget their checkpoints instead and read all: that is quicker.
        """
        yield from self.finding()
        if len(self.differences) > max(SHOWN, self.records // 4):
            for side in (self._hub, self._spoke):
                self._call(side).forget(self._other(side).site.name)
                yield
            return
        yield from self.showing(self.differences)
        for side in (self._hub, self._spoke):
            other = self._other(side)
            assert side.head and other.head and other.root and self._hub.root
            places = Places(other.root.head, other.head, side.head, self._hub.root.coverage)
            self._call(side).resume(other.site.name, places)
            yield

    @property
    def missed(self) -> list[Difference]:
        """The differences that are not on their way: neither side's feed will show them by itself."""
        return [found for found in self.differences if not self._coming(found)]

    def _coming(self, found: Difference) -> bool:
        if any(entry is not None and not entry.seq for entry in (found.hub, found.spoke)):
            return False  # one side has lost it and wants it back, be it from who has it from there
        return any(
            entry is not None and entry.seq > (applied.seq if applied else 0)
            for entry, applied in ((found.hub, self._spoke.applied), (found.spoke, self._hub.applied))
        )

    def _begin(self) -> Iterator[None]:
        for side in (self._hub, self._spoke):
            standing = self._call(side).standing(self._other(side).site.name)
            side.applied = standing.checkpoint
            if standing.fence is not None:
                self._other(side).fence = Fence(standing.fence.seen, anew=True)
            yield
        for side in (self._hub, self._spoke):
            root = self._call(side).summary(self._other(side).site.name, None, side.fence, self.kinds)
            side.root, side.head = root, root.head
            yield
        here, there = self._hub.root, self._spoke.root
        if here and there and (here.term, here.hub) != (there.term, there.hub):
            raise FenceMismatch(
                f"{self.hub.name} is in term {here.term}, {self.spoke.name} in term {there.term}",
                hint="they agree on the hub first",
            )
        self.records = max(
            sum(tally.number for tally in self._tallies(side.root).values())
            for side in (self._hub, self._spoke)
        )

    @staticmethod
    def _tallies(summary: Summary | None) -> Mapping[Bucket, Tally]:
        return summary.tallies if summary is not None else {}

    def _differing(self, here: Mapping[Bucket, Tally], there: Mapping[Bucket, Tally]) -> list[Bucket]:
        found = sorted(
            bucket
            for bucket in here.keys() | there.keys()
            if here.get(bucket, _NOTHING) != there.get(bucket, _NOTHING)
        )
        for bucket in found:
            sizes = here.get(bucket, _NOTHING).number, there.get(bucket, _NOTHING).number
            self._sizes[bucket] = max(sizes)
        return found

    def _is_leaf(self, bucket: Bucket) -> bool:
        return len(bucket.prefix) == BUCKET_DIGITS or self._sizes[bucket] <= LEAF

    def _list(self, buckets: Sequence[Bucket]) -> Iterator[None]:
        for part in _chunks(buckets, LISTED):
            for side in (self._hub, self._spoke):
                left = part
                while left:
                    found = self._call(side).listing(self._other(side).site.name, left)
                    side.check_coverage(found.coverage)
                    side.entries.update((entry.ref, entry) for entry in found.entries)
                    if len(side.entries) > MOST_LISTED:
                        raise Refused(
                            f"{side.site.name} lists more than {MOST_LISTED} records that differ",
                            hint="look at what runs at that site",
                        )
                    left = left[max(1, found.done) :]
                    yield

    def _judge(self) -> list[Difference]:
        here, there = self._hub.entries, self._spoke.entries
        found = (Difference(ref, here.get(ref), there.get(ref)) for ref in sorted(here.keys() | there.keys()))
        return [difference for difference in found if self._differs(difference)]

    def _differs(self, found: Difference) -> bool:
        """A tombstone that the other side has purged already is none: its knowledge says the same."""
        if found.hub is not None and found.spoke is not None:
            return found.hub.fingerprint != found.spoke.fingerprint
        entry = found.hub or found.spoke
        assert entry is not None
        other = self._spoke if found.hub is not None else self._hub
        return entry.version is None or not other.knows(found.ref).covers(entry.version)

    def _other(self, side: Side) -> Side:
        return self._spoke if side is self._hub else self._hub

    def _call(self, side: Side) -> SitePort:
        self.calls += 1
        return side.site


def _below(asked: Sequence[Bucket], told: Mapping[Bucket, Tally]) -> Mapping[Bucket, Tally]:
    """What was asked for: the next digit of these. Of other buckets, or the same ones again, there would be
    no end.
    """
    wanted = set(asked)
    return {b: tally for b, tally in told.items() if b.prefix and Bucket(b.kind, b.prefix[:-1]) in wanted}


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))
