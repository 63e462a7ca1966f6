"""Pokes that any site of the fleet can have sent: they wake a direction, and not as often as they come."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from keystone_viaduct.sync.agent import lane as lanes
from keystone_viaduct.sync.agent.agent import Agent
from keystone_viaduct.sync.agent.lane import HINTED, Lane
from keystone_viaduct.sync.wire.poke import Poke, made, sign
from tests.unit.agent.fleet import KEY, SITE_KEYS, fleet
from tests.unit.agent.test_slowed import Patience

NOW = 1000.0


@pytest.fixture
def down(monkeypatch: pytest.MonkeyPatch) -> tuple[Agent, Lane, Patience]:
    """The way from the hub to west, introduced; its clock stands still, its waits pass at once."""
    agent, _, _ = fleet("west")
    agent.lease.renew()
    way, patience = agent.lanes[1], Patience()
    way.step()
    monkeypatch.setattr(lanes, "time", SimpleNamespace(monotonic=lambda: NOW, time=lambda: NOW))
    way._meant = patience
    return agent, way, patience


def forged() -> Poke:
    """As any site can make one in the hub's name."""
    return Poke("hub", 9, b"", sign(KEY, "hub", 9, b""), "0" * 64)


def test_they_cause_a_step_a_second_at_most(down: tuple[Agent, Lane, Patience]) -> None:
    agent, way, patience = down
    for _ in range(5):
        assert agent.poked(forged())
    way._rest(10.0, NOW - 0.25)
    assert patience.waits == [HINTED - 0.25]


def test_the_first_after_a_while_is_followed_at_once(down: tuple[Agent, Lane, Patience]) -> None:
    agent, way, patience = down
    assert agent.poked(forged())
    way._rest(10.0, NOW - 5)
    assert patience.waits == [0.0]


def test_what_the_site_itself_has_sent_waits_for_nothing(down: tuple[Agent, Lane, Patience]) -> None:
    agent, way, patience = down
    assert agent.poked(forged())
    assert agent.poked(made(KEY, SITE_KEYS["hub"], "hub", 9))
    way._rest(10.0, NOW)
    assert patience.waits == []


def test_nor_do_they_make_it_wait_longer_than_it_would_have(down: tuple[Agent, Lane, Patience]) -> None:
    agent, way, patience = down
    assert agent.poked(forged())
    way._rest(0.5, NOW)
    assert patience.waits == [0.5]
