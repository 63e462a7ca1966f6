"""Purge, sweep and comparison, driven by the agent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

import pytest

from keystone_viaduct.sync.agent.agent import Agent
from keystone_viaduct.sync.agent.metrics import metrics
from keystone_viaduct.sync.agent.rounds import Rounds
from keystone_viaduct.sync.agent.status import snapshot
from keystone_viaduct.sync.agent.upkeep import AT_ONCE
from keystone_viaduct.sync.model import Ref, SweepState
from tests.unit.agent.fleet import FakeSite, domain, fleet

T = TypeVar("T")
NAMES = [f"d{number:02}" for number in range(40)]


def loaded(*spokes: str, **settings: float) -> tuple[Agent, FakeSite, dict[str, FakeSite]]:
    """A fleet with 40 domains everywhere, whose agent may work."""
    agent, hub, sites = fleet(*spokes, **settings)
    agent.upkeep.pause = 0.0
    for name in NAMES:
        hub.edit(*domain(name))
    assert agent.once() == []
    agent.gate.set()
    return agent, hub, sites


def test_a_round_at_sound_sites_finds_nothing() -> None:
    agent, _, _ = loaded("west", "south")
    agent.upkeep.round()
    found = snapshot(agent)["upkeep"]
    assert list(found) == ["hub", "west", "south"]
    for kept in found.values():
        assert kept["finished_at"] > 0
        assert (kept["found"], kept["held"], kept["differing"], kept["error"]) == (0, 0, 0, "")
    assert b'viaduct_site_held{site="west"} 0.0' in metrics(agent)


def test_what_no_trigger_saw_reaches_everybody() -> None:
    agent, _, sites = loaded("west", "south")
    ref = Ref("domain", NAMES[3])
    rows = sites["west"].store.data.rows
    rows[ref] = {**rows[ref], "enabled": False}
    agent.upkeep.round()
    assert agent.upkeep.sites["west"].found == 1
    assert agent.once() == []
    assert sites["south"].store.data.rows[ref]["enabled"] is False


def test_what_a_spoke_has_lost_unseen_is_brought_again() -> None:
    agent, hub, sites = loaded("west")
    ref = Ref("domain", NAMES[3])
    before = sites["west"].store.data.copy()
    hub.edit(ref, {**before.rows[ref], "enabled": False})
    assert agent.once() == []
    agent.gate.set()
    data = sites["west"].store.data
    data.rows[ref], data.records[ref] = before.rows[ref], before.records[ref]
    agent.upkeep.round()
    assert agent.upkeep.sites["west"].missed == 1
    assert agent.once() == []
    assert sites["west"].store.data.rows[ref]["enabled"] is False
    agent.gate.set()
    agent.upkeep.round()
    assert agent.upkeep.sites["west"].differing == 0


def test_records_in_large_numbers_at_one_site_only_are_left_to_a_person(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The bookkeeping of a spoke is emptied: shown, all its records would count as deleted there."""
    agent, hub, sites = loaded("west")
    for number in range(30):
        hub.edit(*domain(f"more{number}"))
    assert agent.once() == []
    agent.gate.set()
    data = sites["west"].store.data
    data.rows, data.records = {}, {}
    agent.upkeep.round()
    assert agent.upkeep.sites["west"].onesided == 70
    assert "nothing is shown" in caplog.text
    assert agent.once() == []
    assert hub.has(Ref("domain", NAMES[0]))


def test_deletions_in_large_numbers_wait(caplog: pytest.LogCaptureFixture) -> None:
    agent, hub, sites = loaded("west")
    for name in NAMES:
        del sites["west"].store.data.rows[Ref("domain", name)]
    agent.upkeep.round()
    assert agent.upkeep.sites["west"].held == 40
    assert "40 deletions found by the sweep wait for a person" in caplog.text
    assert agent.once() == []
    assert hub.has(Ref("domain", NAMES[0]))


def test_what_waits_at_a_site_is_named_once_and_counted_by_state(caplog: pytest.LogCaptureFixture) -> None:
    agent, hub, sites = loaded("west")
    sites["west"].store.unstorable = frozenset({"odd"})
    hub.edit(Ref("domain", "d"), {"id": "d", "name": "odd", "enabled": True})
    assert agent.once() == []
    agent.gate.set()
    agent.upkeep.round()
    agent.upkeep.round()
    said = [record.getMessage() for record in caplog.records]
    told = [text for text in said if text.startswith("west: domain/d is carried")]
    assert told == ["west: domain/d is carried (unstorable) field name can't be stored here"]
    named = snapshot(agent)["upkeep"]["west"]
    assert named["waiting"] == {"carried": 1}
    assert named["records"][0]["name"] == "odd"
    assert b'viaduct_site_waiting{site="west",state="carried"} 1.0' in metrics(agent)
    assert b'viaduct_site_waiting{site="hub",state="held"} 0.0' in metrics(agent)


