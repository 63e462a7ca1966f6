"""Keystone's hints: what is filtered here is taken out, what is not stays, and lists say when they were
cut.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from keystone.common.driver_hints import Hints

from keystone_viaduct.cassandra.records.hints import Attribute, Filters, limited, paged

ATTRIBUTES = {"name": Attribute(8), "enabled": Attribute(boolean=True), "domain_id": Attribute(64)}
THINGS = [
    SimpleNamespace(name="Alpha", enabled=True, domain_id="d"),
    SimpleNamespace(name="alphabet", enabled=False, domain_id="d"),
    SimpleNamespace(name="Beta", enabled=None, domain_id=None),
]


def hints(*filters: tuple[Any, ...], limit: int | None = None) -> Hints:
    """Hints with filters: name, value, comparator, whether case counts."""
    made = Hints()
    for each in filters:
        made.add_filter(*each)
    if limit is not None:
        made.set_limit(limit)
    return made


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ([("name", "Alpha")], ["Alpha"]),
        ([("name", "alpha", "startswith")], ["Alpha", "alphabet"]),
        ([("name", "BET", "contains")], ["alphabet", "Beta"]),
        ([("name", "a", "endswith")], ["Alpha", "Beta"]),
        ([("enabled", "false")], ["alphabet"]),
        ([("enabled", "True"), ("domain_id", "d")], ["Alpha"]),
        ([("domain_id", None)], ["Beta"]),
    ],
)
def test_filters_of_known_attributes_are_dealt_with_and_taken_out(
    filters: list[Any], names: list[str]
) -> None:
    given = hints(*filters)
    chosen = Filters(given, ATTRIBUTES)
    assert [thing.name for thing in THINGS if chosen.matches(thing)] == names
    assert given.filters == []


@pytest.mark.parametrize(
    "kept", [("colour", "red"), ("name", "A", "contains", True), ("name", "A", "matches")]
)
def test_other_filters_stay_for_keystone(kept: tuple[Any, ...]) -> None:
    given = hints(kept)
    chosen = Filters(given, ATTRIBUTES)
    assert all(chosen.matches(thing) for thing in THINGS)
    assert len(given.filters) == 1


def test_what_is_too_long_for_its_column_matches_nothing() -> None:
    given = hints(("domain_id", "d"), ("name", "123456789"))
    assert Filters(given, ATTRIBUTES).impossible
    assert given.cannot_match
    assert len(given.filters) == 2, "as upstream leaves them"


def test_a_list_is_cut_only_when_no_filter_is_left_and_says_so() -> None:
    given = hints(limit=2)
    assert limited(given, THINGS) == THINGS[:2]
    assert given.limit["truncated"]
    given = hints(limit=3)
    assert limited(given, THINGS) == THINGS
    assert not given.limit["truncated"]
    given = hints(("colour", "red"), limit=2)
    assert limited(given, THINGS) == THINGS
    assert limited(None, THINGS) == THINGS


def test_a_full_page_is_called_truncated() -> None:
    for limit, truncated in ((2, True), (3, True), (4, False)):
        given = hints(limit=limit)
        assert paged(given, iter(THINGS)) == THINGS[:limit]
        assert given.limit["truncated"] is truncated
