"""Names, types and constants as SQL text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from keystone_viaduct.errors import BadDeclaration
from keystone_viaduct.upgrade.expression import Scalar
from keystone_viaduct.upgrade.types import Boolean, DateTime, Enum, Integer, Text, Type

_INTEGERS = {16: "SMALLINT", 32: "INTEGER", 64: "BIGINT"}


def double_quoted(name: str) -> str:
    """A name as standard SQL quotes it."""
    return '"' + name.replace('"', '""') + '"'


def backticked(name: str) -> str:
    """A name as MariaDB and MySQL quote it."""
    return "`" + name.replace("`", "``") + "`"


@dataclass(frozen=True)
class Words:
    """What an engine calls types: a text without a length, and moments without and with a fraction.

    ``enum``: a column of an enumeration lists the values (``listed``), names a type, or is a plain text.
    """

    long_text: str
    seconds: str
    microseconds: str
    enum: str


def type_name(type_: Type, words: Words) -> str:
    """The type as SQL."""
    if isinstance(type_, Boolean):
        return "BOOLEAN"
    if isinstance(type_, DateTime):
        return words.seconds if type_.digits == 0 else words.microseconds
    if isinstance(type_, Enum):
        if words.enum == "text":
            return f"VARCHAR({max(map(len, type_.values))})"
        return listed_values(type_) if words.enum == "listed" else double_quoted(type_.name)
    if isinstance(type_, Integer):
        return _INTEGERS[type_.bits]
    if isinstance(type_, Text):
        return f"VARCHAR({type_.length})" if type_.length else words.long_text
    raise BadDeclaration(f"{type(type_).__name__} is no type of a column", hint="use one of upgrade.types")


def listed_values(type_: Enum, *, backslashes: bool = True) -> str:
    """``ENUM('a', 'b')``."""
    return f"ENUM ({', '.join(constant(value, backslashes=backslashes) for value in type_.values)})"


def constant(value: Scalar, *, backslashes: bool = False, number_booleans: bool = False) -> str:
    """A constant as SQL; ``backslashes``: they have a meaning in texts there."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(int(value)) if number_booleans else str(value).upper()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime):
        return f"'{canonical(value)}'"
    if backslashes and "\\" in value:
        return f"_utf8mb4 x'{value.encode().hex()}'"
    return "'" + value.replace("'", "''") + "'"


#: How observations write a default that is a text of no characters; nothing at all is no default.
EMPTY = "''"


def canonical(value: Scalar) -> str:
    """A default as observations compare it."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(" ", "microseconds" if value.microsecond else "seconds")
    return str(int(value)) if isinstance(value, bool) else str(value) or EMPTY
