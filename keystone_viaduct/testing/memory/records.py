"""The site's state, records and feeds, in memory."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

from keystone_viaduct.sync.charter import UNKNOWN, Coverage, domains_of
from keystone_viaduct.sync.model import (
    Bucket,
    Entry,
    Record,
    Ref,
    SiteState,
    Tally,
    bucket_of,
)
from keystone_viaduct.sync.naming import targets_of
from keystone_viaduct.testing.memory.part import Part


class RecordsPart(Part):
    """``ports.Records``."""

    def state(self) -> SiteState:
        """The site's row."""
        return self.data.state

    def save_state(self, state: SiteState) -> None:
        """Store it; a new nonce closes a batch."""
        if state.nonce != self.data.state.nonce:
            self.data.batches = [batch for batch in self.data.batches if batch[0] != state.head]
            self.data.batches.append((state.head, state.nonce))
        self.data.state = state

    def nonce_at(self, seq: int) -> str | None:
        """The nonce of the first batch that reaches this position."""
        index = bisect.bisect_left(self.data.batches, (seq, ""))
        return self.data.batches[index][1] if index < len(self.data.batches) else None

    def old_batches(self, upto: int, limit: int) -> list[tuple[int, str]]:
        """Oldest first."""
        return [batch for batch in self.data.batches if batch[0] <= upto][:limit]

    def drop_batches(self, upto: int) -> None:
        """One forgotten batch stands for them."""
        self.data.batches = [(upto, ""), *(batch for batch in self.data.batches if batch[0] > upto)]

    def has_batch(self, nonce: str) -> bool:
        """A scan."""
        return any(batch[1] == nonce for batch in reversed(self.data.batches))

    def records(self, refs: Sequence[Ref]) -> dict[Ref, Record]:
        """Those that are there."""
        return {ref: self.data.records[ref] for ref in refs if ref in self.data.records}

    def save_records(self, records: Sequence[Record]) -> None:
        """Insert or replace."""
        for record in records:
            self.data.records[record.ref] = record

    def drop_records(self, refs: Sequence[Ref]) -> None:
        """Forget them."""
        for ref in refs:
            del self.data.records[ref]

    def tombstones(self, upto: int, limit: int, after: int = 0) -> list[Record]:
        """In feed order."""
        found = [r for r in self.data.records.values() if r.deleted and after < r.seq <= upto]
        return sorted(found, key=lambda record: record.seq)[:limit]

    def scopes(self, refs: Sequence[Ref]) -> dict[Ref, str | None]:
        """Of those that are there."""
        return {ref: record.scope for ref, record in self.records(refs).items()}

    def feed(
        self, after: int, limit: int, not_learned_from: str | None, coverage: Coverage | None = None
    ) -> list[Record]:
        """In feed order; as generous with what has moved as a database."""
        entries = [
            record
            for record in self.data.records.values()
            if record.seq > after
            and not record.evicted
            and (not_learned_from is None or record.learned_from != not_learned_from)
            and (coverage is None or _perhaps(coverage, record))
        ]
        return sorted(entries, key=lambda record: record.seq)[:limit]

    def outside(self, after: int, upto: int, limit: int, coverage: Coverage) -> list[Record]:
        """In feed order."""
        entries = [
            record
            for record in self.data.records.values()
            if after < record.seq <= upto
            and not record.evicted
            and not record.deleted
            and not coverage.holds(record.ref.kind, record.scope)
        ]
        return sorted(entries, key=lambda record: record.seq)[:limit]

    def carries(self) -> bool:
        """A scan."""
        return any(record.carried is not None for record in self.data.records.values())

    def carried_naming(self, targets: Sequence[str]) -> list[Record]:
        """A scan."""
        wanted = {*targets}
        found = [r for r in self.data.records.values() if wanted & targets_of(r)]
        return sorted(found, key=lambda record: record.seq)

    def forget_names(self) -> None:
        """Nothing is kept."""

    def tallies(
        self, within: Sequence[Bucket] | None, coverage: Coverage | None = None
    ) -> dict[Bucket, Tally]:
        """A scan."""
        wanted = None if within is None else set(within)
        found: dict[Bucket, Tally] = {}
        for ref, record in self.data.records.items():
            if record.evicted or not (coverage is None or coverage.holds(ref.kind, record.scope)):
                continue
            digits = f"{bucket_of(ref):04x}"
            for size in range(len(digits) + 1) if wanted is not None else (0,):
                if wanted is None or (size and Bucket(ref.kind, digits[: size - 1]) in wanted):
                    bucket = Bucket(ref.kind, digits[:size])
                    count, total = found.get(bucket, (0, 0))
                    found[bucket] = Tally(count + 1, (total + record.fingerprint) % 2**64)
        return found

    def entries(self, within: Bucket, coverage: Coverage | None = None) -> list[Entry]:
        """A scan."""
        return [
            Entry(ref, record.fingerprint, record.seq, record.version if record.deleted else None)
            for ref, record in self.data.records.items()
            if ref.kind == within.kind
            and within.first <= bucket_of(ref) <= within.last
            and not record.evicted
            and (coverage is None or coverage.holds(ref.kind, record.scope))
        ]

    def evicted(self, limit: int, after: int | None = None) -> list[Record]:
        """By position."""
        evicted = (record for record in self.data.records.values() if record.evicted)
        found = [record for record in evicted if after is None or record.seq > after]
        return sorted(found, key=lambda record: record.seq)[:limit]

    def carrying(self, after: int, limit: int) -> list[Record]:
        """In feed order."""
        found = self.feed(after, len(self.data.records), None)
        return [record for record in found if record.unknown][:limit]

    def carried(self, after: int, limit: int, reasons: frozenset[str] | None = None) -> list[Record]:
        """In feed order."""
        found = [
            record
            for record in self.data.records.values()
            if record.carried is not None and (reasons is None or record.carried.reason in reasons)
        ]
        return sorted((r for r in found if r.seq > after), key=lambda record: record.seq)[:limit]


def _perhaps(coverage: Coverage, record: Record) -> bool:
    if coverage.kinds is not None and record.ref.kind not in coverage.kinds:
        return False
    unsure = bool(record.former) or UNKNOWN in domains_of(record.scope)
    return unsure or coverage.holds(record.ref.kind, record.scope)
