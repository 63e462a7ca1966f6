"""A direction that a site tells to wait."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from keystone_viaduct.errors import StoreBusy, TooFast
from keystone_viaduct.sync.agent.agenda import Rest
from keystone_viaduct.sync.agent.agent import Agent, Failure
from keystone_viaduct.sync.agent.lane import Lane
from keystone_viaduct.sync.agent.loading import first_load
from keystone_viaduct.sync.agent.metrics import metrics
from keystone_viaduct.sync.agent.pacing import LONGEST_BUSY, Pacer
from keystone_viaduct.sync.link.replicator import Progress
from keystone_viaduct.sync.model import Page
from tests.unit.agent.fleet import FakeSite, domain, fleet


class Patience(threading.Event):
    """Waits of any length pass at once and are written down."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        return self.is_set()


def slow_hub(*busy: float, **settings: float) -> tuple[Agent, FakeSite, Lane, Patience]:
    """An agent with news from west for a hub that answers its next pages so; the way up, and its waits."""
    agent, hub, spokes = fleet("west", **settings)
    spokes["west"].edit(*domain("acme"))
    hub.busy = list(busy)
    up, patience = agent.lanes[0], Patience()
    up.step()  # the two agree on the hub first
    up._stopping = patience
    return agent, hub, up, patience


def test_it_waits_as_long_as_it_is_told_and_goes_on() -> None:
    _, hub, up, patience = slow_hub(2.5, 3.0)
    assert [up.attempt() for _ in range(2)] == [Rest(2.5, deaf=True), Rest(3.0, deaf=True)]
    assert patience.waits == [], "and holds up no thread meanwhile"
    assert not hub.has(domain("acme")[0])
    up.attempt()
    assert hub.has(domain("acme")[0])


def test_that_is_no_failure_and_lengthens_no_later_wait() -> None:
    _, _, up, _ = slow_hub(*[1.0] * 20)
    for _ in range(20):
        up.attempt()
    assert (up.state.slowed, up.state.failures, up.state.error, up.pacer.failures) == (20, 0, "", 0)
    assert up.pacer.failed() <= up.pacer.first


def test_no_site_may_make_it_wait_for_longer_than_the_longest_back_off() -> None:
    pacer = Pacer(poll=10, first=0.5, longest=60)
    assert [pacer.told(wait) for wait in (0.0, 1.5, 86400.0)] == [0.5, 1.5, 60]


def test_it_is_logged_once_and_not_each_time(caplog: pytest.LogCaptureFixture) -> None:
    _, _, up, _ = slow_hub(*[1.0] * 10)
    for _ in range(10):
        up.attempt()
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(told) == 1 and "west-hub: too much at once" in told[0]


def test_once_and_a_first_load_wait_as_well() -> None:
    agent, hub, _, patience = slow_hub(1.0, 2.0)
    assert agent.once() == []
    assert hub.has(domain("acme")[0]) and patience.waits == [1.0, 2.0]
    agent, hub, _, patience = slow_hub(4.0)
    assert first_load(agent, lambda position: None) == []
    assert hub.has(domain("acme")[0]) and patience.waits == [4.0]


def test_once_does_not_wait_for_ever() -> None:
    agent, _, _, patience = slow_hub(*[25.0] * 10, longest_backoff=60.0)
    failures = agent.once()
    assert [(failure.lane, type(failure.error)) for failure in failures] == [("west-hub", TooFast)]
    assert patience.waits == [25.0, 25.0]


def test_a_source_that_has_nothing_to_show_for_it_is_busy_is_asked_again_soon() -> None:
    agent, hub, spokes = fleet("west", poll=60.0)
    spokes["west"].edit(*domain("acme"))
    up = agent.lanes[0]
    up.step()
    while not hub.has(domain("acme")[0]):
        up.step()
    while up.step() is not Progress.IDLE:
        pass
    spokes["west"].edit(*domain("other"))
    honest, spokes["west"].read = spokes["west"].read, busy(spokes["west"])  # type: ignore[method-assign]
    assert up.attempt().wait <= LONGEST_BUSY < up.pacer.poll
    spokes["west"].read = honest  # type: ignore[method-assign]
    up.attempt()
    assert hub.has(domain("other")[0])
    assert up.attempt().wait > 30


@pytest.mark.parametrize("carry", [Agent.once, lambda agent: first_load(agent, lambda position: None)])
def test_once_and_a_first_load_wait_for_a_feed_that_is_held(carry: Callable[[Agent], list[Failure]]) -> None:
    agent, hub, spokes = fleet("west")
    assert agent.once() == []
    spokes["west"].edit(*domain("acme"))
    patience = agent.lanes[0]._stopping = Patience()
    spokes["west"].read = busy(spokes["west"], looks=5)  # type: ignore[method-assign]
    assert carry(agent) == []
    assert hub.has(domain("acme")[0])
    assert len(patience.waits) == 5 and max(patience.waits) <= LONGEST_BUSY


def test_of_a_feed_that_is_held_for_ever_once_says_so() -> None:
    agent, hub, spokes = fleet("west", "south", longest_backoff=8.0)
    assert agent.once() == []
    for name, site in spokes.items():
        site.edit(*domain(f"acme-{name}"))
    agent.lanes[0]._stopping = Patience()
    spokes["west"].read = busy(spokes["west"])  # type: ignore[method-assign]
    failures = agent.once()
    assert [(failure.lane, type(failure.error)) for failure in failures] == [("west-hub", StoreBusy)]
    assert "west has more to show" in str(failures[0].error)
    assert hub.has(domain("acme-south")[0])


def busy(site: FakeSite, looks: int | None = None) -> Callable[..., Page]:
    """Its pages, while another transaction has it and something is left to number: for so many looks."""
    honest = site.read
    held = itertools.count()

    def read(*given: Any, **named: Any) -> Page:
        page = honest(*given, **named)
        if page.changes == () or (looks is not None and next(held) >= looks):
            return page
        return replace(page, at_head=False, upto=page.after or page.upto, changes=())

    return read


def test_metrics_count_it() -> None:
    agent, _, up, _ = slow_hub(1.0)
    up.attempt()
    text = metrics(agent).decode()
    assert 'viaduct_link_slowed_total{source="west",target="hub"} 1.0' in text
    assert 'viaduct_link_up{source="west",target="hub"} 1.0' in text
