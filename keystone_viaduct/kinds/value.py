"""The values that documents are made of, and the text form of a record's key.

A key is the key columns' text forms joined by ``/``. Inside a part ``%`` is written ``%25`` and ``/`` is
written ``%2F``; NULL is the empty string, a boolean is ``1`` or ``0``. SQL can build the same text with two
``replace()`` calls and concatenation, which is why nothing else is escaped. What would be too long for
a key so (a region's id may be 255 slashes) begins with ``%~``, and has ``%%`` for ``%`` and ``%s`` for ``/``.
"""

from __future__ import annotations

import enum
import re
from datetime import date, datetime
from typing import Any, TypeAlias

from keystone_viaduct.errors import BadKey
from keystone_viaduct.kinds.raw import Raw, is_text

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | Raw | None"
Document: TypeAlias = "dict[str, JSON]"

KEY_SIZE = 700
KIND_SIZE = 32
#: Begins a key in the shorter form, which is that of longer ones only.
SHORTER = "%~"

_ESCAPE = re.compile(r"%(?!25|2F)")
_TIME = re.compile(r"\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class Type(enum.Enum):
    """How a column's value looks in a document, and how it is stored."""

    TEXT = "text"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    DATETIME = "datetime"  # "2026-01-31T12:00:00Z", whole seconds; DATETIME column
    DATE = "date"  # "2026-01-31"; DATE column
    MICROS = "micros"  # int, microseconds since the epoch; BIGINT column (Keystone's DateTimeInt)
    JSON = "json"  # any JSON value; Keystone's JsonBlob
    JSON_TWICE = "json-twice"  # any JSON value, encoded twice (mapping.rules)
    JSON_TEXT = "json-text"  # any JSON value in a plain text column, NULL for None (role_ids)
    SEALED = "sealed"  # plain text here, encrypted with the site's credential key in the column


def key_part(value: object) -> str:
    """The key made of one column."""
    text = value if isinstance(value, str) else _text(value)
    plain = len(text) <= KEY_SIZE and "/" not in text and "%" not in text
    return text if plain else join_key((value,))


def join_key(parts: tuple[object, ...]) -> str:
    """The key made of these column values."""
    texts = [_text(part) for part in parts]
    key = "/".join(texts)
    if "%" in key or key.count("/") >= len(texts) or len(key) > KEY_SIZE:
        key = "/".join(text.replace("%", "%25").replace("/", "%2F") for text in texts)
        if len(key) > KEY_SIZE:
            return SHORTER + "/".join(text.replace("%", "%%").replace("/", "%s") for text in texts)
    return key


def _text(value: object) -> str:
    """The text form of one key column."""
    if value is None:
        return ""
    if value is True or value is False:
        return "1" if value else "0"
    return str(value)


def part_key(key: str, kind: str, count: int, *, sized: bool = True) -> tuple[str, ...]:
    """The column texts inside ``key``; raises BadKey when it can't be a key of ``count`` columns.

    Not ``sized``: it may be longer than what travels.
    """
    if sized and len(key) > KEY_SIZE:
        raise BadKey(f"a key of {kind} is too long", hint=f"at most {KEY_SIZE} characters", kind=kind)
    parts = tuple(key.split("/"))
    if len(parts) == count and "%" not in key:
        return parts
    if len(parts) != count:
        raise BadKey(
            f"a key of {kind} has {count} parts, not {len(parts)}",
            hint="join the key columns with '/', escape '/' as %2F",
            kind=kind,
            key=key,
        )
    if key.startswith(SHORTER):
        parts = tuple(re.sub("%[%s]", _escaped, part) for part in key[len(SHORTER) :].split("/"))
        known = join_key(parts) == key
    else:
        parts = tuple(part.replace("%2F", "/").replace("%25", "%") for part in parts)
        known = not _ESCAPE.search(key)
    if not known:
        raise BadKey(
            f"a key of {kind} has a bad escape",
            hint="only %25 and %2F are known; %~ begins a key that is too long with them",
            kind=kind,
            key=key,
        )
    return parts


def _escaped(found: re.Match[str]) -> str:
    """What an escape of the shorter form stands for."""
    return "%" if found[0] == "%%" else "/"


def misfit(value: Any, kind: Type, size: int | None) -> str | None:
    """What is wrong with ``value`` (not None) as a value of this type, or None when it fits."""
    problem = _WRONG[kind](value)
    if problem is None and size is not None and isinstance(value, str) and len(value) > size:
        return f"is longer than {size} characters"
    return problem


def _not_text(value: Any) -> str | None:
    if not isinstance(value, str):
        return "is not text"
    return None if is_text(value) else "has half of a surrogate pair"


def _not_integer(value: Any) -> str | None:
    return None if isinstance(value, int) and not isinstance(value, bool) else "is not an integer"


def _not_boolean(value: Any) -> str | None:
    return None if isinstance(value, bool) else "is not a boolean"


def _not_datetime(value: Any) -> str | None:
    wrong = "is not a time in whole seconds such as 2026-01-31T12:00:00Z"
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        return wrong
    try:
        datetime.fromisoformat(value[:-1])
    except ValueError:
        return wrong
    return None


def _not_date(value: Any) -> str | None:
    wrong = "is not a day such as 2026-01-31"
    if not isinstance(value, str) or len(value) != 10:
        return wrong
    try:
        date.fromisoformat(value)
    except ValueError:
        return wrong
    return None


def _not_json(value: Any) -> str | None:
    fits = value is None or isinstance(value, (bool, int, float, str, list, dict, Raw))
    return None if fits else "is not a JSON value"


_WRONG = {
    Type.TEXT: _not_text,
    Type.SEALED: _not_text,
    Type.INTEGER: _not_integer,
    Type.MICROS: _not_integer,
    Type.BOOLEAN: _not_boolean,
    Type.DATETIME: _not_datetime,
    Type.DATE: _not_date,
    Type.JSON: _not_json,
    Type.JSON_TWICE: _not_json,
    Type.JSON_TEXT: _not_json,
}
