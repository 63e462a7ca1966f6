"""The fleet as the working agent sees it: what the checks, the metrics and the dashboard take."""

from __future__ import annotations

import time

from keystone_viaduct.clock import MICROSECONDS
from keystone_viaduct.health.view import AgentView, FleetView, LinkView, SiteView
from keystone_viaduct.sync.agent.agent import Agent
from keystone_viaduct.sync.agent.lane import Lane
from keystone_viaduct.sync.agent.upkeep import Kept
from keystone_viaduct.sync.charter import Charter
from keystone_viaduct.sync.model import restored_at


def view_of(agent: Agent, now: float | None = None) -> FleetView:
    """What this agent knows without asking anybody; of a standby that is little, and old."""
    now = time.time() if now is None else now
    lanes: dict[str, list[Lane]] = {agent.hub.name: []}
    for lane in agent.lanes:
        for name in (lane.source, lane.target):
            lanes.setdefault(name, []).append(lane)
    charter = agent.charter
    return FleetView(
        at=now,
        hub=agent.hub.name,
        configured_hub=agent.post.configured,
        term=agent.post.term,
        sites={name: _site(agent, name, lanes[name], charter) for name in sorted(lanes)},
        links=tuple(_link(lane, now) for lane in agent.lanes),
        agent=AgentView(
            agent.holder,
            agent.lease.holding,
            agent.lease.stands_by,
            agent.lease.error,
            agent.keys.error if agent.keys is not None else "",
            agent.post.warning,
            agent.settings.upkeep,
        ),
    )


def behind(lane: Lane) -> int:
    """How many positions of the source's feed the target has not got, as far as is known here."""
    return max(0, lane.state.head - lane.state.position)


def _site(agent: Agent, name: str, lanes: list[Lane], charter: Charter | None) -> SiteView:
    kept = agent.upkeep.sites.get(name)
    known = kept or Kept()
    heads = [lane.state.head for lane in lanes if lane.source == name]
    is_hub = name == agent.hub.name
    return SiteView(
        name,
        is_hub,
        reached=_reached(lanes, is_hub),
        error=next((lane.state.error for lane in lanes if lane.state.error and not is_hub), ""),
        head=max(heads, default=0),
        limited=None if charter is None else not is_hub and name in charter.limited,
        waiting=dict(known.waiting) if kept is not None else None,
        records=known.records,
        differing=known.differing if kept is not None and not is_hub else None,
        missed=known.missed,
        onesided=known.onesided,
        looked_at=known.finished_at if kept is not None else None,
        upkeep_error=known.error,
        restored_at=_restored_at(lanes, name),
    )


def _restored_at(lanes: list[Lane], name: str) -> float | None:
    """As the name of its present life tells, which is that of its feed; None where that was not read yet."""
    places = [lane.replicator.position for lane in lanes if lane.source == name]
    lives = [place.incarnation for place in places if place is not None]
    return max((restored_at(life) / MICROSECONDS for life in lives), default=None)


def _reached(lanes: list[Lane], is_hub: bool) -> bool | None:
    """A spoke answers where a direction with it works; the hub where any does. None: nobody has tried."""
    if any(lane.state.succeeded_at and not lane.state.error for lane in lanes):
        return True
    if any(lane.state.error for lane in lanes):
        return None if is_hub else False
    return None


def _link(lane: Lane, now: float) -> LinkView:
    state, totals = lane.state, lane.replicator.totals
    return LinkView(
        lane.source,
        lane.target,
        behind=behind(lane),
        lag=max(0.0, now - state.behind_since) if state.behind_since else 0.0,
        error=state.error,
        code=state.code,
        failures=state.failures,
        pending=totals.pending,
        slowed=state.slowed,
        succeeded_at=state.succeeded_at,
        moved_at=state.moved_at,
        loading=state.loading,
    )