def test_tombstones_go_at_the_hub_first_and_stay_at_spokes_as_long() -> None:
    agent, hub, sites = loaded("west", "south", retention=0)
    hub.edit(Ref("domain", NAMES[0]), None)
    sites["south"].down = True
    agent.once()
    agent.gate.set()
    agent.upkeep.round()
    dead = Ref("domain", NAMES[0])
    assert dead in hub.store.data.records, "south has not got it"
    assert dead in sites["west"].store.data.records
    assert "does not answer" in agent.upkeep.sites["south"].error
    sites["south"].down = False
    for _ in range(2):
        assert agent.once() == []
        agent.gate.set()
        agent.upkeep.round()
    assert agent.upkeep.sites["hub"].purged == 1
    assert all(dead not in site.store.data.records for site in (hub, *sites.values()))


def test_it_waits_for_the_lease_and_can_be_switched_off() -> None:
    agent, _, _ = fleet("west", upkeep=0)
    agent.upkeep.round()
    assert agent.upkeep.sites == {}
    agent.upkeep.start()
    assert agent.upkeep.stop()


def test_a_site_that_a_library_fails_at_costs_the_others_nothing() -> None:
    agent, _, sites = loaded("west", "south")
    sites["west"].fault = OSError("no CA bundle")
    agent.upkeep.round()
    assert agent.upkeep.sites["west"].error == "no CA bundle"
    assert agent.upkeep.sites["south"].finished_at > 0


def test_all_tombstones_that_are_due_go_in_one_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """In batches of three; a spoke keeps those that the hub has kept, also where one batch has none."""
    monkeypatch.setattr("keystone_viaduct.sync.site.purge.BATCH", 3)
    agent, hub, _ = loaded("west", retention=0.0)
    for name in NAMES[:10]:
        hub.edit(Ref("domain", name), None)
    assert agent.once() == []
    assert agent.once() == []
    agent.gate.set()
    agent.upkeep.round()
    assert (agent.upkeep.sites["hub"].purged, agent.upkeep.sites["west"].purged) == (10, 10)
    assert hub.calls.count("purge") == 4


def test_spokes_are_looked_at_side_by_side_after_the_hub() -> None:
    """None of three gets on before all are there."""
    agent, hub, sites = loaded("west", "south", "north")
    order: list[str] = []
    together = threading.Barrier(len(sites), timeout=60)

    def meeting(site: FakeSite, wait: bool) -> Callable[[int], SweepState]:
        honest = site.sweep

        def sweep(limit: int) -> SweepState:
            order.append(site.name)
            if wait and order.count(site.name) == 1:
                together.wait()
            return honest(limit)

        return sweep

    for site in (hub, *sites.values()):
        site.sweep = meeting(site, site is not hub)  # type: ignore[method-assign, assignment]
    agent.upkeep.round()
    assert order[0] == "hub" and order.index("hub") < min(map(order.index, sites))
    assert not together.broken and all(kept.finished_at for kept in agent.upkeep.sites.values())


def test_a_sweep_that_takes_longer_than_a_round_goes_on_in_the_next_one() -> None:
    agent, _, sites = loaded("west", sweep_batch=5)
    oldest = agent.upkeep.oldest_look()
    assert oldest == {"site": "hub", "at": 0.0} == snapshot(agent)["oldest_look"]
    agent.upkeep.round()
    looked = agent.upkeep.sites["west"].finished_at
    agent.upkeep.settings = replace(agent.upkeep.settings, upkeep=1e-9)
    sites["west"].calls.clear()
    agent.upkeep.round()
    assert "sweep" not in sites["west"].calls, "its time was over"
    assert agent.upkeep.sites["west"].finished_at == looked > 0
    found = agent.upkeep.oldest_look()
    assert found is not None and found["at"] == min(k.finished_at for k in agent.upkeep.sites.values())


def test_a_site_rests_for_four_times_as_long_as_it_was_kept_busy() -> None:
    agent, _, _ = loaded("west")
    agent.upkeep.pause = 5.0
    assert [round(agent.upkeep._rest(took), 6) for took in (0.0, 0.05, 1.0, 60.0)] == [0.0, 0.2, 4.0, 5.0]


class TwoJobs(Rounds):
    """A round has time for two."""

    def play(self, jobs: Mapping[str, Callable[[], T]], patience: float | None = None) -> dict[str, T]:
        return super().play(dict(list(jobs.items())[:2]), patience)


def test_a_round_that_is_too_short_for_all_leaves_others_the_next_time() -> None:
    agent, _, sites = loaded("north", "east", "west")
    agent.upkeep._rounds = TwoJobs("upkeep", 1)
    for _ in range(3):
        agent.upkeep.round()
    assert [site.calls.count("waiting") for site in sites.values()] == [2, 2, 2]


def test_the_time_of_a_round_is_shared_among_the_spokes_that_go_one_after_the_other() -> None:
    few, hub, sites = fleet("west", upkeep=80.0)
    assert few.upkeep._budget(sites["west"]) == few.upkeep._budget(hub) == 80.0
    many, hub, sites = fleet(*(f"s{number}" for number in range(4 * AT_ONCE)), upkeep=80.0)
    assert many.upkeep._budget(sites["s0"]) == 20.0
    assert many.upkeep._budget(hub) == 80.0
