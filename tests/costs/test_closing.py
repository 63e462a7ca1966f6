"""Who leaves as decided all that was refused to a site holds the hub for few statements."""

from __future__ import annotations

import pytest

from keystone_viaduct.sync.api.conflicts import ConflictsService
from keystone_viaduct.sync.api.service import Service, Surroundings
from keystone_viaduct.sync.model import REFUSED, Conflict, Ref
from tests.costs.stage import Stage

#: One that closes them, and one that finds nothing more.
STATEMENTS = 30


@pytest.mark.parametrize("number", [20, 80, 400])
def test_refusals_are_closed_together(made: Stage, number: int) -> None:
    def refused(key: int) -> Conflict:
        ref = Ref("user", f"{key:032x}")
        return Conflict(f"{key:08x}", ref, REFUSED, "rule", "why", ("enabled",), "west", key, {}, open=True)

    made.store.run(lambda tx: tx.add_conflicts([refused(key) for key in range(number)]))
    head = made.east.state().head
    hub = ConflictsService(Service(made.store, made.clock, Surroundings("30", {}, lambda *_: None)))
    closed: list[int] = []
    cost = made.cost(lambda: closed.append(hub.keep_refused("west")))
    assert closed == [number]
    assert cost.statements <= STATEMENTS
    listed = made.store.read(lambda tx: tx.conflicts(1000))
    assert {(row.open, row.resolution) for row in listed} == {(False, "kept")}
    assert sorted(row.seq for row in listed) == list(range(head + 1, head + number + 1))
    assert hub.keep_refused("west") == 0
