"""The name of a site's life: a site that was put back to a backup says when that was noticed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keystone_viaduct.clock import ManualClock
from keystone_viaduct.errors import FenceMismatch
from keystone_viaduct.sync.model import Peer, Ref, incarnation_named, origin_of, restored_at
from keystone_viaduct.sync.ports import Write
from keystone_viaduct.sync.site import Site
from keystone_viaduct.sync.site.restore import renew
from keystone_viaduct.sync.wire import checks
from keystone_viaduct.testing.memory import MemoryStore, empty

NOW = 1_764_500_000_000_000
MINUTE = 60_000_000


@pytest.fixture
def store() -> MemoryStore:
    found = MemoryStore(empty("east", "east", incarnation="0a0b0c0d"))
    found.edit([Write(Ref("region", "a"), None, {"id": "a"})], NOW)
    found.run(lambda tx: tx.save_peer(Peer("west", b"w" * 32, "00000002")))
    return found


def test_a_name_is_one_everywhere_and_says_the_minute() -> None:
    assert incarnation_named("0a0b0c0d", 0) == "0a0b0c0d"
    named = incarnation_named("0a0b0c0d", NOW)
    assert 0 <= NOW - restored_at(named) < MINUTE
    for moment in (1, NOW, 2**62):
        named = incarnation_named("f" * 8, moment)
        assert len(named) <= 16
        assert checks.identifier(named, "incarnation") == named
        assert checks.origin(origin_of("west", named), "origin") == origin_of("west", named)


@pytest.mark.parametrize("name", ["0a0b0c0d", "hub-1", "", "a_", "a_xyz"])
def test_other_names_say_nothing(name: str) -> None:
    assert restored_at(name) == 0


def test_a_site_that_was_put_back_is_known_by_its_new_life(store: MemoryStore) -> None:
    site = Site(store, ManualClock(NOW))
    page = site.read("west", None)
    assert restored_at(site.state().incarnation) == 0
    store.run(lambda tx: tx.save_state(replace(tx.state(), head=0)))
    with pytest.raises(FenceMismatch):
        site.read("west", page.upto)
    assert restored_at(site.state().incarnation) == NOW // MINUTE * MINUTE


def test_a_later_life_that_has_another_reason_says_when_the_site_was_last_put_back(
    store: MemoryStore,
) -> None:
    def begin(now: int, *, restored: bool) -> str:
        return store.run(lambda tx: renew(tx, None, "west", now=now, restored=restored)).incarnation

    assert restored_at(begin(NOW, restored=False)) == 0, "a promotion is no restoration"
    first = begin(NOW, restored=True)
    again = begin(NOW + 10 * MINUTE, restored=False)
    assert first != again and restored_at(first) == restored_at(again) > 0
