"""No transaction of a site does more than so much at once, however much there is to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from keystone_viaduct.sync.charter import Charter, Coverage
from keystone_viaduct.sync.model import Mark, Record, Ref
from keystone_viaduct.sync.site import apply, coverage, decisions, restore, site
from keystone_viaduct.sync.site.purge import Retention
from keystone_viaduct.testing.memory import MemoryTransaction
from tests.simulation.scene import Scene

DAY = 24 * 3600 * 1_000_000
SIZES = pytest.mark.parametrize("number", [20, 80])
MOST = 10


@pytest.fixture
def scene() -> Scene:
    """A hub and a spoke."""
    return Scene("hub", "west")


@pytest.fixture
def dropped(monkeypatch: pytest.MonkeyPatch) -> Counter[int]:
    """How many marks each transaction has dropped."""
    found: Counter[int] = Counter()
    honest, seen = MemoryTransaction.drop_marks, []

    def drop_marks(tx: MemoryTransaction, ids: Any) -> None:
        seen.append(tx)  # while it is kept, no other one has its id
        found[id(tx)] += len(list(ids))
        honest(tx, ids)

    monkeypatch.setattr(MemoryTransaction, "drop_marks", drop_marks)
    return found


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """The most records or marks that came at once, by the call."""
    found: Counter[str] = Counter()
    monkeypatch.setattr(MemoryTransaction, "evicted", _noting(MemoryTransaction.evicted, "evicted", found))
    marks = _noting(MemoryTransaction.take_marks, "take_marks", found)
    monkeypatch.setattr(MemoryTransaction, "take_marks", marks)
    return found


def _noting(
    honest: Callable[..., list[Record] | list[Mark]], name: str, found: Counter[str]
) -> Callable[..., list[Record] | list[Mark]]:
    def noting(tx: MemoryTransaction, limit: int, after: Any = None) -> list[Record] | list[Mark]:
        result = honest(tx, limit) if after is None else honest(tx, limit, after)
        found[name] = max(found[name], len(result))
        return result

    return noting


def crowd(scene: Scene, number: int) -> list[Ref]:
    """So many users at west, whom nobody has numbered yet."""
    return [scene.user("west", f"u{n:03}", f"user {n}") for n in range(number)]


def shrink(scene: Scene, *kinds: str) -> None:
    """West is to hold these kinds only from now on; none: all of them."""
    hub = scene.site("hub")
    limits = {"west": Coverage(frozenset(kinds))} if kinds else {}
    hub.write_charter(Charter(coverages=limits), hub.charter().edition)


@SIZES
def test_what_was_edited_is_numbered_in_several_transactions_before_a_page_is_applied(
    scene: Scene, dropped: Counter[int], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(apply, "MOST_MARKS", MOST)
    crowd(scene, number)
    ref = scene.user("hub", "h", "of the hub")
    page = scene.read("hub", "west")
    dropped.clear()
    scene.site("west").apply(page)
    left = {mark.ref for mark in scene.store("west").data.marks.values()}
    assert scene.row("west", ref) and left <= {ref}  # it was written by the apply itself
    assert number / MOST <= len([n for n in dropped.values() if n]) and max(dropped.values()) <= MOST + 1


@SIZES
@pytest.mark.parametrize("call", ["state", "promote", "retry"])
def test_so_it_is_before_a_site_s_state_is_told_or_changed(
    scene: Scene, dropped: Counter[int], monkeypatch: pytest.MonkeyPatch, number: int, call: str
) -> None:
    monkeypatch.setattr(site, "MOST_MARKS", MOST)
    crowd(scene, number)
    getattr(scene.site("west"), call)()
    assert not scene.store("west").data.marks and max(dropped.values()) <= MOST


@SIZES
def test_what_lies_unnumbered_in_a_backup_is_looked_at_in_batches(
    scene: Scene, asked: Counter[str], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Old news and later edits lie side by side; the one goes with the backup, the other stays."""
    monkeypatch.setattr(restore, "BATCH", MOST)
    refs = crowd(scene, number)
    backup = scene.store("west").data.copy()
    scene.sync()
    scene.put("hub", "user", refs[0].key, extra__email="hub")
    scene.sync()
    scene.clock.advance(DAY)
    scene.put_back("west", backup)
    later = scene.put("west", "user", refs[-1].key, extra__email="after the backup")
    asked.clear()
    scene.equal()
    assert asked["take_marks"] <= 500
    assert scene.row("west", refs[0])["extra.email"] == "hub"  # type: ignore[index]
    assert scene.row("hub", later)["extra.email"] == "after the backup"  # type: ignore[index]


@SIZES
def test_what_was_evicted_is_read_in_batches(
    scene: Scene, asked: Counter[str], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Where a site has grown again, and half of it was deleted and purged meanwhile."""
    monkeypatch.setattr(coverage, "BATCH", MOST)
    refs = crowd(scene, number)
    scene.sync()
    shrink(scene, "domain", "role")
    scene.sync()
    assert not any(scene.row("west", ref) for ref in refs)
    for ref in refs[::2]:
        scene.delete("hub", ref)
    scene.sync()
    assert scene.purge("hub", Retention()).tombstones == number // 2
    shrink(scene)
    scene.sync()
    assert [bool(scene.row("west", ref)) for ref in refs] == [False, True] * (number // 2)
    assert asked["evicted"] == MOST
    assert scene.store("west").data.records.keys() & set(refs) == set(refs[1::2])
    scene.equal()


@SIZES
def test_so_it_is_where_its_site_follows_another_hub(
    asked: Counter[str], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(coverage, "BATCH", MOST)
    scene = Scene("hub", "west", "south")
    refs = crowd(scene, number)
    scene.sync()
    shrink(scene, "domain", "role")
    scene.sync()
    scene.site("south").promote()
    scene.fleet.elect()
    scene.sync()
    assert asked["evicted"] == MOST and scene.fleet.hub == "south"
    assert all(scene.row("hub", ref) and not scene.row("west", ref) for ref in refs)
    scene.equal()


def test_closed_conflicts_go_after_their_time_when_all_have_heard_of_it(scene: Scene) -> None:
    """But what says into what a record was merged stays, and so does what nobody has looked at."""
    users = [scene.user("hub", name, name) for name in ("a", "b", "c", "d")]
    scene.sync()
    for ref in users:
        scene.put("west", "user", ref.key, extra__email="west")
        scene.put("hub", "user", ref.key, extra__email="hub")
    scene.equal()
    data = scene.store("hub").data
    data.conflicts = [replace(row, open=True) for row in data.conflicts]
    listed = {row.ref: row for row in scene.conflicts}
    close(scene, [listed[ref].id for ref in users[:3]])
    merge_marker(scene, listed[users[2]].id)
    keep = Retention(conflicts=30 * DAY)
    assert scene.purge("hub", keep).conflicts == 0, "too young"
    scene.clock.advance(31 * DAY)
    assert scene.purge("hub", keep).conflicts == 0, "west has not heard of it"
    scene.sync()
    assert scene.purge("hub", keep).conflicts == 2
    assert [row.ref for row in scene.conflicts] == users[2:]


def close(scene: Scene, ids: list[str]) -> None:
    """An operator keeps what was decided, at the hub."""
    scene.store("hub").run(lambda tx: decisions.close(tx, ids, "kept", scene.clock.now()))


def merge_marker(scene: Scene, identifier: str) -> None:
    """That one says that the record was merged into another one."""
    data = scene.store("hub").data
    data.conflicts = [replace(row, into="z") if row.id == identifier else row for row in data.conflicts]
