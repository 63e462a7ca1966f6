"""What only looks at a site takes no lock; what has something to write is done under the lock."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace
from typing import Any

import pytest

from keystone_viaduct.clock import ManualClock
from keystone_viaduct.sync.model import Bucket, Peer, Ref
from keystone_viaduct.sync.ports import Transaction, Write
from keystone_viaduct.sync.site import Site
from keystone_viaduct.sync.site.looking import READS
from keystone_viaduct.testing.memory import MemoryStore, empty

#: What changes or locks something by its name; the marks are taken to be numbered.
CHANGING = re.compile("(add|close|drop|forget|lock|note|place|save|write)_|(go_on|hold|let_go|take_marks)$")


class Counting(MemoryStore):
    """Counts transactions that may write."""

    runs = 0

    def run(self, work: Any) -> Any:
        self.runs += 1
        return super().run(work)


@pytest.fixture
def store() -> Counting:
    """A hub with one record, and a spoke that has read all of it."""
    store = Counting(empty("east", "east", incarnation="1"))
    store.edit([Write(Ref("region", "a"), None, {"id": "a"})], 1)
    store.run(lambda tx: tx.save_peer(Peer("west", b"w" * 32, "2")))
    return store


def test_a_call_of_a_transaction_that_is_not_known_to_read_must_not_be_made() -> None:
    calls = {name for name, _ in inspect.getmembers(Transaction, inspect.isfunction) if name[0] != "_"}
    assert {name for name in calls if not CHANGING.match(name)} == READS


def test_a_reader_that_is_up_to_date_writes_nothing(store: Counting) -> None:
    site = Site(store, ManualClock())
    first = site.read("west", None)
    site.read("west", first.upto)
    store.runs = 0
    assert site.read("west", first.upto).at_head
    site.standing("west")
    site.summary("west", None)
    site.summary("west", [Bucket("region")])
    site.listing("west", [Bucket("region")])
    assert (site.charter().edition.number, site.name, store.runs) == (0, "east", 0)


def test_what_is_to_be_numbered_or_noted_is_written(store: Counting) -> None:
    site = Site(store, ManualClock())
    first = site.read("west", None)
    assert [change.ref.key for change in first.changes] == ["a"]
    store.edit([Write(Ref("region", "b"), None, {"id": "b"})], 2)
    assert [change.ref.key for change in site.read("west", first.upto).changes] == ["b"]
    assert store.data.peers["west"].acknowledged == first.upto.seq
    store.edit([Write(Ref("region", "c"), None, {"id": "c"})], 3)
    summary = site.summary("west", None)
    assert summary.tallies[Bucket("region")].number == 3 and summary.head.seq == 3


def test_what_is_put_back_is_found_by_who_only_looks(store: Counting) -> None:
    """A checkpoint of a history that is not here begins a new life, as under the lock."""
    site = Site(store, ManualClock())
    page = site.read("west", None)
    store.run(lambda tx: tx.save_state(replace(tx.state(), head=0)))
    with pytest.raises(Exception, match="does not have position"):
        site.read("west", page.upto)
    assert site.state().incarnation != "1"
