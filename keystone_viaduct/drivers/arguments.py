"""Arguments that a driver changes, put back before the next attempt.

List drivers remove the filters that they satisfied from ``hints`` and note a truncation there; some creates
pop keys out of the caller's dictionary. A second attempt must see what the first one saw, in the same
objects, because the caller looks at them afterwards.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

_PLAIN = frozenset({str, int, bool, type(None)})
"""What nearly all arguments are."""


class Snapshot:
    """The contents of all dictionaries, lists, sets and hints among some arguments."""

    __slots__ = ("_kept",)

    def __init__(self, values: Iterable[Any]) -> None:
        self._kept = [
            (value, _contents(value)) for value in values if type(value) not in _PLAIN and is_mutable(value)
        ]

    def restore(self) -> None:
        """Put the contents back into the same objects; can be done any number of times."""
        for value, contents in self._kept:
            put(value, copy.deepcopy(contents))


def is_mutable(value: Any) -> bool:
    """Whether a driver could change ``value`` in a way that its caller sees."""
    return isinstance(value, (dict, list, set)) or _is_hints(value)


def state(value: Any) -> Any:
    """The contents of a mutable argument, to be handed to :func:`put`; shares its parts with ``value``."""
    return vars(value) if _is_hints(value) else value


def put(value: Any, contents: Any) -> None:
    """Give ``value`` (dictionary, list, set or hints) those contents, in place."""
    if isinstance(value, list):
        value[:] = contents
    elif isinstance(value, (dict, set)):
        value.clear()
        value.update(contents)
    else:
        _put_hints(value, contents)


def _put_hints(hints: Any, contents: dict[str, Any]) -> None:
    filters = hints.filters
    for name in set(vars(hints)) - set(contents):
        delattr(hints, name)
    for name, part in contents.items():
        setattr(hints, name, part)
    filters[:] = hints.filters
    hints.filters = filters


def _contents(value: Any) -> Any:
    return copy.deepcopy(state(value))


def _is_hints(value: Any) -> bool:
    return hasattr(value, "filters") and hasattr(value, "cannot_match")
