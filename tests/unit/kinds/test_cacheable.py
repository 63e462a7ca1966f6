"""What Keystone's cache can't hold is found out before it is written; the cache's own packer is the judge."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keystone_viaduct.kinds.cacheable import LEAST, MOST, uncacheable
from keystone_viaduct.kinds.raw import DEPTH, parse
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.value import Document
from tests.records.maker import is_cached

TEXTS = st.text(st.characters(), max_size=3)
NUMBERS = st.sampled_from([LEAST, LEAST - 1, MOST, MOST + 1, -1, 0]) | st.integers()
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def nested(value: Any, depth: int) -> Any:
    for _ in range(depth):
        value = [value]
    return value


def is_packed(value: Any) -> bool:
    """Whether Keystone can put it into its cache, as a part of what it keeps there."""
    return is_cached({"payload": [{"extra": {"one": value}}], "metadata": {}})


@given(VALUES)
@example(MOST + 1)
@example("\ud83d")
@example({"\udc00": 1})
@example(nested("deep", DEPTH))
@example(nested("\ud83d", DEPTH))
def test_a_value_is_uncacheable_exactly_where_keystones_cache_refuses_it(value: Any) -> None:
    content: Document = {"id": "s", "extra.one": parse(json.dumps(value))}
    found = uncacheable(REGISTRY["service"], content)
    assert (found is None) is is_packed(value)
    assert found is None or "extra.one" in found


@pytest.mark.parametrize(
    "kind", ["region", "service", "endpoint", "role", "user", "group", "domain", "project"]
)
def test_what_keystone_caches_is_looked_at(kind: str) -> None:
    assert uncacheable(REGISTRY[kind], {"extra.large": MOST + 1}) is not None


@pytest.mark.parametrize("kind", ["policy", "consumer", "trust"])
def test_what_keystone_reads_each_time_may_hold_anything(kind: str) -> None:
    assert uncacheable(REGISTRY[kind], {"extra.large": MOST + 1}) is None


def test_of_what_stands_in_the_row_already_nothing_is_said() -> None:
    role = REGISTRY["role"]
    row: Document = {"extra.large": MOST + 1}
    assert uncacheable(role, {**row, "name": "other"}, row) is None
    assert uncacheable(role, {"extra.large": MOST + 2}, row) is not None
