"""Texts in SQLite that are not UTF-8, which it takes from any client: one of them fails whoever reads it.

They are read with each such byte written out (``caf\\xe9``), so that whatever holds one can be named, and the
rows beside it are read. By that text the row is found again. It can't travel, and Keystone can't read it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

REASON = "it holds bytes that are not UTF-8"
_WRITTEN_OUT = re.compile(rb"\\x([89a-f][0-9a-f])")


class Undecodable(str):
    """Such a text, as it can be shown."""

    __slots__ = ()


def readable(data: bytes) -> str:
    """For ``text_factory`` of a connection to SQLite."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return Undecodable(data.decode(errors="backslashreplace"))


def is_undecodable(row: Sequence[Any]) -> bool:
    """Whether one of these values is such a text."""
    return any(type(value) is Undecodable for value in row)


def as_stored(
    connection: sa.engine.Connection, columns: Sequence[Any], values: tuple[Any, ...]
) -> tuple[Any, ...]:
    """What to compare key columns with: the values, or what they write out where there is such a row."""
    if connection.dialect.name != "sqlite":
        return values
    raw = tuple(_bytes_of(value) for value in values)
    if raw == values:
        return values
    stored = tuple(
        sa.cast(sa.literal(value, sa.LargeBinary), sa.Text) if isinstance(value, bytes) else value
        for value in raw
    )
    same = (column == value for column, value in zip(columns, stored, strict=True))
    found = connection.execute(sa.select(sa.literal(1)).where(*same).limit(1)).first()
    return values if found is None else stored


def _bytes_of(value: Any) -> Any:
    """The bytes that a text writes out; the value itself where it writes out none."""
    if not isinstance(value, str):
        return value
    text = value.encode(errors="surrogatepass")
    found = _WRITTEN_OUT.sub(lambda byte: bytes([int(byte[1], 16)]), text)
    return value if found == text else found
