"""The agent over sites in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from keystone_viaduct.errors import ConfigError, LeaseHeld, UnsupportedVersion
from keystone_viaduct.sync.agent.agent import Agent, Failure
from keystone_viaduct.sync.agent.lane import Lane
from keystone_viaduct.sync.agent.loading import Position, first_load
from keystone_viaduct.sync.agent.metrics import metrics
from keystone_viaduct.sync.agent.status import snapshot
from keystone_viaduct.sync.wire.poke import Poke, made
from tests.unit.agent.fleet import KEY, PATIENCE, SITE_KEYS, FakeSite, domain, fleet


@contextmanager
def running(agent: Agent) -> Iterator[Agent]:
    """The agent at work; it has to end in order."""
    agent.start()
    try:
        yield agent
    finally:
        assert agent.stop(PATIENCE)


def lane(agent: Agent, source: str, target: str) -> Lane:
    """One direction."""
    return next(lane for lane in agent.lanes if (lane.source, lane.target) == (source, target))


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether it becomes true while the lanes work."""
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.01)):
        if condition():
            return True
        pause.wait(0.01)
    return False


def works(agent: Agent) -> bool:
    """Whether it holds the lease now."""
    return agent.lease.holding


def at_rest(agent: Agent) -> bool:
    """Whether every direction has succeeded at least once."""
    return all(lane.state.succeeded_at and not lane.state.error for lane in agent.lanes)


def poked(agent: Agent, site: str, head: int = 1) -> bool:
    """A genuine poke without a page."""
    return agent.poked(made(KEY, SITE_KEYS[site], site, head))


def test_once_carries_everything_everywhere_and_gives_the_lease_back() -> None:
    agent, hub, spokes = fleet("west", "south")
    hub.edit(*domain("from-hub"))
    spokes["west"].edit(*domain("from-west"))
    assert agent.once() == []
    for site in (hub, *spokes.values()):
        assert site.has(domain("from-hub")[0]) and site.has(domain("from-west")[0])
    assert hub.held_by == ""


def test_a_site_that_is_down_delays_nobody_else() -> None:
    agent, hub, spokes = fleet("west", "south")
    spokes["west"].down = True
    hub.edit(*domain("acme"))
    failures = agent.once()
    assert {failure.lane for failure in failures} == {"west-hub", "hub-west"}
    assert all(failure.error.hint for failure in failures)
    assert spokes["south"].has(domain("acme")[0])


def test_a_site_that_a_library_fails_at_costs_the_others_nothing() -> None:
    agent, hub, spokes = fleet("west", "south")
    spokes["west"].fault = OSError("no CA bundle")
    hub.edit(*domain("acme"))
    failures = agent.once()
    assert {failure.lane for failure in failures} == {"west-hub", "hub-west"}
    assert all("no CA bundle" in failure.error.message for failure in failures)
    assert spokes["south"].has(domain("acme")[0])


def test_the_lease_is_renewed_while_a_direction_is_carried_for_long() -> None:
    """A spoke blocks until the hub was asked for the lease once more than at the start."""
    agent, hub, spokes = fleet("west", lease=0.3)
    spokes["west"].blocked = threading.Event()
    found: list[object] = []
    worker = threading.Thread(target=lambda: found.append(agent.once()))
    worker.start()
    assert eventually(lambda: hub.calls.count("take_lease") >= 4)
    assert agent.lease.holding and worker.is_alive()
    spokes["west"].blocked.set()
    worker.join(PATIENCE)
    assert found == [[]] and hub.held_by == ""


def test_a_lease_that_is_lost_meanwhile_ends_the_work() -> None:
    agent, hub, spokes = fleet("west", lease=0.3)
    for number in range(3):
        hub.edit(*domain(f"d{number}"))
    spokes["west"].blocked = threading.Event()
    found: list[list[Failure]] = []
    worker = threading.Thread(target=lambda: found.append(agent.once()))
    worker.start()
    assert eventually(lambda: agent.lease.holding)
    hub.held_by = "another"
    assert eventually(lambda: not agent.lease.holding)
    spokes["west"].blocked.set()
    worker.join(PATIENCE)
    assert {failure.error.code for failure in found[0]} == {LeaseHeld.code}
    assert hub.held_by == "another"


def test_a_site_that_hangs_delays_nobody_else() -> None:
    agent, hub, spokes = fleet("west", "south")
    spokes["west"].blocked = threading.Event()
    with running(agent):
        assert eventually(lambda: not lane(agent, "hub", "south").state.error and at_work(agent, "south"))
        hub.edit(*domain("acme"))
        assert poked(agent, "hub")
        assert spokes["south"].await_record(domain("acme")[0])
        assert not spokes["west"].has(domain("acme")[0])
        spokes["west"].blocked.set()
        assert spokes["west"].await_record(domain("acme")[0])


def at_work(agent: Agent, spoke: str) -> bool:
    """Whether both directions of a link have succeeded."""
    return bool(lane(agent, "hub", spoke).state.succeeded_at and lane(agent, spoke, "hub").state.succeeded_at)


def test_a_poke_carries_a_change_at_once_to_the_hub_and_on_to_the_others() -> None:
    agent, _, spokes = fleet("west", "south")
    with running(agent):
        assert eventually(lambda: at_rest(agent))
        spokes["west"].edit(*domain("acme"))
        assert poked(agent, "west")
        assert spokes["south"].await_record(domain("acme")[0])


