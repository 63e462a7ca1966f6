"""Takes away what clients left over that died: claims without a matching record, rows that no record
confirms.

Nobody needs it, for whoever meets such a thing sees what it is; but nobody may meet it. Keystones may serve
meanwhile. What a live writer has just put there looks the same, so its record is fenced first: should the
writer be there still, its write fails, and it begins again with a claim and rows of its own, at a later
revision.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from keystone_viaduct.cassandra.records.fence import fence, next_revision
from keystone_viaduct.cassandra.records.ports import Claim, Held, Row, Stored, Tables
from keystone_viaduct.cassandra.records.record import decode
from keystone_viaduct.cassandra.records.shape import Shape
from keystone_viaduct.clock import Clock

PAGE = 200
"""Rows looked at at once."""
AHEAD = 60_000_000
"""Microseconds that the clock of a writer that died may have been ahead of this one: rows of it are taken
away.
"""
ATTEMPTS = 5
"""Times that a record is read and fenced; one that changes all the time has living writers, who tidy up."""


@dataclass
class Repaired:
    """What was looked at, and what was taken away (or would have been)."""

    claims: int = 0
    rows: int = 0
    void: int = 0
    dangling: int = 0
    left: int = 0
    """Not taken away, for others kept changing their records."""


class Repair:
    """``shapes``: all kinds of records that there are. ``dry``: look, and change nothing."""

    def __init__(self, tables: Tables, clock: Clock, shapes: Iterable[Shape], *, dry: bool = False) -> None:
        self._tables = tables
        self._clock = clock
        self._shapes: Mapping[str, Shape] = {shape.kind: shape for shape in shapes}
        self._dry = dry
        self._result = Repaired()

    def run(self) -> Repaired:
        """Look at everything, once."""
        claims = self._tables.scan_claims()
        while some := list(itertools.islice(claims, PAGE)):
            self._look_at_claims(some)
        for shape in self._shapes.values():
            if not shape.listings:
                continue
            rows = self._tables.scan_rows(shape.kind)
            while page := list(itertools.islice(rows, PAGE)):
                self._look_at_rows(shape, page)
        return self._result

    def _look_at_claims(self, some: Sequence[tuple[Claim, Held]]) -> None:
        self._result.claims += len(some)
        by_kind: dict[str, list[tuple[Claim, Held]]] = {}
        for claim, held in some:
            by_kind.setdefault(claim.rule.partition(".")[0], []).append((claim, held))
        for kind, claims in by_kind.items():
            shape = self._shapes.get(kind)
            if shape is None:
                continue
            found = self._tables.read_many(kind, list(dict.fromkeys(held.owner for _, held in claims)))
            for claim, held in claims:
                if claim not in shape.claims(decode(found.get(held.owner, Stored()))):
                    self._free(shape, claim, held)

    def _free(self, shape: Shape, claim: Claim, held: Held) -> None:
        """Free a name whose owner seems not to have it."""
        for _ in range(ATTEMPTS):
            stored = self._tables.read(shape.kind, held.owner, serial=True)
            if claim in shape.claims(decode(stored)):
                return
            if self._dry:
                self._result.void += 1
                return
            if stored.revision > held.base:
                self._result.void += self._tables.unclaim(claim, held.owner, stored.revision)
                return
            fence(self._tables, self._clock, shape.kind, held.owner, stored, held.base)
        self._result.left += 1

    def _look_at_rows(self, shape: Shape, page: Sequence[Row]) -> None:
        self._result.rows += len(page)
        found = self._tables.read_many(shape.kind, list(dict.fromkeys(row.key for row in page)))
        by_key: dict[str, list[Row]] = {}
        for row in page:
            by_key.setdefault(row.key, []).append(row)
        for key, rows in by_key.items():
            if not set(rows) <= shape.rows(key, decode(found.get(key, Stored()))):
                self._drop(shape, key, rows)

    def _drop(self, shape: Shape, key: str, rows: Sequence[Row]) -> None:
        """Take away those of these rows that their record does not confirm.

        As of the revision that it is fenced at: a row that is put later has a later one, and stays.
        """
        for _ in range(ATTEMPTS):
            stored = self._tables.read(shape.kind, key, serial=True)
            dangling = sorted(set(rows) - shape.rows(key, decode(stored)))
            if not dangling or self._dry:
                self._result.dangling += len(dangling)
                return
            above = next_revision(self._clock, stored.revision) + AHEAD
            if fence(self._tables, self._clock, shape.kind, key, stored, above - 1):
                self._tables.list_drop(shape.kind, dangling, above)
                self._result.dangling += len(dangling)
                return
        self._result.left += 1
