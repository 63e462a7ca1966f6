"""Pages that take long become smaller."""

from __future__ import annotations

import pytest

from keystone_viaduct.clock import ManualClock
from keystone_viaduct.sync.link import replicator
from keystone_viaduct.sync.link.link import Link
from keystone_viaduct.sync.link.replicator import FIRST, LEAST, QUICK, SLOW, Portion
from keystone_viaduct.sync.model import ApplyResult, Page, Peer, Ref
from keystone_viaduct.sync.ports import Write
from keystone_viaduct.sync.site import Site
from keystone_viaduct.testing.memory import MemoryStore, empty


def test_a_page_that_took_long_is_followed_by_one_of_half_as_many_changes() -> None:
    portion = Portion(500, 500)
    portion.took(160, SLOW * 2)
    assert portion.limit == 80
    portion.took(80, (SLOW + QUICK) / 2)
    assert portion.limit == 80
    for _ in range(9):
        portion.took(portion.limit, SLOW * 2)
    assert portion.limit == LEAST


def test_the_first_page_is_small_for_nobody_knows_yet_how_long_one_takes() -> None:
    assert Portion(500).limit == FIRST and Portion(10).limit == 10
    small = Portion(10)
    small.took(10, SLOW * 2)
    assert small.limit == 10, "no larger than was asked for"


def test_a_page_of_a_few_changes_says_nothing_of_larger_ones() -> None:
    """Or after a busy moment all that was written meanwhile would go in pages of ten."""
    portion = Portion(500, 500)
    portion.took(1, SLOW * 4)
    assert portion.limit == 500


def test_full_pages_that_are_quick_grow_to_the_usual_size() -> None:
    portion = Portion(500, LEAST)
    portion.took(LEAST - 1, 0.0)
    assert portion.limit == LEAST, "there was no more to carry"
    for _ in range(9):
        portion.took(portion.limit, 0.0)
    assert portion.limit == 500


def test_a_target_that_takes_long_gets_all_the_same_in_small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    now, sizes = [0.0], []
    monkeypatch.setattr("keystone_viaduct.sync.link.replicator.time.monotonic", lambda: now[0])

    class Slow(Site):
        def apply(self, page: Page) -> ApplyResult:
            now[0] += 0.02 * len(page.changes)
            sizes.append(len(page.changes))
            return super().apply(page)

    stores = {name: MemoryStore(empty(name, "hub", incarnation=name)) for name in ("hub", "west")}
    for name, other in (("hub", "west"), ("west", "hub")):
        stores[name].run(lambda tx, other=other: tx.save_peer(Peer(other, b"k" * 32, other)))  # type: ignore[misc]
    link = Link(Slow(stores["hub"], ManualClock()), Site(stores["west"], ManualClock()))
    link.up.portion = Portion()
    while link.is_starting_over:
        link.step(link.up)
    writes = [Write(Ref("region", f"r{n:03}"), None, {"id": f"r{n:03}"}) for n in range(600)]
    stores["west"].edit(writes, 1)
    while link.step(link.up) is not replicator.Progress.IDLE:
        pass
    assert sizes[0] == FIRST and sum(sizes) == 600
    assert sizes[1] == FIRST // 2 and len(sizes) < 30
    assert len(stores["hub"].run(lambda tx: tx.feed(0, 1000, None))) == 600
