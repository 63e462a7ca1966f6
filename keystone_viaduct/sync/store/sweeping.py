"""What the sweep of a site's own tables needs, behind :class:`keystone_viaduct.sync.ports.Sweeping`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

from keystone_viaduct.sync.model import Held, Reason, Ref, SweepState
from keystone_viaduct.sync.store import queries as q
from keystone_viaduct.sync.store.base import Part, keys_by_kind


class SweepingPart(Part):
    """Its place, the keys that it goes through, and the deletions that wait for a person."""

    def sweep_state(self) -> SweepState:
        """How far it is."""
        row = self.connection.execute(q.GET_SWEEP).first()
        if row is None:
            return SweepState()
        _, kind, rows, key, *numbers = row
        return SweepState(kind, bool(rows), key, *numbers)

    def save_sweep_state(self, state: SweepState) -> None:
        """Store it."""
        values = asdict(state)
        if self.connection.execute(q.GET_SWEEP).first() is None:
            self.connection.execute(q.INSERT_SWEEP, {"id": 1, **values})
        else:
            self.connection.execute(q.UPDATE_SWEEP, values)

    def live_keys(self, kind: str, after: str, limit: int) -> list[str]:
        """Keys of the kind's records that are no tombstones, after one."""
        parameters = {"p_kind": kind, "p_after": after, "p_limit": limit}
        return list(self.connection.execute(q.LIVE_KEYS, parameters).scalars())

    def row_keys(self, kind: str, after: str, limit: int) -> list[str]:
        """Keys of the kind's rows after one (empty: from the first)."""
        return self.codecs.keys(self.connection, kind, after or None, limit)

    def count_live(self, kind: str) -> int:
        """How many records of the kind are no tombstones."""
        return int(self.connection.execute(q.COUNT_LIVE, {"p_kind": kind}).scalar() or 0)

    def count_rows(self, kind: str) -> int:
        """How many records of the kind there are in the tables."""
        return self.codecs.count(self.connection, kind)

    def held(
        self, limit: int, after: Held | None = None, reasons: Collection[Reason] = tuple(Reason)
    ) -> list[Held]:
        """What waits for a person or is put aside, by age, then kind and key, after one of them."""
        asked = {"p_limit": limit, "p_reasons": [str(reason) for reason in reasons]}
        if after is None:
            return [_held(row) for row in self.connection.execute(q.HELD, asked)]
        place = {"p_found_at": after.found_at, "p_kind": after.ref.kind, "p_key": after.ref.key}
        return [_held(row) for row in self.connection.execute(q.HELD_AFTER, {**asked, **place})]

    def count_held(self) -> dict[str, int]:
        """How many deletions of each kind wait for a person."""
        return dict(sorted(self.connection.execute(q.COUNT_HELD).all()))

    def held_of(self, refs: Sequence[Ref]) -> dict[Ref, Held]:
        """Those of these records."""
        found: dict[Ref, Held] = {}
        for kind, keys in keys_by_kind(refs).items():
            for part in q.chunks(keys):
                rows = self.connection.execute(q.HELD_OF, {"p_kind": kind, "p_keys": part})
                found.update((item.ref, item) for item in map(_held, rows))
        return found

    def hold(self, found: Sequence[Held]) -> None:
        """Add to them (a record once)."""
        latest = {item.ref: item for item in found}
        self.let_go(list(latest))
        if latest:
            rows = [
                {
                    "kind": ref.kind,
                    "key": ref.key,
                    "reason": str(item.reason),
                    "found_at": item.found_at,
                    "why": item.why or None,
                }
                for ref, item in latest.items()
            ]
            self.connection.execute(q.INSERT_HELD, rows)

    def let_go(self, refs: Sequence[Ref]) -> None:
        """Take from them."""
        for kind, keys in keys_by_kind(refs).items():
            for part in q.chunks(keys):
                self.connection.execute(q.DELETE_HELD, {"p_kind": kind, "p_keys": part})


def _held(row: Any) -> Held:
    return Held(Ref(row.kind, row.key), Reason(row.reason), row.found_at, row.why or "")
