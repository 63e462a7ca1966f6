"""The agent's metrics for Prometheus. Labels are sites, kinds, states and names of checks: all bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from keystone_viaduct.health.checks import examine, verdicts
from keystone_viaduct.sync.agent.agent import Agent
from keystone_viaduct.sync.agent.lane import Lane
from keystone_viaduct.sync.agent.upkeep import Kept
from keystone_viaduct.sync.agent.view import behind, view_of
from keystone_viaduct.sync.model import WAITING_STATES

_COUNTERS = {
    "pages": "Pages applied",
    "changes": "Changes in applied pages",
    "applied": "Changes that changed the target",
    "merged": "Concurrent changes that the hub has decided",
    "conflicts": "Changes that the target answered with its own version",
}
_LABELS = ("source", "target")


class LaneCollector:
    """Gives Prometheus what the lanes say when it asks."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def collect(self) -> Iterator[Metric]:
        """All metrics."""
        lease = self._agent.lease
        yield GaugeMetricFamily("viaduct_agent_working", "Holds the lease", float(lease.holding))
        yield GaugeMetricFamily("viaduct_agent_stands_by", "Another has the lease", float(lease.stands_by))
        yield from self._counters()
        yield from self._gauges()
        yield from self._records()
        yield from self._upkeep()
        yield self._checks()

    def _counters(self) -> Iterator[Metric]:
        for name, text in _COUNTERS.items():
            counter = CounterMetricFamily(f"viaduct_link_{name}", text, labels=_LABELS)
            for lane in self._agent.lanes:
                counter.add_metric((lane.source, lane.target), getattr(lane.replicator.totals, name))
            yield counter
        slowed = CounterMetricFamily("viaduct_link_slowed", "Times that a site asked to wait", labels=_LABELS)
        for lane in self._agent.lanes:
            slowed.add_metric((lane.source, lane.target), lane.state.slowed)
        yield slowed
        text = "Times that a link began anew, as after a backup was put back at one end"
        anew = CounterMetricFamily("viaduct_link_restarts", text, labels=_LABELS)
        for lane in self._agent.lanes:
            anew.add_metric((lane.source, lane.target), lane.link.restarts)
        yield anew

    def _records(self) -> Iterator[Metric]:
        text = (
            "Records carried, by kind: brought, or refused (the target keeps its own until the hub decides)"
        )
        labels = (*_LABELS, "kind", "result")
        counter = CounterMetricFamily("viaduct_link_records", text, labels=labels)
        text = "For how long the target lacked something of the source, each time until it had all"
        lag = HistogramMetricFamily("viaduct_link_lag_seconds", text, labels=_LABELS)
        for lane in self._agent.lanes:
            way = (lane.source, lane.target)
            for (kind, result), number in sorted(lane.tally.records().items()):
                counter.add_metric((*way, kind, result), number)
            lag.add_metric(way, *lane.tally.lag.read())
        yield counter
        yield lag

    def _checks(self) -> Metric:
        text = "What a check says: 0 ok, 1 unknown, 2 warning, 3 problem"
        gauge = GaugeMetricFamily("viaduct_check", text, labels=("check", "site"))
        for (check, site), verdict in sorted(verdicts(examine(view_of(self._agent))).items()):
            gauge.add_metric((check, site), verdict.rank)
        return gauge

    def _upkeep(self) -> Iterator[Metric]:
        gauges: dict[str, tuple[str, Callable[[Kept], float]]] = {
            "held": ("Deletions that wait for a person", lambda kept: kept.held),
            "swept": ("Edits that no trigger saw, in the last sweep", lambda kept: kept.found),
            "missed": ("Records that the feeds had missed, in the last comparison", lambda kept: kept.missed),
            "upkeep_seconds": ("When the last upkeep ended well", lambda kept: kept.finished_at),
        }
        for name, (text, value) in gauges.items():
            gauge = GaugeMetricFamily(f"viaduct_site_{name}", text, labels=("site",))
            for site, kept in list(self._agent.upkeep.sites.items()):
                gauge.add_metric((site,), value(kept))
            yield gauge
        waiting = GaugeMetricFamily(
            "viaduct_site_waiting", "Records that wait at a site", labels=("site", "state")
        )
        for site, kept in list(self._agent.upkeep.sites.items()):
            for state in WAITING_STATES:
                waiting.add_metric((site, state), kept.waiting.get(state, 0))
        yield waiting

    def _gauges(self) -> Iterator[Metric]:
        gauges: dict[str, tuple[str, Callable[[Lane], float]]] = {
            "up": ("1 unless the last step failed", lambda lane: float(not lane.state.error)),
            "pending": ("Changes that wait at the target", lambda lane: lane.replicator.totals.pending),
            "behind": ("Feed positions that the target has not got", behind),
            "behind_since_seconds": (
                "Since when the target has not had all, 0 while it has",
                lambda lane: lane.state.behind_since,
            ),
            "last_success_seconds": ("When a step last succeeded", lambda lane: lane.state.succeeded_at),
            "failures": ("Steps that failed in a row", lambda lane: lane.state.failures),
        }
        for name, (text, value) in gauges.items():
            gauge = GaugeMetricFamily(f"viaduct_link_{name}", text, labels=_LABELS)
            for lane in self._agent.lanes:
                gauge.add_metric((lane.source, lane.target), value(lane))
            yield gauge


def metrics(agent: Agent) -> bytes:
    """The metrics in Prometheus' text format."""
    registry: Any = CollectorRegistry()
    registry.register(LaneCollector(agent))
    text: bytes = generate_latest(registry)
    return text