def test_a_poke_that_is_not_genuine_is_ignored() -> None:
    agent, _, _ = fleet("west")
    with running(agent):
        assert eventually(lambda: at_rest(agent))
        assert not agent.poked(Poke("west", 1, b"", "0" * 64, "0" * 64))
        assert lane(agent, "west", "hub").state.poked == 0


def test_a_site_that_comes_back_is_served_without_a_poke() -> None:
    agent, hub, spokes = fleet("west", longest_backoff=0.05)
    spokes["west"].down = True
    with running(agent):
        assert eventually(lambda: lane(agent, "hub", "west").state.failures > 2)
        state = lane(agent, "hub", "west").state
        assert state.code == "site.unavailable"
        hub.edit(*domain("acme"))
        spokes["west"].down = False
        assert spokes["west"].await_record(domain("acme")[0])
        assert eventually(lambda: state.failures == 0)


def test_a_new_site_is_introduced_and_given_the_secret_once() -> None:
    agent, hub, spokes = fleet("west")
    spokes["west"].secret = False
    assert agent.once() == []
    assert spokes["west"].secret
    assert set(hub.known) == {"west"} and set(spokes["west"].known) == {"hub"}
    assert agent.once() == []
    assert spokes["west"].calls.count("hand_over") == 1
    assert hub.calls.count("capabilities") == 1


@pytest.mark.parametrize(
    ("change", "kind", "told"),
    [
        ({"name": "north"}, ConfigError, "names in viaduct.yaml"),
        ({"hub": "other"}, ConfigError, "`hub:` in viaduct.yaml"),
        ({"versions": ("2.0", "3.1")}, UnsupportedVersion, "upgrade the older end"),
    ],
)
def test_a_site_that_is_not_the_one_meant_is_refused_before_anything_is_carried(
    change: dict[str, object], kind: type[Exception], told: str
) -> None:
    agent, hub, spokes = fleet("west")
    other = FakeSite(**{"name": "west", **change})  # type: ignore[arg-type]
    spokes["west"].site, spokes["west"].versions = other.site, other.versions
    hub.edit(*domain("acme"))
    failures = agent.once()
    assert {type(failure.error) for failure in failures} == {kind}
    assert told in failures[0].error.hint
    assert "apply" not in spokes["west"].calls and "register" not in spokes["west"].calls


def test_of_two_agents_one_works_and_the_other_takes_over() -> None:
    first, hub, spokes = fleet("west")
    second = Agent(hub, spokes, first.settings)
    with running(first):
        assert eventually(lambda: first.lease.holding)
        with pytest.raises(LeaseHeld) as caught:
            second.once()
        assert caught.value.hint
        second.lease.once()
        assert not works(second) and "holds the lease" in second.lease.error
    second.lease.once()
    assert works(second)
    second.lease.stop()


def test_first_load_tells_how_far_it_is_and_goes_on_after_an_interruption() -> None:
    agent, hub, spokes = fleet("west", first_load_limit=3)
    for number in range(10):
        hub.edit(*domain(f"d{number}"))
    told: list[Position] = []

    def interrupt(position: Position) -> None:
        told.append(position)
        if position.lane == "hub-west" and position.done >= 6:
            spokes["west"].down = True

    failures = first_load(agent, interrupt)
    assert [failure.lane for failure in failures] == ["hub-west"]
    loaded = [position.done for position in told if position.lane == "hub-west"]
    assert loaded == [3, 6]
    spokes["west"].down = False
    again, _, _ = fleet("west")
    resumed = Agent(hub, spokes, again.settings)
    told.clear()
    assert first_load(resumed, told.append) == []
    assert all(spokes["west"].has(domain(f"d{number}")[0]) for number in range(10))
    assert [p.changes for p in told if p.lane == "hub-west"] == [4]


def test_status_and_metrics_name_each_direction() -> None:
    agent, hub, _ = fleet("west")
    hub.edit(*domain("acme"))
    agent.once()
    links = {(link["source"], link["target"]): link for link in snapshot(agent)["links"]}
    assert links["hub", "west"]["changes"] == 1
    assert links["hub", "west"]["behind"] == 0
    text = metrics(agent).decode()
    assert 'viaduct_link_changes_total{source="hub",target="west"} 1.0' in text
    assert 'viaduct_link_up{source="west",target="hub"} 1.0' in text
    assert "viaduct_agent_working 0.0" in text


def test_a_spoke_is_told_at_times_that_there_is_no_news() -> None:
    """So that it knows that it is up to date, and may go on accepting tokens."""
    agent, hub, sites = fleet("west", confirm=0.01, poll=0.01)
    with running(agent):
        assert eventually(lambda: at_rest(agent))
        first = sites["west"].store.data.state.caught_up
        assert first
        assert eventually(lambda: sites["west"].store.data.state.caught_up > first)
    assert hub.store.data.state.caught_up == 0


def test_a_spoke_is_not_bothered_when_that_is_not_asked_for() -> None:
    agent, hub, sites = fleet("west", confirm=0.0, poll=0.01)
    with running(agent):
        assert eventually(lambda: at_rest(agent))
        looks = hub.calls.count("read")
        applied = sites["west"].calls.count("apply")
        assert eventually(lambda: hub.calls.count("read") > looks + 10)
    assert sites["west"].calls.count("apply") <= applied + 2
