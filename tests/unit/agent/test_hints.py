"""Pokes that any site of the fleet can have sent: they wake a direction, and not as often as they come."""

from __future__ import annotations

import pytest

from keystone_viaduct.sync.agent.agent import HINTED, HINTED_STEPS, Agent
from keystone_viaduct.sync.agent.workers import Worked
from keystone_viaduct.sync.wire.poke import Poke, made, sign
from tests.unit.agent.fleet import KEY, SITE_KEYS, fleet

MANY = 200


class Noted:
    """In the place of the workers: what they are told."""

    def __init__(self) -> None:
        self.told: list[Worked] = []
        self.hinted: list[tuple[Worked, float]] = []

    def tell(self, item: Worked) -> None:
        self.told.append(item)

    def hint(self, item: Worked, spacing: float) -> None:
        self.hinted.append((item, spacing))


def noting(*spokes: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Agent, Noted]:
    """An agent that holds the lease; its ends know each other."""
    agent, _, _ = fleet(*spokes)
    agent.lease.renew()
    agent.lanes[1].step()
    noted = Noted()
    monkeypatch.setattr(agent, "workers", noted)
    for lane in agent.lanes:
        lane.told = noted.tell
    return agent, noted


def forged() -> Poke:
    """As any site can make one in the hub's name."""
    return Poke("hub", 9, b"", sign(KEY, "hub", 9, b""), "0" * 64)


def test_they_cause_a_step_a_second_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    agent, noted = noting("west", monkeypatch=monkeypatch)
    assert agent.poked(forged())
    assert noted.hinted == [(agent.lanes[1], HINTED)] and noted.told == []


def test_however_many_read_that_site_so_many_steps_a_second_are_all_that_they_cause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agent, noted = noting(*(f"s{number}" for number in range(MANY)), monkeypatch=monkeypatch)
    assert agent.poked(forged())
    assert len(noted.hinted) == MANY
    assert sum(1 / spacing for _, spacing in noted.hinted) == pytest.approx(HINTED_STEPS)


def test_what_the_site_itself_has_sent_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    agent, noted = noting("west", monkeypatch=monkeypatch)
    assert agent.poked(made(KEY, SITE_KEYS["hub"], "hub", 9))
    assert noted.told == [agent.lanes[1]]
