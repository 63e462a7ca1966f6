"""The questions and answers of a comparison on the wire."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystone_viaduct.errors import BadRequest, TooLarge, UnknownKind
from keystone_viaduct.sync.charter import Coverage
from keystone_viaduct.sync.model import (
    Bucket,
    Checkpoint,
    Entry,
    Fence,
    Listing,
    Places,
    Ref,
    Summary,
    Tally,
    Version,
)
from keystone_viaduct.sync.wire import body, comparing, limits

HEAD = Checkpoint("a1", 7, "n7")
buckets = st.builds(Bucket, st.sampled_from(("user", "group")), st.text("0123456789abcdef", max_size=4))
numbers = st.integers(0, 2**64 - 1)


def travelled(value: Any) -> Any:
    """As it arrives."""
    return body.loads(body.dumps(value))


@given(st.dictionaries(buckets, st.builds(Tally, st.integers(0, 2**40), numbers), max_size=20))
def test_summaries_arrive_as_they_were(tallies: dict[Bucket, Tally]) -> None:
    summary = Summary(HEAD, Version({"east#a1": 7}), tallies, 1, "east")
    assert comparing.summary_from_json(travelled(comparing.summary_to_json(summary))) == summary


@given(st.lists(st.tuples(st.text(min_size=1, max_size=20), numbers, st.booleans()), max_size=20))
def test_listings_arrive_as_they_were(found: list[tuple[str, int, bool]]) -> None:
    version = Version({"east#a1": 7})
    entries = tuple(Entry(Ref("user", k), n, 3, version if dead else None) for k, n, dead in found)
    for coverage in (None, Coverage(frozenset({"user"}), frozenset({"acme"}))):
        listing = Listing(4, entries, coverage)
        assert comparing.listing_from_json(travelled(comparing.listing_to_json(listing))) == listing


def test_questions_arrive_as_they_were() -> None:
    for within in (None, (), (Bucket("user"), Bucket("user", "0af9"))):
        for fence in (None, Fence(HEAD, anew=True)):
            for kinds in (None, frozenset({"user", "role"})):
                sent = travelled(comparing.question_to_json("west", within, fence, kinds))
                asked = comparing.question_from_json(sent)
                assert asked == comparing.Question("west", within, fence, kinds)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"reader": None}, BadRequest),
        ({"within": [["user"]]}, BadRequest),
        ({"within": [["user", "0AF9"]]}, BadRequest),
        ({"within": [["user", "00000"]]}, BadRequest),
        ({"within": [["user", 7]]}, BadRequest),
        ({"within": [["user", ""]] * (limits.BUCKETS + 1)}, TooLarge),
        ({"kinds": "user"}, BadRequest),
        ({"fence": [1, 2]}, BadRequest),
    ],
)
def test_bad_questions_are_refused(change: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        comparing.question_from_json({"reader": "west", **change})


@pytest.mark.parametrize(
    ("records", "error"),
    [
        ([["teapot", "x"]], UnknownKind),
        ([["user", ""]], BadRequest),
        ([["membership", "one part"]], BadRequest),
        ([["user", "u"]] * (limits.SHOWN + 1), TooLarge),
    ],
)
def test_bad_records_are_not_shown(records: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        comparing.shown_from_json({"reader": "west", "records": records})


def test_all_three_places_have_to_be_given() -> None:
    whole = {"checkpoint": [*HEAD], "seen": [*HEAD], "own": [*HEAD]}
    places = comparing.places_from_json(whole)
    assert places == Places(HEAD, HEAD, HEAD, Coverage())
    assert comparing.places_from_json(comparing.places_to_json(places)) == places
    for name in whole:
        with pytest.raises(BadRequest):
            comparing.places_from_json({**whole, name: None})
