"""Counts for people: what ``viaduct status`` shows."""

from __future__ import annotations

from typing import NamedTuple

from keystone_viaduct.sync.store import queries as q
from keystone_viaduct.sync.store.base import Part


class Count(NamedTuple):
    """Records of one kind."""

    live: int
    deleted: int


class OverviewPart(Part):
    """Reads only."""

    def count_marks(self) -> tuple[int, int | None]:
        """How many marks wait to be numbered, and when the oldest was made (microseconds since the epoch)."""
        count, oldest = self.connection.execute(q.COUNT_MARKS).one()
        return int(count), oldest

    def count_records(self) -> dict[str, Count]:
        """Records and tombstones per kind."""
        found: dict[str, Count] = {}
        for kind, deleted, number in self.connection.execute(q.COUNT_RECORDS):
            live, dead = found.get(kind, Count(0, 0))
            found[kind] = Count(live, dead + number) if deleted else Count(live + number, dead)
        return found

    def count_pending(self) -> dict[str, int]:
        """Waiting changes per source."""
        return dict(self.connection.execute(q.COUNT_PENDING).all())

    def count_reasons(self) -> dict[str, dict[str, int]]:
        """Waiting changes per source and reason of the wait."""
        found: dict[str, dict[str, int]] = {}
        for source, reason, number in self.connection.execute(q.COUNT_REASONS):
            found.setdefault(source, {})[reason] = number
        return found

    def count_conflicts(self) -> tuple[int, int]:
        """How many conflicts are open, and how many there are in all."""
        counts = {bool(is_open): number for is_open, number in self.connection.execute(q.COUNT_CONFLICTS)}
        return counts.get(True, 0), sum(counts.values())
