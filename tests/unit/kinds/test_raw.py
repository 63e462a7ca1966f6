"""Every JSON value that Keystone's parser takes has one canonical form, whatever its depth."""

from __future__ import annotations

import copy
import inspect
import json
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keystone_viaduct.documents.digest import field_digest
from keystone_viaduct.kinds import deepjson, raw
from keystone_viaduct.kinds.raw import PLAIN_DEPTH, Raw
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.sealing import KeyRing, PageOpener, PageSealer
from tests.unit.wire.strategies import nested

TEXTS = st.text(st.characters(), max_size=4)
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=10,
)
INDENTS = st.sampled_from([None, 1])


def plainly(value: Any) -> bool:
    """Whether JSON proper has the value."""
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except ValueError:
        return False
    return True


@given(ANYTHING, INDENTS)
def test_the_reader_without_recursion_reads_what_python_reads(value: Any, indent: int | None) -> None:
    assert repr(deepjson.decode(json.dumps(value, indent=indent))) == repr(value)


@given(ANYTHING)
def test_the_writer_without_recursion_writes_what_python_writes(value: Any) -> None:
    assert deepjson.encode(value) == json.dumps(value, sort_keys=True, separators=(",", ":"))


@given(st.text(st.sampled_from('[]{}",:1-.eNInfty atrulsp\\u0d8'), max_size=12))
@example("[1 2]")
@example('{"a":NaN,"a":2}')
@example("[NaN]]")
@example("01")
def test_both_readers_refuse_the_same_texts(text: str) -> None:
    def read(reader: Any) -> str:
        try:
            return repr(reader(text))
        except ValueError:
            return "refused"

    assert read(deepjson.decode) == read(json.loads)


@given(ANYTHING, INDENTS)
def test_a_value_is_raw_only_where_json_proper_has_no_form_for_it(value: Any, indent: int | None) -> None:
    found = raw.parse(json.dumps(value, indent=indent))
    assert isinstance(found, Raw) is not plainly(value)
    assert raw.canonical(found) == deepjson.encode(value)


@given(ANYTHING)
def test_a_value_is_the_same_after_it_was_stored_sealed_and_copied(value: Any) -> None:
    found = raw.settled(value)
    ring = KeyRing.generate()
    sealer = PageSealer(ring.public_key)
    opened = PageOpener(ring, sealer.header).open(sealer.seal(found, "a/b/\ud800"), "a/b/\ud800")
    for twin in (raw.parse(raw.dumps(found)), opened, copy.deepcopy(found)):
        assert raw.same(twin, found)
        assert field_digest(b"k", "user", "extra.x", twin) == field_digest(b"k", "user", "extra.x", found)


@given(st.dictionaries(TEXTS, ANYTHING, max_size=4))
def test_the_members_of_an_object_are_values_of_their_own(members: dict[str, Any]) -> None:
    found = raw.parse_members(json.dumps(members))
    assert found.keys() == members.keys()
    assert all(raw.same(found[name], raw.settled(value)) for name, value in members.items())
    assert raw.same_documents(raw.parse_members(raw.dumps_members(found)), found)


@pytest.mark.parametrize("text", ["1e999", "[1e999]", '{"a": -1e400}', "NaN"])
def test_a_number_beyond_all_floats_is_an_infinity_as_to_python(text: str) -> None:
    assert isinstance(raw.parse(text), Raw)


@pytest.mark.parametrize("holder", ["[{}]", '{{"a":{}}}'])
def test_what_is_nested_a_thousand_deep_is_read_and_what_is_deeper_is_refused(holder: str) -> None:
    text = "1"
    for _ in range(1000):
        text = holder.format(text)
    found = raw.parse(text)
    assert isinstance(found, Raw) and found.text == text
    assert raw.parse_members(f'{{"b":{text}}}')["b"] == found
    with pytest.raises(raw.TooDeep):
        raw.parse(holder.format(text))


def test_up_to_the_depth_that_could_always_be_sent_a_value_is_plain() -> None:
    assert raw.parse(json.dumps(nested(PLAIN_DEPTH))) == nested(PLAIN_DEPTH)
    assert isinstance(raw.parse(json.dumps(nested(PLAIN_DEPTH + 2))), Raw)


def test_depth_is_no_matter_of_how_much_stack_is_left() -> None:
    def deeper(calls: int) -> Any:
        return deeper(calls - 1) if calls else raw.parse(text)

    text = json.dumps(nested(150))
    assert deeper(sys.getrecursionlimit() - len(inspect.stack(0)) - 100) == nested(150)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (True, 1),
        (1, 1.0),
        (0, False),
        (0.0, -0.0),
        ([True], [1]),
        ({"a": 0}, {"a": -0.0}),
        ("1", 1),
        (None, 0),
    ],
)
def test_values_that_python_holds_equal_are_told_apart(one: Any, other: Any) -> None:
    assert not raw.same(one, other)
    assert raw.differing({"x": one}, {"x": other}) == {"x"}
    assert not raw.same_documents({"x": one}, {"x": other})


def test_references_inside_a_raw_value_are_followed_and_moved() -> None:
    rules: list[Any] = [{"local": [{"group": {"id": "g1"}}], "note": float("nan")}]
    document: dict[str, Any] = {"id": "m", "rules": raw.settled(rules)}
    kind = REGISTRY["mapping"]
    assert {(ref.kind, ref.key) for ref in kind.references_of(document)} == {("group", "g1")}
    moved = kind.rekey(document, {"group": {"g1": "g2"}})
    assert raw.same(moved["rules"], raw.settled([{**rules[0], "local": [{"group": {"id": "g2"}}]}]))


@pytest.mark.parametrize(
    "blob", ["[" * 3000, "[" * 900 + "]" * 900, '{"trust_id": ' + "[" * 800 + "]" * 800 + "}"]
)
def test_a_blob_that_is_nested_deeply_refers_to_nothing(blob: str) -> None:
    document: dict[str, Any] = {"id": "c", "type": "ec2", "blob": blob, "user_id": "u"}
    assert {ref.kind for ref in REGISTRY["credential"].references_of(document)} == {"user"}
    assert REGISTRY["credential"].rekey(document, {"trust": {"t": "u"}})["blob"] == blob
