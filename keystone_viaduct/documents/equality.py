"""When two texts are equal to this very database: its collations are asked, not guessed.

MySQL and MariaDB compare texts by the collation of their column: case, accents and trailing blanks may not
count, some characters count for nothing and others for two. What they compare are *collation keys*, and the
server hands those out (``WEIGHT_STRING``). SQLite's own comparison and PostgreSQL's are by bytes: there a
text is its own key.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

import sqlalchemy as sa

from keystone_viaduct.errors import StoreError

from .load import batches

_NAME = re.compile(r"\w+")
_IN_ONE_STATEMENT = 250
_MOST_WEIGHTS = 4608
"""More than a name of 255 characters has (U+FDFA has eighteen)."""


class Folding(Protocol):
    """Exchanges texts for what a collation compares in their place."""

    def __call__(
        self, connection: sa.engine.Connection, collation: str, texts: Collection[str]
    ) -> Mapping[str, Hashable]:
        """Text -> its collation key; no text that the column's character set can't hold is asked for."""


class _Collation(NamedTuple):
    """``padding`` is the key of a blank where blanks at the end do not count, else empty.

    ``plain``: the key of a text is those of its characters in a row (a collation of several levels has them
    level by level).
    """

    expression: str
    padding: bytes
    plain: bool


class ServerFolding:
    """A :class:`Folding` of MySQL and MariaDB; one per database, for it remembers its collations."""

    def __init__(self) -> None:
        self._known: dict[str, _Collation] = {}

    def __call__(
        self, connection: sa.engine.Connection, collation: str, texts: Collection[str]
    ) -> Mapping[str, Hashable]:
        """One statement for every 250 texts."""
        if collation not in self._known:
            self._known[collation] = _probe(connection, collation)
        known = self._known[collation]
        found: dict[str, Hashable] = {}
        for batch in batches(list(dict.fromkeys(texts)), _IN_ONE_STATEMENT):
            columns = (_weights(known, f"t{number}") for number in range(len(batch)))
            statement = sa.text(f"SELECT {', '.join(columns)}")
            row = connection.execute(statement, {f"t{n}": text for n, text in enumerate(batch)}).one()
            found.update((text, _cut(known, key)) for text, key in zip(batch, row, strict=True))
        return found


def _expression(collation: str) -> str:
    if not _NAME.fullmatch(collation):
        raise StoreError(f"{collation!r} is no name of a collation", hint="look at the tables' definitions")
    charset = collation.split("_", 1)[0]
    return f"CONVERT(:{{}} USING {charset}) COLLATE {collation}"


def _probe(connection: sa.engine.Connection, collation: str) -> _Collation:
    expression = _expression(collation)
    texts = {"blank": " ", "a": "a", "b": "b", "ab": "ab", "padded": "a "}
    columns = [f"WEIGHT_STRING({expression.format(name)})" for name in ("blank", "a", "b", "ab")]
    columns.append(f"{expression.format('a')} = {expression.format('padded')}")
    row = connection.execute(sa.text(f"SELECT {', '.join(columns)}"), texts).one()
    blank, first, second, both = (bytes(part) for part in row[:4])
    return _Collation(expression, blank if row[4] else b"", both == first + second)


def _weights(known: _Collation, parameter: str) -> str:
    expression = known.expression.format(parameter)
    if known.plain or not known.padding:
        return f"WEIGHT_STRING({expression})"
    return f"SHA2(WEIGHT_STRING({expression} AS CHAR({_MOST_WEIGHTS})), 256)"


def _cut(known: _Collation, key: Any) -> Hashable:
    """Without the blanks at the end, where those do not count."""
    if isinstance(key, str):
        return key.encode()
    found = bytes(key)
    if known.plain and known.padding:
        size = len(known.padding)
        while found.endswith(known.padding) and len(found) % size == 0:
            found = found[:-size]
    return found


def fold(
    folding: Folding, connection: sa.engine.Connection, wanted: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], Hashable]:
    """The collation keys of pairs (collation, text), one statement per collation and 250 texts."""
    grouped: dict[str, dict[str, None]] = {}
    for collation, text in wanted:
        grouped.setdefault(collation, {})[text] = None
    return {
        (collation, text): key
        for collation, texts in grouped.items()
        for text, key in folding(connection, collation, texts).items()
    }
