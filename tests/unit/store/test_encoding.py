"""What is stored comes back as it was."""

from __future__ import annotations

import zlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from keystone_viaduct.kinds.raw import settled
from keystone_viaduct.sync.external import External, united
from keystone_viaduct.sync.model import Change, Dot, FieldState, Ref, Version
from keystone_viaduct.sync.store import encoding

origins = st.text(min_size=1, max_size=20).map(lambda text: f"{text}#00000001")
positions = st.integers(0, 2**62)
dots = st.builds(Dot, origins, positions)
versions = st.dictionaries(origins, positions, max_size=4).map(Version)
states = st.builds(FieldState, positions, dots, st.sampled_from(["", "f" * 32, "alive", "deleted"]))
fields = st.dictionaries(st.text(max_size=10), states, max_size=6)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
surrogates = st.text(st.characters(), max_size=5)
documents = st.dictionaries(
    surrogates, (values | surrogates | st.just(float("nan"))).map(settled), max_size=5
)


@given(fields)
def test_field_states(given_fields: dict[str, FieldState]) -> None:
    assert encoding.unpack_fields(encoding.pack_fields(given_fields)) == given_fields


@given(versions)
def test_versions(version: Version) -> None:
    assert encoding.unpack_version(encoding.pack_version(version)) == version


@given(dots)
def test_dots(dot: Dot) -> None:
    assert encoding.unpack_dot(encoding.pack_dot(dot)) == dot


@given(documents)
def test_documents(document: dict[str, Any]) -> None:
    assert encoding.unpack_document(encoding.pack_document(document)) == document


owners = st.builds(External, st.sampled_from(["user", "group"]), st.text(), st.text())


@given(positions, versions, dots, fields, documents, st.none() | st.text(), st.lists(owners, max_size=2))
def test_changes(
    seq: int,
    version: Version,
    birth: Dot,
    given_fields: dict[str, FieldState],
    document: dict[str, Any],
    scope: str | None,
    external: list[External],
) -> None:
    ref, said = Ref("user", "ü/%"), united(external)
    change = Change(ref, seq, version, birth, given_fields, document, scope, external=said)
    assert encoding.unpack_change(encoding.pack_change(change)) == change


def test_a_change_that_waits_since_an_earlier_release_says_nothing_of_its_owners() -> None:
    value = ["user", "u", 1, {"a#1": 1}, ["a#1", 1], "[]", {}, None]
    packed = zlib.compress(encoding.to_json(value).encode(), 1)
    assert encoding.unpack_change(packed).external == ()


@given(fields)
def test_texts_are_ascii_whatever_the_database_is_set_to(given_fields: dict[str, FieldState]) -> None:
    assert encoding.pack_fields(given_fields).isascii()
