"""Values of columns to values of documents, and back. None stands for "as it is"."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from keystone_viaduct.kinds import raw
from keystone_viaduct.kinds.shape import Field
from keystone_viaduct.kinds.value import JSON, Type

Convert = Callable[[Any], Any] | None

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def reader(spec: Field) -> Convert:
    """What makes a document's value of a column's."""
    if spec.null_token is not None:
        token = spec.null_token
        return lambda value: None if value == token else value
    return _READERS.get(spec.type)


def writer(spec: Field) -> Convert:
    """What makes a column's value of a document's."""
    if spec.null_token is not None:
        token = spec.null_token
        return lambda value: token if value is None else value
    return _WRITERS.get(spec.type)


def micros_to_time(value: int | None, whole_seconds: bool) -> datetime | None:
    """The DATETIME that Keystone stores beside a DateTimeInt (naive, UTC).

    ``whole_seconds`` cuts the fraction, for engines whose DATETIME has none and which round it up or down.
    """
    if value is None:
        return None
    found = _EPOCH + timedelta(microseconds=value)
    return found.replace(microsecond=0) if whole_seconds else found


def time_to_micros(value: datetime) -> int:
    """Microseconds since the epoch of a naive DATETIME in UTC."""
    return (value - _EPOCH) // timedelta(microseconds=1)


def parse_time(value: str) -> datetime:
    """The naive DATETIME of a document's time."""
    return datetime.fromisoformat(value[:-1])


def show_time(value: datetime) -> str:
    """A document's time: whole seconds (MySQL's DATETIME has no more), UTC."""
    return value.isoformat(timespec="seconds")[:19] + "Z"


def show_flag(value: object) -> bool | None:
    """A boolean, however the engine gives it."""
    return None if value is None else bool(value)


def load_extra(text: str | None) -> dict[str, JSON]:
    """The ``extra`` column; NULL and ``null`` are read as empty (Keystone itself fails on them)."""
    if text is None or text == "{}":
        return {}
    found = raw.parse_members(text)
    return found if isinstance(found, dict) else {}


def _load_twice(text: str) -> JSON:
    value: JSON = raw.parse(text)
    return raw.parse(value) if isinstance(value, str) else value


def _optional(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else function(value)


_READERS: dict[Type, Callable[[Any], Any]] = {
    Type.BOOLEAN: show_flag,
    Type.DATETIME: _optional(show_time),
    Type.DATE: _optional(date.isoformat),
    Type.JSON: _optional(raw.parse),
    Type.JSON_TWICE: _optional(_load_twice),
    Type.JSON_TEXT: _optional(raw.parse),
}
_WRITERS: dict[Type, Callable[[Any], Any]] = {
    Type.DATETIME: _optional(parse_time),
    Type.DATE: _optional(date.fromisoformat),
    Type.JSON: raw.dumps,
    Type.JSON_TWICE: lambda value: json.dumps(raw.dumps(value)),
    Type.JSON_TEXT: _optional(raw.dumps),
}
