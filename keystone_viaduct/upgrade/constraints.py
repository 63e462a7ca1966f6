"""Indexes and foreign keys, as operations name them and as the catalogue has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Index:
    """An index over columns of a table. ``constraint``: a UNIQUE constraint is kept by it (PostgreSQL)."""

    name: str
    columns: tuple[str, ...]
    unique: bool = False
    constraint: bool = False


@dataclass(frozen=True)
class ForeignKey:
    """Columns that refer to those of another table. ``on_delete``: ``CASCADE``, ``SET NULL`` or nothing."""

    name: str
    columns: tuple[str, ...]
    refers: str
    referred: tuple[str, ...]
    on_delete: str = ""

    @property
    def place(self) -> str:
        """Which it is; on SQLite it may have no name."""
        return place_of(self.columns)


def place_of(columns: Sequence[str]) -> str:
    """The foreign key of these columns."""
    return f"FOREIGN KEY ({', '.join(columns)})"
