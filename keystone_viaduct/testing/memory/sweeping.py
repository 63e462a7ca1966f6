"""The sweep of a site's tables, in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from keystone_viaduct.kinds.local import is_local
from keystone_viaduct.sync.model import Held, Reason, Ref, SweepState
from keystone_viaduct.testing.memory.data import in_tables
from keystone_viaduct.testing.memory.part import Part


class SweepingPart(Part):
    """``ports.Sweeping``."""

    def sweep_state(self) -> SweepState:
        """How far it is."""
        return self.data.sweep

    def save_sweep_state(self, state: SweepState) -> None:
        """Store it."""
        self.data.sweep = state

    def live_keys(self, kind: str, after: str, limit: int) -> list[str]:
        """By key."""
        living = (record.ref for record in self.data.records.values() if in_tables(record))
        return sorted(ref.key for ref in living if ref.kind == kind and ref.key > after)[:limit]

    def row_keys(self, kind: str, after: str, limit: int) -> list[str]:
        """By key."""
        rows = self.data.rows.items()
        found = (ref.key for ref, row in rows if ref.kind == kind and not is_local(*ref, row))
        return sorted(key for key in found if key > after)[:limit]

    def unmarked(self, kind: str, keys: Sequence[str]) -> list[str]:
        """Neither marked nor recorded as living."""
        marked = {mark.ref for mark in self.data.marks.values()}
        living = {record.ref for record in self.data.records.values() if in_tables(record)}
        return [key for key in keys if Ref(kind, key) not in marked | living]

    def count_live(self, kind: str) -> int:
        """A scan."""
        records = [record for record in self.data.records.values() if record.ref.kind == kind]
        return sum(map(in_tables, records))

    def count_rows(self, kind: str) -> int:
        """A scan."""
        return sum(ref.kind == kind and not is_local(*ref, row) for ref, row in self.data.rows.items())

    def held(
        self, limit: int, after: Held | None = None, reasons: Collection[Reason] = tuple(Reason)
    ) -> list[Held]:
        """The oldest first."""

        def place(item: Held) -> tuple[int, Ref]:
            return item.found_at, item.ref

        wanted = [item for item in self.data.held.values() if item.reason in reasons]
        found = [item for item in wanted if after is None or place(item) > place(after)]
        return sorted(found, key=place)[:limit]

    def held_of(self, refs: Sequence[Ref]) -> dict[Ref, Held]:
        """Those of these records."""
        return {ref: self.data.held[ref] for ref in refs if ref in self.data.held}

    def hold(self, found: Sequence[Held]) -> None:
        """Each record once."""
        self.data.held.update((item.ref, item) for item in found)

    def let_go(self, refs: Sequence[Ref]) -> None:
        """Take from them."""
        for ref in refs:
            self.data.held.pop(ref, None)
