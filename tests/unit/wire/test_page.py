"""A page comes out as it went in, for its receiver only, and nothing malformed comes in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keystone_viaduct.errors import BadRequest, SealingError, TooLarge, UnknownKind, ViaductError
from keystone_viaduct.sync.model import (
    ApplyResult,
    Change,
    Checkpoint,
    Conflict,
    Dot,
    FieldState,
    Page,
    Ref,
    Version,
)
from keystone_viaduct.sync.sealing import KeyRing, PageOpener, PageSealer
from keystone_viaduct.sync.statement import Terms, terms_to_text
from keystone_viaduct.sync.wire import body, limits
from keystone_viaduct.sync.wire.carried import carry
from keystone_viaduct.sync.wire.page import page_from_json, page_to_json, result_from_json, result_to_json
from tests.unit.wire.strategies import CHECKPOINTS, VERSIONS, pages

RING = KeyRing.generate()
OTHER = KeyRing.generate()


def encode(page: Page, ring: KeyRing = RING) -> Any:
    """The page as it looks after a trip through JSON."""
    sealer = PageSealer(ring.public_key)
    return body.loads(body.dumps(page_to_json(page, sealer.header, sealer.seal)))


def decode(value: Any, ring: KeyRing = RING) -> Page:
    """What a receiver makes of it."""
    return page_from_json(value, lambda header: PageOpener(ring, header).open)


@settings(max_examples=150, deadline=None)
@given(pages())
def test_a_page_comes_out_as_it_went_in(page: Page) -> None:
    assert decode(encode(page)) == page


@settings(max_examples=60, deadline=None)
@given(pages(), st.sampled_from([None, "zstd", "gzip"]))
def test_the_agent_reads_the_frame_and_keeps_the_bytes(page: Page, encoding: str | None) -> None:
    data, used = body.compress(body.dumps(encode(page)), encoding)
    carried = carry(data, used)
    assert (carried.source, carried.after, carried.upto) == (page.source, page.after, page.upto)
    assert (carried.at_head, carried.knowledge, carried.fence) == (page.at_head, page.knowledge, page.fence)
    assert [change.ref for change in carried.changes] == [change.ref for change in page.changes]
    assert bool(carried.conflicts) == bool(page.conflicts) and carried.statement == page.statement
    assert carried.signed == page.signed
    assert (carried.data, carried.encoding) == (data, used)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_page_with_anything_replaced_is_read_or_refused_as_bad_input(data: st.DataObject) -> None:
    value = encode(data.draw(pages()))
    place = value
    while True:
        key = data.draw(
            st.sampled_from(sorted(place)) if isinstance(place, dict) else st.sampled_from(range(len(place)))
        )
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
            break
        place = inner
    place[key] = data.draw(st.sampled_from([None, True, -1, 1.5, "x", "", [], {}, 2**70, ["a"], {"a": 1}]))
    error = refusal(value)
    assert error is None or (isinstance(error, BadRequest | UnknownKind | SealingError) and error.hint)


def test_a_lost_secret_is_sealed_and_fits_no_living_record() -> None:
    """Nor can a page be made to hand out what was lost as what is."""
    lost = {"passwords": [{"hash": "hunter2"}], "enabled": True}
    row = Conflict("c1", Ref("user", "u1"), "lost", "rule", "why", ("enabled",), "west", 5, lost, seq=3)
    page = Page("east", 1, None, Checkpoint("a", 3, "n"), True, Version(), (), conflicts=(row,))
    value = encode(page)
    (told,) = value["conflicts"]
    assert told["lost"] == {"enabled": True} and "hunter2" not in str(value)
    assert decode(value) == page
    dot = Dot("east#a", 1)
    fields = {"passwords": FieldState(1, dot, "0" * 32)}
    living = Change(row.ref, 1, Version({"east#a": 1}), dot, fields, {"passwords": []})
    both = encode(replace(page, changes=(living,)))
    assert refusal(both) is None
    both["changes"][0]["sealed"] = both["conflicts"][0]["sealed"]
    assert isinstance(refusal(both), SealingError)
    with pytest.raises(SealingError):
        decode(value, OTHER)


def refusal(value: Any) -> ViaductError | None:
    """The error of a page that is not taken."""
    try:
        decode(value)
    except ViaductError as error:
        return error
    return None


SECRET = "correct horse battery staple"


def user(**more: Any) -> Any:
    """One user with a secret, as JSON for RING."""
    page = Page("west", 1, None, Checkpoint("a", 1, "n"), True, Version({"west#a": 1}), ())
    value = encode(page)
    sealer = PageSealer(RING.public_key)
    value["sealing"] = sealer.header
    states = {"@deleted": "alive", "enabled": "0" * 32, "passwords": "1" * 32}
    value["changes"] = [
        {
            "ref": ["user", "u1"],
            "seq": 1,
            "version": {"west#a": 1},
            "birth": ["west#a", 1],
            "fields": [[5, "west#a", 1, states]],
            "document": {"enabled": True},
            "sealed": {"passwords": sealer.seal([SECRET], "user/u1/passwords")},
            "scope": "default",
        }
    ]
    value["changes"][0].update(more)
    return value


def test_secrets_are_sealed_for_their_receiver() -> None:
    page = decode(user())
    assert page.changes[0].document == {"enabled": True, "passwords": [SECRET]}
    assert SECRET not in body.dumps(encode(page)).decode()
    with pytest.raises(SealingError):
        decode(user(), OTHER)


def test_a_sealed_secret_does_not_open_in_another_place() -> None:
    with pytest.raises(SealingError):
        decode(user(ref=["user", "u2"]))


def test_a_secret_in_the_open_is_not_taken() -> None:
    page = decode(user(document={"enabled": True, "passwords": [SECRET]}, sealed={}))
    assert page.changes == () and "not sealed" in page.unreadable[0].why


def test_a_field_that_this_release_does_not_know_travels_sealed() -> None:
    page = decode(user())
    change = page.changes[0]
    document = {**change.document, "quantum_key": "s3cr3t"}
    states = {**change.fields, "quantum_key": change.fields["enabled"]}
    value = encode(replace(page, changes=(replace(change, document=document, fields=states),)))
    assert "quantum_key" in value["changes"][0]["sealed"]
    assert decode(value).changes[0].document["quantum_key"] == "s3cr3t"


def _nested(depth: int) -> Any:
    """Lists in each other, around nothing."""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"ref": ["teapot", "x"]}, "no kind 'teapot'"),
        ({"ref": ["membership", "only-one-part"]}, "2 parts"),
        ({"ref": ["user", ""]}, "empty key"),
        ({"ref": ["user", "x" * 701]}, "longer than 700"),
        ({"seq": 2}, "out of order"),
        ({"seq": True}, "a boolean, not an integer"),
        ({"version": {"west": 1}}, "not allowed there"),
        ({"ref": ["user", "x\0y"]}, "NUL character"),
    ],
)
def test_a_page_with_a_change_of_which_not_even_the_version_can_be_read_is_refused_naming_the_place(
    change: dict[str, Any], told: str
) -> None:
    with pytest.raises((BadRequest, UnknownKind), match=told) as caught:
        decode(user(**change))
    assert "changes[0]" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"birth": ["east#b", 9]}, "birth that is not part"),
        ({"fields": [[5, "west#a", 2, {"@deleted": "alive"}]]}, "not part of its version"),
        ({"fields": [[5, "west#a", 1, {"enabled": "xyz"}]]}, "32 hexadecimal digits"),
        ({"fields": [[5, "west#a", 1, {"@deleted": "alive"}]]}, "no state of its field"),
        ({"fields": [[5, "west#a", 1, {"@deleted": "deleted"}]]}, "tombstone with a document"),
        ({"document": []}, "a list, not an object"),
        ({"document": {"extra.deep": _nested(201)}}, "nested more than 200 deep"),
    ],
)
def test_a_change_that_contradicts_itself_is_named_and_stops_no_other(
    change: dict[str, Any], told: str
) -> None:
    page = decode(user(**change))
    assert page.changes == ()
    (bad,) = page.unreadable
    assert (bad.ref.kind, bad.seq) == ("user", 1) and bad.version
    assert told in bad.why and "changes[0]" in bad.why


def test_a_page_of_too_many_changes_is_too_large() -> None:
    value = user()
    value["changes"] *= limits.PAGE_CHANGES + 1
    with pytest.raises(TooLarge) as caught:
        decode(value)
    assert caught.value.status == 413


@pytest.mark.parametrize("beside", ["statement", "charter"])
def test_a_page_that_leaves_out_what_it_brings_is_refused(beside: str) -> None:
    value = user()
    value["signed"] = "0" * 64
    assert refusal(value) is None
    text = terms_to_text(Terms("fleet", "west", 1, 1, "west"))
    value[beside] = {"edition": [1, 1]} if beside == "charter" else {"text": text, "signatures": {}}
    for read in (decode, lambda told: carry(body.dumps(told), None)):
        with pytest.raises(BadRequest, match="signed stands in place of"):
            read(value)


@given(CHECKPOINTS, VERSIONS, st.integers(0, 9), st.sampled_from(["", "0" * 64]))
def test_a_result_comes_out_as_it_went_in(
    checkpoint: Checkpoint, knowledge: Version, number: int, signed: str
) -> None:
    result = ApplyResult(number, 1, 2, (Ref("user", "u1"),), 3, checkpoint, knowledge, checkpoint)
    result = replace(result, signed=signed, register=signed)
    assert result_from_json(body.loads(body.dumps(result_to_json(result)))) == result
