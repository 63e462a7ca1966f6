"""What the agent knows of its links: as JSON and as metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

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


def snapshot(agent: Agent) -> dict[str, Any]:
    """``working``: this agent holds the lease. ``term``: 0 if no site was asked for the hub. Times in seconds
    since the epoch, 0 for never.
    """
    return {
        "hub": agent.hub.name,
        "term": agent.post.term,
        "configured_hub": agent.post.configured,
        "hub_warning": agent.post.warning,
        "holder": agent.holder,
        "working": agent.lease.holding,
        "lease_error": agent.lease.error,
        "keys_error": agent.keys.error if agent.keys is not None else "",
        "links": [_lane(lane) for lane in agent.lanes],
        "upkeep": agent.upkeep.snapshot(),
        "oldest_look": agent.upkeep.oldest_look(),
        "checks": [finding.as_dict() for finding in examine(view_of(agent))],
    }


def _lane(lane: Lane) -> dict[str, Any]:
    return {
        "source": lane.source,
        "target": lane.target,
        "behind": behind(lane),
        **asdict(lane.replicator.totals),
        "restarts": lane.link.restarts,
        **asdict(lane.state),
    }


class LaneCollector:
    """Gives Prometheus what the lanes say when it asks."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def collect(self) -> Iterator[Metric]:
        """All metrics."""
        yield GaugeMetricFamily("viaduct_agent_working", "Holds the lease", float(self._agent.lease.holding))
        for name, text in _COUNTERS.items():
            counter = CounterMetricFamily(f"viaduct_link_{name}", text, labels=_LABELS)
            for lane in self._agent.lanes:
                counter.add_metric((lane.source, lane.target), getattr(lane.replicator.totals, name))
            yield counter
        slowed = CounterMetricFamily("viaduct_link_slowed", "Times that a site asked to wait", labels=_LABELS)
        for lane in self._agent.lanes:
            slowed.add_metric((lane.source, lane.target), lane.state.slowed)
        yield slowed
        yield from self._gauges()
        yield from self._upkeep()
        yield self._checks()

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
