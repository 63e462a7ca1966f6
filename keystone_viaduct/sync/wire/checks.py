"""Checks of what comes in: each gives the value back or raises BadRequest naming the place."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from keystone_viaduct.errors import BadRequest, TooLarge
from keystone_viaduct.kinds.raw import is_text
from keystone_viaduct.sync.wire import limits

SITE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
IDENTIFIER = re.compile(r"[A-Za-z0-9._-]+")
_KEY = re.compile(r"[0-9a-f]{64}")
_ORIGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*#[A-Za-z0-9_-]+")


_FORM = "see docs/reference/api.md for its form"


def bad(where: str, problem: str, hint: str = _FORM) -> BadRequest:
    """The error for a value at ``where`` (a path such as ``changes[3].version``)."""
    return BadRequest(f"{where} {problem}", hint=hint, where=where)


def mapping(value: Any, where: str, most: int = limits.LIST) -> dict[str, Any]:
    """A JSON object of at most ``most`` members."""
    if not isinstance(value, dict):
        raise bad(where, f"is {_name(value)}, not an object")
    if len(value) > most:
        raise TooLarge(f"{where} has {len(value)} members", hint=f"at most {most} are taken", where=where)
    return value


def sequence(value: Any, where: str, most: int = limits.LIST) -> list[Any]:
    """A JSON array of at most ``most`` items."""
    if not isinstance(value, list):
        raise bad(where, f"is {_name(value)}, not a list")
    if len(value) > most:
        raise TooLarge(f"{where} has {len(value)} items", hint=f"at most {most} are taken", where=where)
    return value


def tuple_of(value: Any, where: str, size: int) -> list[Any]:
    """A JSON array of exactly ``size`` items."""
    if not isinstance(value, list) or len(value) != size:
        raise bad(where, f"is not a list of {size} items")
    return value


def text(value: Any, where: str, most: int, pattern: re.Pattern[str] | None = None) -> str:
    """A string of at most ``most`` characters that fits ``pattern`` as a whole."""
    if not isinstance(value, str):
        raise bad(where, f"is {_name(value)}, not a string")
    if len(value) > most:
        raise bad(where, f"is longer than {most} characters")
    if not is_text(value):
        raise bad(where, "has half of a surrogate pair")
    if pattern is not None and not pattern.fullmatch(value):
        raise bad(where, f"has characters that are not allowed there: {value[:40]!r}")
    return value


def shallow(value: Any, where: str, most: int = limits.DEPTH) -> None:
    """Raise BadRequest when lists and objects lie deeper in each other than ``most``, without recursion."""
    level = [value]
    for _ in range(most + 1):
        level = [part for found in level if isinstance(found, (list, dict)) for part in _parts(found)]
        if not level:
            return
    raise bad(where, f"is nested more than {most} deep", "no field of Keystone's needs that")


def _parts(value: list[Any] | dict[str, Any]) -> list[Any]:
    return [*value.values()] if isinstance(value, dict) else value


def integer(value: Any, where: str, least: int = 0, most: int = limits.INTEGER) -> int:
    """An integer within bounds; a boolean is none."""
    if type(value) is not int:
        raise bad(where, f"is {_name(value)}, not an integer")
    if not least <= value <= most:
        raise bad(where, f"is not between {least} and {most}")
    return value


def flag(value: Any, where: str) -> bool:
    """A boolean."""
    if not isinstance(value, bool):
        raise bad(where, f"is {_name(value)}, not true or false")
    return value


def member(value: dict[str, Any], name: str, where: str) -> Any:
    """A member that has to be there."""
    try:
        return value[name]
    except KeyError:
        raise bad(f"{where}.{name}" if where else name, "is missing") from None


def site_name(value: Any, where: str) -> str:
    """A site's name."""
    return text(value, where, limits.SITE, SITE_NAME)


def origin(value: Any, where: str) -> str:
    """``site#incarnation``."""
    if isinstance(value, str) and _is_origin(value):
        return value
    return text(value, where, limits.ORIGIN, _ORIGIN)


@lru_cache(maxsize=1024)
def _is_origin(text: str) -> bool:
    """Few sites are named many times in a page."""
    return len(text) <= limits.ORIGIN and _ORIGIN.fullmatch(text) is not None


def reader(value: Any, where: str) -> str:
    """A site's name, or its origin."""
    return origin(value, where) if isinstance(value, str) and "#" in value else site_name(value, where)


def key_text(value: Any, where: str) -> str:
    """A key of 32 bytes in hexadecimal."""
    return text(value, where, 64, _KEY)


def identifier(value: Any, where: str, most: int = 64) -> str:
    """Letters, digits, ``.``, ``-`` and ``_``: an incarnation, a nonce, a conflict's id."""
    return text(value, where, most, IDENTIFIER)


def _name(value: Any) -> str:
    if value is None:
        return "null"
    return {bool: "a boolean", int: "an integer", float: "a number", str: "a string", list: "a list"}.get(
        type(value), "an object"
    )
