"""What one column can hold: characters, lengths, bytes and numbers, as this very database has it.

A release may make a column narrower than the declared field. SQLite holds texts of any length; MySQL's TEXT
ends at 65,535 bytes, counted as the column keeps them (encrypted, or encoded as JSON, even twice).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import sqlalchemy as sa

from keystone_viaduct.kinds.raw import dumps_members
from keystone_viaduct.kinds.value import JSON, Type

from .cipher import CredentialCipher
from .convert import micros_to_time
from .layout import Bound
from .schema import Column, Schema, misplaced

_TEXTS = {"TINYTEXT": 2**8 - 1, "TEXT": 2**16 - 1, "MEDIUMTEXT": 2**24 - 1, "LONGTEXT": 2**32 - 1}
_ENCODED = frozenset({Type.JSON, Type.JSON_TWICE, Type.JSON_TEXT})
_LARGER_THAN_PLAIN = 3
"""A text that is encrypted is less than so many times as long, once it is longer than a few words."""


class Misfit(NamedTuple):
    """Why a value does not fit, with the number that it exceeds, if it is one."""

    problem: str
    limit: int | None = None


Check = Callable[[Any], Misfit | None]


def check_of(schema: Schema, column: Column, bound: Bound, cipher: CredentialCipher) -> Check | None:
    """What looks at the values of a field; None where any of its type fits. It is given no None."""
    kind = bound.spec.type
    if kind is Type.TEXT:
        return _text(schema, column)
    if kind in (Type.INTEGER, Type.MICROS):
        return _number(schema, column, bool(bound.spec.mirror))
    most = _bytes(schema, column)
    if kind is Type.SEALED:
        return lambda value: _sealed(value, most, cipher)
    if kind in _ENCODED and most is not None:
        write = bound.write
        assert write is not None
        return lambda value: _too_large(len(write(value)), most, "when it is encoded")
    return None


def check_extra(schema: Schema, column: Column) -> Check | None:
    """What looks at all the further fields of a record, which share one column."""
    most = _bytes(schema, column)
    if most is None:
        return None
    return lambda value: _too_large(len(dumps_members(value)), most, "with all further fields of the record")


def _text(schema: Schema, column: Column) -> Check:
    characters = None
    if schema.dialect != "sqlite" and not isinstance(column.type, (sa.Text, sa.Enum)):
        characters = getattr(column.type, "length", None)
    names = frozenset(column.type.enums) if isinstance(column.type, sa.Enum) else None
    most = _bytes(schema, column)

    def check(value: str) -> Misfit | None:
        if not value.isascii() or "\0" in value:
            problem = _character(schema, column, value)
            if problem is not None:
                return Misfit(f"has {problem}")
        if characters is not None and len(value) > characters:
            return Misfit(
                f"is longer than the {characters} characters that this release can store", characters
            )
        if names is not None and value not in names:
            return Misfit(f"is none of {', '.join(sorted(names))}")
        if most is not None and len(value) * 4 > most:
            return _too_large(len(value.encode()), most, "")
        return None

    return check


def _character(schema: Schema, column: Column, value: str) -> str | None:
    found = misplaced(value, schema.dialect)
    if found is None and not column.holds(value, schema.dialect):
        return "a character beyond U+FFFF, which this database's utf8mb3 columns can't store"
    return found


def _bytes(schema: Schema, column: Column) -> int | None:
    if schema.dialect not in ("mysql", "mariadb"):
        return None
    return _TEXTS.get(type(column.type).__name__.upper())


def _too_large(size: int, most: int, how: str) -> Misfit | None:
    if size <= most:
        return None
    return Misfit(f"takes {size} bytes{f' {how}' if how else ''}, more than the {most} of its column", most)


def _sealed(value: str, most: int | None, cipher: CredentialCipher) -> Misfit | None:
    problem = misplaced(value.replace("\0", ""), "")
    if problem is not None:
        return Misfit(f"has {problem}")
    if most is None or len(value) * 4 * _LARGER_THAN_PLAIN < most:
        return None
    return _too_large(len(cipher.encrypt(value)[0]), most, "when it is encrypted")


def _number(schema: Schema, column: Column, is_time: bool) -> Check | None:
    if not isinstance(column.type, sa.Integer):
        return None
    large = schema.dialect == "sqlite" or isinstance(column.type, sa.BigInteger)
    most = 2 ** (63 if large else 15 if isinstance(column.type, sa.SmallInteger) else 31) - 1

    def check(value: int) -> Misfit | None:
        if not -most - 1 <= value <= most:
            return Misfit(f"is larger than the {most} that this release can store", most)
        return _no_time(value) if is_time else None

    return check


def _no_time(value: JSON) -> Misfit | None:
    assert isinstance(value, int)
    try:
        micros_to_time(value, False)
    except OverflowError:
        return Misfit("is a time before the year 1 or after the year 9999")
    return None
