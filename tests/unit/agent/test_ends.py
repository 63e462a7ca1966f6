"""What one direction finds at the hub holds for all that stand at the same place."""

from __future__ import annotations

import time

import pytest

from keystone_viaduct.sync.agent import lane as lanes
from keystone_viaduct.sync.agent.agent import Agent
from keystone_viaduct.sync.agent.ends import End, Ends
from keystone_viaduct.sync.agent.lane import Lane
from keystone_viaduct.sync.model import Checkpoint, Version
from tests.unit.agent.fleet import FakeSite, domain, fleet

SPOKES = ("south", "west", "north", "island")
HERE = End(Checkpoint("a1", 7, "n"), Version(), "s")


def test_the_latest_question_counts_and_only_who_stands_there_is_told() -> None:
    ends, further = Ends(), End(Checkpoint("a1", 8, "n"), Version(), "s")
    ends.note("hub", HERE, 10.0)
    assert (ends.asked_at("hub", HERE), ends.asked_at("hub", further), ends.asked_at("west", HERE)) == (
        10,
        0,
        0,
    )
    ends.note("hub", further, 12.0)
    ends.note("hub", HERE, 11.0)  # an answer that took its time
    assert (ends.asked_at("hub", HERE), ends.asked_at("hub", further)) == (0.0, 12.0)


@pytest.fixture
def quiet() -> tuple[Agent, FakeSite, dict[str, FakeSite], list[Lane]]:
    """A fleet in which all have all; the ways down."""
    agent, hub, spokes = fleet(*SPOKES, confirm=0.0, poll=10.0)
    hub.edit(*domain("acme"))
    for _ in range(20):
        for lane in agent.lanes:
            lane.attempt()
    assert all(site.has(domain("acme")[0]) for site in spokes.values())
    return agent, hub, spokes, [lane for lane in agent.lanes if lane.source == "hub"]


def asked(hub: FakeSite) -> int:
    return hub.calls.count("read")


def test_a_hub_without_news_is_asked_by_one_of_them(
    quiet: tuple[Agent, FakeSite, dict[str, FakeSite], list[Lane]],
) -> None:
    _, hub, _, down = quiet
    before = asked(hub)
    for _ in range(3):
        rests = [lane.attempt() for lane in down]
        assert all(0 < rest.wait <= 11 for rest in rests)
    assert asked(hub) - before <= 3
    assert all(time.time() - lane.state.succeeded_at < 60 for lane in down)


def test_what_it_has_new_comes_to_all_at_their_next_look(
    quiet: tuple[Agent, FakeSite, dict[str, FakeSite], list[Lane]],
) -> None:
    _, hub, spokes, down = quiet
    hub.edit(*domain("later"))
    for _ in range(2):  # the first of the first round has asked before the others
        for lane in down:
            lane.attempt()
    assert all(site.has(domain("later")[0]) for site in spokes.values())


def test_who_is_told_of_news_asks_itself(
    quiet: tuple[Agent, FakeSite, dict[str, FakeSite], list[Lane]],
) -> None:
    _, hub, _, (first, second, *_) = quiet
    first.attempt()
    second.attempt()
    for tell in (second.wake, second.hint):
        first._end = None
        first.attempt()
        tell()
        before = asked(hub)
        second.attempt()
        assert asked(hub) == before + 1


def test_news_that_come_while_it_is_asked_are_not_lost(
    quiet: tuple[Agent, FakeSite, dict[str, FakeSite], list[Lane]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, hub, spokes, (first, second, *_) = quiet
    read = hub.read

    def told_meanwhile(*arguments: object) -> object:
        page = read(*arguments)  # type: ignore[arg-type]
        hub.edit(*domain("meanwhile"))
        first.wake()
        return page

    first._end = None
    monkeypatch.setattr(hub, "read", told_meanwhile)
    first.attempt()
    monkeypatch.setattr(hub, "read", read)
    second._asked_at = first._asked_at + 1
    second.ends.note("hub", second._end or HERE, time.monotonic())
    first.attempt()
    assert spokes[first.target].has(domain("meanwhile")[0])


def test_nobody_trusts_in_others_for_long_and_targets_are_told_at_times(
    quiet: tuple[Agent, FakeSite, dict[str, FakeSite], list[Lane]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, hub, spokes, (first, second, *_) = quiet
    monkeypatch.setattr(lanes, "ITSELF", 0.0)
    for lane in (first, second):
        before = asked(hub)
        lane.attempt()
        assert asked(hub) == before + 1
    monkeypatch.undo()
    second.confirm = 1e-9
    first._end = None
    first.attempt()
    before = spokes[second.target].calls.count("apply")
    second.attempt()
    assert spokes[second.target].calls.count("apply") == before + 1
