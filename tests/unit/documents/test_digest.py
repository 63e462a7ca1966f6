"""Digests of field values."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystone_viaduct.documents.digest import canonical, field_digest

SECRET = b"k" * 32
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(values)
def test_the_canonical_text_is_ascii_json_of_the_same_value(value: Any) -> None:
    assert json.loads(canonical(value).decode("ascii")) == value


@given(st.dictionaries(st.text(), values, max_size=4))
def test_the_order_of_keys_does_not_matter(value: dict[str, Any]) -> None:
    assert canonical(dict(reversed(value.items()))) == canonical(value)


def test_nan_has_no_canonical_text() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical(float("nan"))


def test_a_digest_depends_on_secret_kind_field_and_value() -> None:
    digests = {
        field_digest(SECRET, "role", "name", "a"),
        field_digest(b"other", "role", "name", "a"),
        field_digest(SECRET, "user", "name", "a"),
        field_digest(SECRET, "role", "title", "a"),
        field_digest(SECRET, "role", "name", "b"),
        field_digest(SECRET, "role", "name", None),
        field_digest(SECRET, "role", "name", False),
        field_digest(SECRET, "role", "name", 0),
    }
    assert len(digests) == 8 and all(len(digest) == 32 for digest in digests)


def test_digests_are_the_same_at_every_site_and_in_every_release() -> None:
    assert field_digest(SECRET, "role", "extra.ü", {"b": 1, "a": [None, "é"]}) == FROZEN


def test_a_field_of_any_json_name_has_a_digest() -> None:
    assert field_digest(SECRET, "user", "extra.\ud800\0", 1) != field_digest(
        SECRET, "user", "extra.\0\ud800", 1
    )


FROZEN = "905ff95cfe928c7c5c5454ffbaa1a3aa"
