"""Keystone's hints for listings, as its SQL drivers treat them, over things that are filtered here.

Filters that are dealt with are taken out of the hints; those of attributes that a kind has not got stay, for
Keystone to deal with. What is too long for a column matches nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from oslo_utils import strutils

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Attribute:
    """What a filter has to know of an attribute: how long its text may be, whether it is a truth value."""

    length: int | None = None
    boolean: bool = False


class Filters:
    """The filters of one call that can be dealt with here; they are taken out of its hints.

    ``reads``: how to read what is filtered by, where it is not simply the attribute of that name.
    """

    def __init__(
        self,
        hints: Any,
        attributes: Mapping[str, Attribute],
        reads: Mapping[str, Callable[[Any], Any]] | None = None,
    ) -> None:
        self._reads = reads or {}
        self._tests: list[tuple[str, Callable[[Any], bool]]] = []
        self._exact: dict[str, Any] = {}
        self.impossible = False
        satisfied = []
        for each in hints.filters if hints is not None else ():
            attribute = attributes.get(each["name"])
            test = _test(each, attribute) if attribute is not None else None
            if attribute is None or test is None:
                continue
            if _too_long(each["value"], attribute):
                self.impossible = hints.cannot_match = True
                return
            self._tests.append((each["name"], test))
            if each["comparator"] == "equals":
                value = each["value"]
                self._exact[each["name"]] = _as_boolean(value) if attribute.boolean else value
            satisfied.append(each)
        for each in satisfied:
            hints.filters.remove(each)

    def exact(self, name: str) -> Any:
        """The value that an attribute has to have; None where nothing is said, or where it is to have
        none.
        """
        return self._exact.get(name)

    def matches(self, thing: Any) -> bool:
        """Whether an object has what is wanted, by its attributes."""
        return all(test(self._read(thing, name)) for name, test in self._tests)

    def _read(self, thing: Any, name: str) -> Any:
        return self._reads[name](thing) if name in self._reads else getattr(thing, name)

    def may_match(self, name: str) -> Callable[[str], bool]:
        """Whether something may match of which one attribute is known."""
        tests = [test for of, test in self._tests if of == name]
        return lambda value: all(test(value) for test in tests)


def _test(each: Mapping[str, Any], attribute: Attribute) -> Callable[[Any], bool] | None:
    value, comparator = each["value"], each["comparator"]
    if comparator == "equals":
        wanted = _as_boolean(value) if attribute.boolean else value
        return lambda found: bool(found == wanted)
    if each.get("case_sensitive") or comparator not in ("contains", "startswith", "endswith"):
        return None
    folded = str(value).lower()
    if comparator == "contains":
        return lambda found: isinstance(found, str) and folded in found.lower()
    if comparator == "startswith":
        return lambda found: isinstance(found, str) and found.lower().startswith(folded)
    return lambda found: isinstance(found, str) and found.lower().endswith(folded)


def _too_long(value: Any, attribute: Attribute) -> bool:
    return attribute.length is not None and value is not None and len(value) > attribute.length


def _as_boolean(value: Any) -> bool:
    """As ``keystone.common.utils.attr_as_boolean``: anything that is not plainly false is true."""
    return bool(strutils.bool_from_string(value, default=True))


def limited(hints: Any, things: Iterable[Thing]) -> list[Thing]:
    """All that match, cut where the hints say so and no filter is left; ``truncated`` is set if it was."""
    if hints is None or hints.filters or not hints.limit:
        return list(things)
    limit = hints.limit["limit"]
    found = list(islice(things, limit + 1))
    if len(found) > limit:
        hints.limit["truncated"] = True
    return found[:limit]


def page_size(hints: Any) -> int | None:
    """How many a page may have; None: as many as there are."""
    size = hints.get_limit_or_max() if hasattr(hints, "get_limit_or_max") else None
    return size if size is not None else (hints.limit or {}).get("limit")


def paged(hints: Any, things: Iterator[Thing]) -> list[Thing]:
    """One page of what matches; a full one is called truncated, for nobody has looked whether there is
    more.
    """
    found = list(islice(things, page_size(hints)))
    if hints.limit and len(found) >= hints.limit["limit"]:
        hints.limit["truncated"] = True
    return found
