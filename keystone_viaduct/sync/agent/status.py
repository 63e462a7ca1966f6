"""What the agent knows of its links, as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from keystone_viaduct.health.checks import examine
from keystone_viaduct.sync.agent.agent import Agent
from keystone_viaduct.sync.agent.lane import Lane
from keystone_viaduct.sync.agent.view import behind, view_of


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
        "stands_by": agent.lease.stands_by,
        "lease_error": agent.lease.error,
        "keys_error": agent.keys.error if agent.keys is not None else "",
        "links": [_lane(lane) for lane in agent.lanes],
        "upkeep": agent.upkeep.snapshot(),
        "upkeep_seconds": agent.settings.upkeep,
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
