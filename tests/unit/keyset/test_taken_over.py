"""What a hub that was promoted knows of the keys that it finds in its repository."""

from __future__ import annotations

from dataclasses import replace

from keystone_viaduct.sync.keyset.model import (
    Keyset,
    Retired,
    from_slots,
    keyset_from_json,
    keyset_to_json,
    new_key,
    taken_over,
)

STAGED, USED, OLD, OLDER = (new_key() for _ in range(4))
SLOTS = {0: STAGED, 1: OLDER, 2: OLD, 3: USED}
HEARD = Keyset(9, STAGED, USED, (Retired(OLD), Retired(OLDER, 40)), wanted=True, promoted_at=50, heard=True)


def test_with_the_keys_that_it_was_told_of_nothing_has_changed_but_who_decides() -> None:
    found = taken_over(SLOTS, HEARD)
    assert (found.generation, found.promoted_at) == (9, 50)
    assert {other.key: other.since for other in found.others} == {OLD: None, OLDER: 40}
    assert not found.heard and not found.wanted
    assert found.whole == HEARD.whole


def test_what_its_own_repository_holds_counts() -> None:
    strange = new_key()
    found = taken_over({**SLOTS, 4: strange}, HEARD)
    assert (found.primary, found.generation, found.promoted_at) == (strange, 10, 0)
    assert {other.key: other.since for other in found.others} == {OLD: None, OLDER: 40, USED: None}
    fewer = taken_over({0: STAGED, 3: USED}, HEARD)
    assert (fewer.generation, fewer.promoted_at, fewer.others) == (10, 50, ())


def test_a_hub_that_was_told_of_none_begins_with_what_it_holds() -> None:
    assert taken_over(SLOTS, None) == from_slots(SLOTS)


def test_what_was_heard_is_kept_as_such_and_an_earlier_release_has_said_nothing_of_it() -> None:
    assert keyset_from_json(keyset_to_json(HEARD)) == HEARD
    told = keyset_to_json(HEARD)
    del told["heard"]
    assert keyset_from_json(told) == replace(HEARD, heard=False)
