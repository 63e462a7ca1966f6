"""JSON values that JSON proper can't carry, although Python's parser, and so Keystone, takes them.

NaN and the infinities are no JSON numbers, half of a surrogate pair is no text, and what is nested deeply
breaks readers that recurse. Such a value is a leaf of its document: a :class:`Raw`, which holds its canonical
text. It is equal to itself, and nothing that copies, compares or seals documents has to look into it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from keystone_viaduct.kinds.deepjson import DEPTH, TooDeep, decode, encode

__all__ = ["DEPTH", "PLAIN_DEPTH", "Raw", "TooDeep"]

#: Lists and objects inside each other up to which a value travels as plain JSON.
PLAIN_DEPTH = 200

_canonical = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
).encode
_dumps = json.JSONEncoder().encode
_compact = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True, repr=False)
class Raw:
    """A value as its canonical text: ASCII, keys sorted, no blanks; ``NaN``, ``Infinity``, ``-Infinity``."""

    text: str

    def __repr__(self) -> str:
        return f"<raw JSON of {len(self.text)} characters>"

    def __deepcopy__(self, memo: Any) -> Raw:
        return self


class _Unusual(Exception):
    """The text has something that JSON proper can't carry."""


def _constant(text: str) -> NoReturn:
    raise _Unusual


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise _Unusual
    return value


_scan = json.JSONDecoder(parse_constant=_constant, parse_float=_float).decode


def parse(text: str) -> Any:
    """The document's value that a JSON text stands for. Raises ValueError where it is none; TooDeep."""
    value, usual = _parsed(text, DEPTH)
    return value if usual else settled(value)


def parse_members(text: str) -> Any:
    """As :func:`parse`, but each member of the object is a value of its own."""
    value, usual = _parsed(text, DEPTH + 1)
    return value if usual else _each(value)


def parse_list(text: str, documents: tuple[int, ...]) -> list[Any]:
    """A list; at these places stand objects, each member of which is a value of its own."""
    items, usual = _parsed(text, DEPTH + 2)
    for place in () if usual else documents:
        items[place] = _each(items[place])
    return list(items)


def _each(value: Any) -> Any:
    return {name: settled(one) for name, one in value.items()} if isinstance(value, dict) else value


def _parsed(text: str, depth: int) -> tuple[Any, bool]:
    """The value, and whether it is surely a plain one."""
    try:
        value = _scan(text)
    except (_Unusual, RecursionError):
        return decode(text, depth), False
    return value, not _may_be_raw(text)


def _may_be_raw(text: str) -> bool:
    """Whether a text without constants may be raw all the same."""
    return "\\ud" in text or "\\uD" in text or text.count("[") + text.count("{") > PLAIN_DEPTH


def settled(value: Any) -> Any:
    """A value of any depth as it stands in a document. Raises TooDeep."""
    return value if is_plain(value) else Raw(encode(value))


def is_plain(value: Any) -> bool:
    """Whether plain JSON can carry it; without recursion."""
    level = [value]
    for _ in range(PLAIN_DEPTH + 1):
        inner: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                if not all(map(is_text, one)):
                    return False
                inner += one.values()
            elif isinstance(one, list):
                inner += one
            elif isinstance(one, str):
                if not is_text(one):
                    return False
            elif isinstance(one, float) and not math.isfinite(one):
                return False
        if not inner:
            return True
        level = inner
    return False


def is_text(value: str) -> bool:
    """Whether it has no half of a surrogate pair."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def canonical(value: Any) -> str:
    """The one text of a document's value. Raises ValueError for a number that no document holds."""
    return value.text if isinstance(value, Raw) else _canonical(value)


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON; to Python ``True``, ``1`` and ``1.0`` are equal."""
    if one is other:
        return True
    if type(one) is not type(other) or one != other:
        return False
    return not isinstance(one, (dict, list, float)) or canonical(one) == canonical(other)


def same_documents(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    """Whether two documents (None: none) say the same."""
    if one is None or other is None:
        return one is other
    return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> set[str]:
    """The fields in which two documents differ; an absent one says null."""
    return {name for name in one.keys() | other.keys() if not same(one.get(name), other.get(name))}


def dumps(value: Any, *, compact: bool = False) -> str:
    """A document's value as Keystone writes it into a column; compact, as we write it elsewhere."""
    if isinstance(value, Raw):
        return value.text
    return _compact(value) if compact else _dumps(value)


def dumps_members(members: Mapping[str, Any], *, compact: bool = False) -> str:
    """An object whose members are documents' values."""
    comma, colon = (",", ":") if compact else (", ", ": ")
    if not any(isinstance(value, Raw) for value in members.values()):
        return dumps(dict(members), compact=compact)
    parts = (_dumps(name) + colon + dumps(value, compact=compact) for name, value in members.items())
    return "{" + comma.join(parts) + "}"


def dumps_list(items: Sequence[Any], documents: tuple[int, ...]) -> str:
    """The opposite of :func:`parse_list`, compact."""
    texts = (
        dumps_members(item, compact=True) if place in documents and item is not None else _compact(item)
        for place, item in enumerate(items)
    )
    return f"[{','.join(texts)}]"
