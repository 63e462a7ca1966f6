"""What a direction has carried: counted by kind, and how long each catching up took."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from keystone_viaduct.sync.agent import lane as lanes
from keystone_viaduct.sync.agent.listener import ready
from keystone_viaduct.sync.agent.metrics import metrics
from keystone_viaduct.sync.agent.tally import BOUNDS, Histogram, Tally
from keystone_viaduct.sync.agent.view import view_of
from keystone_viaduct.sync.model import Ref
from tests.unit.agent.fleet import domain, fleet


def test_a_histogram_counts_each_value_in_every_class_above_it() -> None:
    histogram = Histogram()
    for seconds in (0.05, 0.3, 4000.0):
        histogram.add(seconds)
    buckets, total = histogram.read()
    found = dict(buckets)
    assert (found["0.1"], found["0.25"], found["0.5"], found["1800.0"], found["+Inf"]) == (1, 1, 2, 2, 3)
    assert math.isclose(total, 4000.35) and len(buckets) == len(BOUNDS) + 1


def test_a_kind_that_is_not_known_makes_no_label_of_its_own() -> None:
    tally = Tally()
    tally.page([Ref("user", "u"), Ref("x" * 99, "y"), Ref("z", "z")], [Ref("user", "v")])
    assert tally.records() == {("user", "brought"): 1, ("other", "brought"): 2, ("user", "refused"): 1}


def test_what_a_direction_lacked_is_measured_from_its_first_hint_to_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1000.0]
    monkeypatch.setattr(lanes, "time", SimpleNamespace(time=lambda: now[0], monotonic=lambda: now[0]))
    agent, _, _ = fleet("west")
    lane = agent.lanes[0]
    lane.wake(7)
    now[0] += 2
    lane.wake(9)
    assert lane.state.behind_since == 1000.0
    (link,) = [link for link in view_of(agent, 1003.0).links if link.source == lane.source]
    assert (link.behind, link.lag) == (9, 3.0)
    lane.state.come_to(8, 8)
    assert lane.state.behind_since == 1000.0, "one is still lacking"
    lane.state.come_to(9, 9)
    assert lane.state.behind_since == 0.0


def test_pages_are_counted_by_kind_and_seen_in_the_metrics() -> None:
    agent, hub, _ = fleet("west")
    hub.edit(*domain("acme"))
    assert agent.once() == []
    way = ("hub", "west")
    lane = next(lane for lane in agent.lanes if (lane.source, lane.target) == way)
    assert lane.tally.records() == {("domain", "brought"): 1}
    families = {family.name: family for family in text_string_to_metric_families(metrics(agent).decode())}
    assert {"viaduct_link_lag_seconds", "viaduct_link_records", "viaduct_check"} <= set(families)
    assert families["viaduct_link_lag_seconds"].type == "histogram"


def test_an_agent_is_ready_while_it_works_or_stands_by() -> None:
    agent, hub, _ = fleet("west")
    assert ready(agent)[0] == 503
    agent.lease.renew()
    assert ready(agent) == (200, b'{"ready": true, "state": "works"}')
    agent.lease.stop()
    hub.held_by = "another"
    agent.lease.once()
    assert ready(agent) == (200, b'{"ready": true, "state": "stands by"}')
