"""SQLite's own list of rows whose foreign key leads nowhere, told per table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

EXAMPLES = 3


@dataclass(frozen=True)
class Broken:
    """Rows of one table that refer to rows of another that are not there; ``examples`` are some rowids."""

    table: str
    target: str
    count: int
    examples: tuple[int, ...]

    def __str__(self) -> str:
        rows = ", ".join(map(str, self.examples)) + (", …" if self.count > len(self.examples) else "")
        return f"{self.count} of {self.table} that refer to a {self.target} (rowid {rows})"


def broken_references(connection: sa.engine.Connection) -> list[Broken]:
    """What ``PRAGMA foreign_key_check`` finds, counted; nothing on engines that always keep references."""
    if connection.dialect.name != "sqlite":
        return []
    counts: dict[tuple[str, str], int] = {}
    examples: dict[tuple[str, str], list[int]] = {}
    for table, rowid, target in _violations(connection):
        counts[table, target] = counts.get((table, target), 0) + 1
        if counts[table, target] <= EXAMPLES:
            examples.setdefault((table, target), []).append(rowid)
    return [
        Broken(table, target, count, tuple(examples[table, target]))
        for (table, target), count in sorted(counts.items())
    ]


def _violations(connection: sa.engine.Connection) -> Iterator[tuple[str, int, str]]:
    for table, rowid, target, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        yield table, rowid, target
