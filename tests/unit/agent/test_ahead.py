"""Pages are read ahead for a few links at a time, and what one of them leaves behind is nobody else's."""

from __future__ import annotations

import threading

from keystone_viaduct.sync.agent.agent import Agent
from keystone_viaduct.sync.agent.ahead import AT_ONCE, Ahead
from keystone_viaduct.sync.agent.lane import Lane
from tests.unit.agent.fleet import PATIENCE, FakeSite, domain, fleet

PAGES = 3


def loading(*spokes: str) -> tuple[Agent, FakeSite, dict[str, FakeSite], list[Lane]]:
    """An agent for new sites, and a hub with several pages for each; the ways down."""
    agent, hub, sites = fleet(*spokes, first_load_limit=1, page_limit=1)
    for number in range(PAGES):
        hub.edit(*domain(f"d{number}"))
    agent.lease.renew()
    return agent, hub, sites, agent.lanes[1::2]


def has_begun(lane: Lane) -> bool:
    """One page is here, and another one is being read."""
    for _ in range(20):
        if lane.replicator._coming is not None:
            return True
        lane.attempt()
    return False


def test_so_many_are_lent_it_and_the_last_one_ends_its_threads() -> None:
    ahead = Ahead(2)
    first, second = ahead.lend(), ahead.lend()
    assert first is not None and first is second and ahead.lend() is None
    assert first.submit(threading.current_thread).result(PATIENCE).name.startswith("ahead")
    ahead.give_back()
    assert ahead.lend() is first
    ahead.give_back()
    ahead.give_back()
    assert not [
        thread for thread in threading.enumerate() if thread.name.startswith("ahead") and _ends(thread)
    ]
    assert ahead.lend() is not first


def _ends(thread: threading.Thread) -> bool:
    """Whether it is still there after a while."""
    thread.join(PATIENCE)
    return thread.is_alive()


def test_of_many_links_that_fill_new_sites_eight_read_ahead_and_all_come_to_the_head() -> None:
    names = [f"s{number:02}" for number in range(AT_ONCE + 3)]
    agent, _, sites, down = loading(*names)
    for lane in down[:AT_ONCE]:
        assert has_begun(lane)
    ninth = down[AT_ONCE]
    while not ninth.state.loading:
        ninth.attempt()
    assert ninth.replicator.ahead is None and not has_begun(ninth)
    assert agent.once() == []
    assert all(site.has(domain(f"d{PAGES - 1}")[0]) for site in sites.values())
    assert agent._ahead._lent == 0


def test_a_link_whose_ends_cannot_be_introduced_lends_it_to_others_and_reads_anew_afterwards() -> None:
    """Its page may wait in the row of the others, and is dropped with it."""
    _, _, sites, (way,) = loading("west")
    busy, release = Ahead(1), threading.Event()
    way.ahead = busy
    pool = busy.lend()
    assert pool is not None
    pool.submit(release.wait, PATIENCE)
    busy._lent = 0  # whoever it was had no more use for it
    assert has_begun(way) and busy.lend() is None
    way.contact.renew()
    sites["west"].down = True
    assert way.attempt().deaf and way.state.code == "site.unavailable"
    assert busy.lend() is not None
    busy.give_back()
    release.set()
    sites["west"].down = False
    for _ in range(20):
        way.attempt()
        assert way.state.code == ""
    assert sites["west"].has(domain(f"d{PAGES - 1}")[0])
