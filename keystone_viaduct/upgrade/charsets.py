"""Whether texts of a bridge can be compared byte by byte on MariaDB and MySQL, where columns have charsets.

Triggers of ours are made under utf8mb4, and texts in them are compared as bytes. The bytes of two columns, or
of a column and a constant, mean the same only in one character set; and an expression over columns of
different collations is an error there, which every writer would get.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from .move import Move
from .shape import Bridge, Column
from .steps import Refusal, Server
from .types import Enum, Text

#: Texts of ASCII have the same bytes in all of these.
_LIKE_ASCII = frozenset({"utf8mb4", "utf8mb3", "utf8", "ascii", "latin1"})
#: And all texts in these.
_LIKE_OURS = frozenset({"utf8mb4", "utf8mb3", "utf8"})
_TABLE = """
SELECT table_collation FROM information_schema.tables
WHERE table_schema = DATABASE() AND table_name = :table
"""


def charset_problems(connection: Any, server: Server, bridges: Sequence[Bridge | Move]) -> Iterator[Refusal]:
    """What would make triggers fail, or take equal texts for different ones."""
    for bridge in bridges:
        here, there = bridge.tables if isinstance(bridge, Move) else (bridge.table, bridge.table)
        table = here.name
        found = {column.name: server.collation(table, column.name) for column in bridge.old if _has(column)}
        known = {name: collation for name, collation in found.items() if collation}
        if any(_has(column) for column in bridge.new):
            usual = _usual(connection, there.name)
            if isinstance(bridge, Move):
                yield from _apart(server, table, known, there.name, usual)
            if not known and usual:
                table, known = there.name, {"its default": usual}
        yield from _unlike(server, table, known)
        plain = repr((bridge.up, bridge.down)).isascii()
        fit = _LIKE_ASCII if plain else _LIKE_OURS
        for name, collation in known.items():
            charset = _charset(collation)
            if charset not in fit:
                what = "texts" if plain else "texts outside of ASCII, which the declaration has,"
                yield Refusal(
                    server.engine,
                    f"{table}, {name}: {what} have other bytes in {charset} than in utf8mb4",
                    f"ALTER TABLE {table} CONVERT TO CHARACTER SET utf8mb4 first",
                )


def _usual(connection: Any, table: str) -> str:
    """The collation of a column that says nothing of it; empty where there is no such table."""
    return str(connection.execute(sa.text(_TABLE), {"table": table}).scalar() or "")


def _charset(collation: str) -> str:
    return collation.partition("_")[0]


def _apart(server: Server, table: str, known: dict[str, str], there: str, usual: str) -> Iterator[Refusal]:
    """A text that moves gets the character set of the table that it moves to."""
    for name, collation in known.items():
        one, other = _charset(collation), _charset(usual)
        if usual and one != other and not {one, other} <= _LIKE_OURS:
            yield Refusal(
                server.engine,
                f"{table}.{name} is {one} and {there} is {other}: the same text has other bytes there",
                f"ALTER TABLE {table} CONVERT TO CHARACTER SET utf8mb4 first, and {there}",
            )


def _has(column: Column) -> bool:
    return isinstance(column.type, (Text, Enum))


def _unlike(server: Server, table: str, known: dict[str, str]) -> Iterator[Refusal]:
    """Columns that meet in one expression."""
    if len(set(known.values())) > 1:
        said = ", ".join(f"{name} {collation}" for name, collation in known.items())
        yield Refusal(
            server.engine,
            f"{table}: columns of one bridge have different collations ({said})",
            "give them the same by MODIFY COLUMN first",
        )
