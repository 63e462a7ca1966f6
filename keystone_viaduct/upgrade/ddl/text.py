"""Names, types and constants as SQL text."""

from __future__ import annotations

from keystone_viaduct.errors import BadDeclaration
from keystone_viaduct.upgrade.expression import Scalar
from keystone_viaduct.upgrade.types import Boolean, Integer, Text, Type

_INTEGERS = {16: "SMALLINT", 32: "INTEGER", 64: "BIGINT"}


def double_quoted(name: str) -> str:
    """A name as standard SQL quotes it."""
    return '"' + name.replace('"', '""') + '"'


def backticked(name: str) -> str:
    """A name as MariaDB and MySQL quote it."""
    return "`" + name.replace("`", "``") + "`"


def type_name(type_: Type, *, long_text: str, boolean: str = "BOOLEAN") -> str:
    """The type as SQL; ``long_text`` is the engine's word for a text without a length."""
    if isinstance(type_, Boolean):
        return boolean
    if isinstance(type_, Integer):
        return _INTEGERS[type_.bits]
    if isinstance(type_, Text):
        return f"VARCHAR({type_.length})" if type_.length else long_text
    raise BadDeclaration(f"{type(type_).__name__} is no type of a column", hint="use one of upgrade.types")


def constant(value: Scalar, *, backslashes: bool = False, number_booleans: bool = False) -> str:
    """A constant as SQL; ``backslashes``: they have a meaning in texts there."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(int(value)) if number_booleans else str(value).upper()
    if isinstance(value, int):
        return str(value)
    if backslashes and "\\" in value:
        return f"_utf8mb4 x'{value.encode().hex()}'"
    return "'" + value.replace("'", "''") + "'"


def canonical(value: Scalar) -> str:
    """A default as observations compare it."""
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, bool) else str(value)
