"""How fast a hub takes what its spokes show.

The hub is a service over SQLite and the spokes are in memory, but for the last test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from keystone_viaduct.clock import ManualClock, SystemClock
from keystone_viaduct.errors import CheckpointMismatch, TooFast
from keystone_viaduct.sync.api.service import Service, Surroundings, peek
from keystone_viaduct.sync.charter import Charter, Coverage, Delegation, charter_to_set
from keystone_viaduct.sync.model import Checkpoint, Page, Peer, Ref, SiteState
from keystone_viaduct.sync.store import SqlTransaction
from tests.integration.api.conftest import running
from tests.support.databases import DatabaseScope
from tests.support.sites import open_site
from tests.unit.agent.fleet import FakeSite, domain

#: Changes per second; ten times as many may come at once.
RATE = 5
SECOND = 1_000_000


class Hub:
    """East, which takes little of west at a time; south may change everything."""

    def __init__(self, service: Service, clock: ManualClock) -> None:
        self.service = service
        self.clock = clock
        limited = Charter(
            coverages={"west": Coverage()},
            delegations={"west": Delegation(kinds=frozenset({"domain"}), roles=frozenset())},
        )
        edition = service.charter().edition
        service.write_charter({**charter_to_set(limited), "edition": [*edition]})
        for name in ("west", "south"):
            service.register(Peer(name, b"k" * 32, "a1"))

    def flooding(self, name: str, domains: int = 90) -> FakeSite:
        """A spoke of that many new domains."""
        site = FakeSite(name, hub="east")
        secret = self.service.store.read(peek).fleet_secret
        site.store.run(lambda tx: tx.save_state(replace(tx.state(), fleet_secret=secret)))
        for number in range(domains):
            site.edit(*domain(f"{name}-{number}"))
        return site

    def page(self, spoke: FakeSite, limit: int) -> Page:
        """What the spoke has next."""
        after = self.service.store.read(lambda tx: tx.checkpoint(spoke.name))
        return spoke.read("east", after, limit)

    def seen(self) -> tuple[SiteState, Checkpoint | None, int, int]:
        """What a page would change: the state, west's checkpoint, what waits, the domains."""

        def look(tx: SqlTransaction) -> tuple[SiteState, Checkpoint | None, int, int]:
            domains = self.service.store.codecs.keys(tx.connection, "domain", None, 10_000)
            return peek(tx), tx.checkpoint("west"), len(tx.pending("west")), len(domains)

        return self.service.store.read(look)


def hub_of(scope: DatabaseScope, rate: int) -> Iterator[Hub]:
    with open_site(scope.keystone("sqlite")) as store:
        clock = ManualClock(SystemClock().now())
        around = Surroundings("30", {}, lambda writes, source: None, limited_changes_per_second=rate)
        yield Hub(Service(store, clock, around), clock)


@pytest.fixture
def hub(database_scope: DatabaseScope) -> Iterator[Hub]:
    yield from hub_of(database_scope, RATE)


@pytest.fixture
def unbounded(database_scope: DatabaseScope) -> Iterator[Hub]:
    yield from hub_of(database_scope, 0)


def test_a_limited_spoke_is_stopped_at_the_burst_and_nothing_is_changed(hub: Hub) -> None:
    west = hub.flooding("west")
    hub.service.apply(hub.page(west, 40))
    before = hub.seen()
    with pytest.raises(TooFast) as caught:
        hub.service.apply(hub.page(west, 40))
    assert hub.seen() == before
    assert caught.value.wait == 6.0
    assert "limited_changes_per_second" in caught.value.hint


def test_the_same_page_is_applied_after_the_wait(hub: Hub) -> None:
    west = hub.flooding("west")
    hub.service.apply(hub.page(west, 40))
    page, domains = hub.page(west, 40), hub.seen()[3]
    with pytest.raises(TooFast) as caught:
        hub.service.apply(page)
    hub.clock.advance(int(caught.value.wait * SECOND))
    assert hub.service.apply(page).applied == 40
    assert hub.seen()[3] == domains + 40


def test_a_page_larger_than_the_burst_passes_when_nothing_came_before(hub: Hub) -> None:
    west = hub.flooding("west")
    assert hub.service.apply(hub.page(west, 90)).applied == 90
    with pytest.raises(TooFast) as caught:
        hub.service.apply(hub.page(west, 90))
    assert caught.value.wait == 10.0


def test_pages_that_hold_nothing_or_do_not_fit_count_as_well(hub: Hub) -> None:
    west = hub.flooding("west", domains=1)
    page = hub.page(west, 40)
    hub.service.apply(page)
    for _ in range(4):
        with pytest.raises(CheckpointMismatch):
            hub.service.apply(page)
    with pytest.raises(TooFast):
        hub.service.apply(page)
    with pytest.raises(TooFast):
        hub.service.apply(hub.page(west, 40))


def test_a_change_that_is_refused_counts_as_a_hundred(hub: Hub) -> None:
    """Fifty may come at once, and a page counts as ten: four more would pass but for three refusals."""
    west = hub.flooding("west", domains=1)
    for number in range(3):
        west.edit(Ref("region", f"r{number}"), {"description": "evil", "parent_region_id": None})
    page = hub.page(west, 40)
    assert hub.service.apply(page).reverted == 3
    with pytest.raises(TooFast) as caught:
        hub.service.apply(page)
    assert caught.value.wait == (10 + 3 * 99 + 10 - 50) / 5


def test_one_site_s_flood_and_a_full_delegation_delay_nobody(hub: Hub) -> None:
    west, south = hub.flooding("west"), hub.flooding("south")
    hub.service.apply(hub.page(west, 90))
    for _ in range(3):
        assert hub.service.apply(hub.page(south, 30)).applied == 30


def test_zero_is_no_bound(unbounded: Hub) -> None:
    west = unbounded.flooding("west")
    for _ in range(9):
        assert unbounded.service.apply(unbounded.page(west, 10)).applied == 10


@pytest.mark.keystone
def test_an_agent_brings_a_flood_more_slowly_and_all_of_it(tmp_path: Path) -> None:
    with running(tmp_path, limited_changes_per_second="2") as sites:
        with sites.client("east") as east:
            charter = {"edition": east.get("/OS-SYNC/charter").json()["edition"]}
            limits = {
                "coverages": {"west": {"kinds": "all", "domains": "all"}},
                "delegations": {"west": {"kinds": ["domain"], "domains": "all", "roles": []}},
            }
            east.put("/OS-SYNC/charter", json={**charter, **limits}).raise_for_status()
        agent, made = sites.agent(), set()
        assert agent.once() == []
        with sites.client("west") as west:
            for number in range(4):  # each page counts as ten, and twenty may come at once
                answer = west.post("/domains", json={"domain": {"name": f"flood-{number}"}})
                made.add(answer.json()["domain"]["id"])
                assert agent.once() == []
        assert agent.lanes[0].name == "west-east" and agent.lanes[0].state.slowed
        with sites.client("east") as east:
            assert made <= {found["id"] for found in east.get("/domains").json()["domains"]}
