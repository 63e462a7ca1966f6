"""A record that is larger than a page is put together of its parts, and of nothing else."""

from __future__ import annotations

import random
import zlib
from dataclasses import replace
from typing import Any

import pytest

from keystone_viaduct.errors import BadRequest, SealingError, TooLarge
from keystone_viaduct.kinds.raw import settled
from keystone_viaduct.sync.model import Change, Checkpoint, Dot, FieldState, Page, Part, Ref, Version, life
from keystone_viaduct.sync.sealing import KeyRing, PageOpener, PageSealer
from keystone_viaduct.sync.wire import limits, parts

RING = KeyRing.generate()
EAST = Dot("east#a", 7)
AFTER = Checkpoint("a", 6, "n")


def page(size: int, seq: int = 7, after: Checkpoint | None = AFTER) -> Page:
    """A page with one change of that many bytes or a little more."""
    text = random.Random(seq).randbytes(size // 2).hex()
    document: dict[str, Any] = {"id": "p", "description": text, "extra.x": settled(float("nan"))}
    fields = {name: FieldState(9, EAST, "f" * 32) for name in document}
    fields["@deleted"] = life(9, EAST, deleted=False)
    change = Change(Ref("project", "p"), seq, Version({"east#a": seq}), EAST, fields, document)
    return Page("east", 1, after, Checkpoint("a", seq, "m"), True, Version({"east#a": 7}), (change,))


def carried(found: Page) -> Part:
    """The part after its trip."""
    sealer = PageSealer(RING.public_key)
    assert found.part is not None
    value = parts.part_to_json(found.source, found.part, sealer.close)
    return parts.part_from_json(found.source, value, PageOpener(RING, sealer.header).unclose)


def pieces_of(whole: Page) -> tuple[list[Page], list[bytes]]:
    """All pages in parts, as a reader asks for them, and what it keeps of those before the last."""
    pages: list[Page] = []
    kept: list[bytes] = []
    had = ""
    while True:
        found = parts.in_part(whole, had)
        pages.append(found)
        part = carried(found)
        if part.is_last:
            return pages, kept
        kept.append(part.data)
        had = f"{part.subject}:{len(kept)}"


@pytest.mark.parametrize("size", [100, limits.PART, 3 * limits.PART + 1])
def test_a_record_comes_out_as_it_went_in(size: int) -> None:
    whole = page(size)
    pages, kept = pieces_of(whole)
    last = pages[-1]
    assert last.part is not None
    assert parts.completed(last, last.part.subject, kept) == replace(whole, part=last.part)
    assert last.changes[0].document == {}
    for early in pages[:-1]:
        assert (early.changes, early.at_head, early.upto) == ((), False, AFTER)


def test_a_reader_that_begins_is_not_led_anywhere_by_a_part() -> None:
    assert parts.in_part(page(3 * limits.PART, after=None), "").upto == Checkpoint("a", 0, "")


def test_parts_of_another_version_begin_anew() -> None:
    first, second = page(3 * limits.PART), page(3 * limits.PART, seq=8)
    known = parts.in_part(first, "").part
    assert known is not None
    found = parts.in_part(second, f"{known.subject}:1").part
    assert found is not None and found.number == 0 and found.subject != known.subject
    again = parts.in_part(first, f"{known.subject}:1").part
    assert again is not None and again.number == 1


def test_a_record_of_which_a_part_is_missing_is_not_complete() -> None:
    pages, kept = pieces_of(page(3 * limits.PART))
    last = pages[-1]
    assert last.part is not None
    assert parts.completed(last, last.part.subject, kept[:-1]) is None
    assert parts.completed(last, "another", kept) is None


def test_a_part_can_not_be_put_into_the_place_of_another() -> None:
    first, second = (pieces_of(page(3 * limits.PART, seq=seq))[0][0] for seq in (7, 8))
    sealer = PageSealer(RING.public_key)
    assert first.part is not None and second.part is not None
    value = parts.part_to_json("east", first.part, sealer.close)
    for changed in ({"subject": second.part.subject}, {"number": 1}, {"of": 5}):
        with pytest.raises(SealingError):
            parts.part_from_json("east", value | changed, PageOpener(RING, sealer.header).unclose)


def test_a_record_larger_than_all_parts_does_not_travel() -> None:
    with pytest.raises(TooLarge, match="project/p"):
        parts.in_part(page(limits.PART * limits.PARTS + 1), "")


def test_a_part_that_opens_to_more_than_it_may_is_refused() -> None:
    last = pieces_of(page(100))[0][-1]
    assert last.part is not None
    bomb = last.part._replace(data=zlib.compress(b"0" * (limits.PART + 1)))
    with pytest.raises(BadRequest, match="more than"):
        parts.completed(replace(last, part=bomb), "", [])


@pytest.mark.parametrize(
    "data", [b"no zlib", zlib.compress(b"no json"), zlib.compress(b"[1]"), zlib.compress(b"{}")[:4]]
)
def test_what_is_no_document_is_refused(data: bytes) -> None:
    last = pieces_of(page(100))[0][-1]
    assert last.part is not None
    with pytest.raises(BadRequest):
        parts.completed(replace(last, part=last.part._replace(data=data)), "", [])


@pytest.mark.parametrize(
    "changed", [{"of": 17}, {"of": 0}, {"number": 16}, {"number": -1}, {"subject": ""}, {"data": 5}]
)
def test_a_malformed_part_is_bad_input(changed: dict[str, Any]) -> None:
    sealer = PageSealer(RING.public_key)
    found = parts.in_part(page(100), "").part
    assert found is not None
    value = parts.part_to_json("east", found, sealer.close) | changed
    with pytest.raises(BadRequest):
        parts.part_from_json("east", value, PageOpener(RING, sealer.header).unclose)
