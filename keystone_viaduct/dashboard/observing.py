"""What the agent, its notes of arrivals and the watch know, put together as the state of the fleet."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from keystone_viaduct.dashboard.state import Fleet, Link, Site
from keystone_viaduct.dashboard.view.journeys import Seen
from keystone_viaduct.dashboard.watch import HubFacts, Look, Watch
from keystone_viaduct.health.view import FleetView, KeysView, SiteView
from keystone_viaduct.sync.agent.agent import Agent
from keystone_viaduct.sync.agent.lane import Lane
from keystone_viaduct.sync.agent.travel import Travel, Way
from keystone_viaduct.sync.agent.upkeep import Kept
from keystone_viaduct.sync.agent.view import behind, view_of
from keystone_viaduct.sync.charter import Charter

#: Seconds after which what an agent has seen itself is older than what the sites tell.
STALE = 30.0


class Observer:
    """``present`` gives the agent of now: another one after the hub has changed."""

    def __init__(
        self, present: Callable[[], Agent], watch: Watch, clock: Callable[[], float] = time.time
    ) -> None:
        self._present = present
        self._watch = watch
        self._clock = clock

    def seen(self) -> list[Seen]:
        """The arrivals that the agent has noted, the latest first."""
        return [
            Seen(
                a.at,
                a.source,
                a.target,
                a.ref.kind,
                a.ref.key,
                a.name,
                a.origin,
                a.position,
                a.lag,
                a.refused,
            )
            for a in self._present().travel.latest()
        ]

    def points(self, way: Way) -> list[tuple[float, float]]:
        """When changes arrived over a direction, and how long they took, the oldest first."""
        return self._present().travel.points(way)

    def stamp(self) -> tuple[object, ...]:
        """Differs when a page may look otherwise."""
        agent = self._present()
        lanes = tuple(
            (s.position, s.head, s.code, s.failures, s.loading, lane.replicator.totals.pending)
            for lane in agent.lanes
            for s in (lane.state,)
        )
        return agent.hub.name, agent.lease.holding, agent.travel.number, self._watch.number, hash(lanes)

    def fleet(self) -> Fleet:
        """The state now; asks nobody."""
        agent = self._present()
        looks, facts = self._watch.looks(), self._watch.facts()
        charter = agent.charter or facts.charter or Charter()
        now, working = self._clock(), agent.lease.holding
        links = _asked(agent, looks) if _stands_by(agent, looks) else _live(agent, looks)
        return Fleet(
            now=now,
            hub=agent.hub.name,
            sites={
                name: _site(name, look, agent.upkeep.sites.get(name), charter, links)
                for name, look in looks.items()
            },
            links=links,
            view=_view(view_of(agent, now), looks, facts),
            configured=agent.post.configured,
            term=agent.post.term,
            warning=agent.post.warning,
            holder=agent.holder,
            working=working,
            lease_error=agent.lease.error,
            keys_error=agent.keys.error if agent.keys is not None else "",
            conflicts=facts.conflicts,
            conflicts_told=facts.conflicts_told,
            keys=facts.keys,
            keys_told=facts.keys_told,
        )


def _view(seen: FleetView, looks: Mapping[str, Look], facts: HubFacts) -> FleetView:
    """What the agent knows by itself, with what the sites have told since."""
    sites = {name: _site_view(site, looks.get(name, Look()), facts) for name, site in seen.sites.items()}
    keys = tuple(
        KeysView(one.repository, one.generation, 0, one.promoted_at, one.wanted, one.missing)
        for one in facts.keys
    )
    return replace(seen, sites=sites, keys=keys if facts.keys_told.at else None)


def _site_view(seen: SiteView, look: Look, facts: HubFacts) -> SiteView:
    told, reached = look.told, look.at > 0 and not look.error
    if seen.is_hub and facts.conflicts_told.at:
        seen = replace(seen, conflicts=sum(conflict.open for conflict in facts.conflicts))
    if look.waiting_at:
        seen = replace(seen, waiting=look.waiting, records=look.records)
    if look.error and not seen.error:
        seen = replace(seen, error=look.error)
    if told is None:
        return seen
    return replace(
        seen,
        reached=seen.reached if seen.reached is not None else reached,
        hub=told.hub,
        term=told.term,
        head=max(seen.head, told.head.seq),
        joined=told.has_secret,
        release=told.release,
        product=told.product,
        versions=told.versions,
    )


def _stands_by(agent: Agent, looks: Mapping[str, Look]) -> bool:
    """Whether the sites have told more lately than this agent has seen while it worked."""
    if agent.lease.holding:
        return False
    worked = max((lane.state.succeeded_at for lane in agent.lanes), default=0.0)
    return looks.get(agent.hub.name, Look()).at > worked + STALE


def _live(agent: Agent, looks: Mapping[str, Look]) -> tuple[Link, ...]:
    spans = agent.travel.spans()
    return tuple(
        _lane(lane, spans.get((lane.source, lane.target)), agent.travel, _queue(lane, looks.get(lane.source)))
        for lane in agent.lanes
    )


def _queue(lane: Lane, source: Look | None) -> int:
    """What the target has not got. Nobody tells a link that is cut how long the queue grows: its source does,
    to who asks.
    """
    if not lane.state.error or source is None or source.told is None:
        return behind(lane)
    return max(behind(lane), source.told.head.seq - lane.state.position)


def _lane(lane: Lane, span: tuple[float, float] | None, travel: Travel, queue: int) -> Link:
    state, totals = lane.state, lane.replicator.totals
    half, most = span if span is not None else (None, None)
    return Link(
        lane.source,
        lane.target,
        behind=queue,
        pending=totals.pending,
        error=state.error,
        code=state.code,
        failures=state.failures,
        succeeded_at=state.succeeded_at,
        moved_at=state.moved_at,
        loading=state.loading,
        position=state.position,
        head=state.head,
        changes=totals.changes,
        refused=totals.conflicts,
        half=half,
        most=most,
        measured=len(travel.points((lane.source, lane.target))),
    )


def _asked(agent: Agent, looks: Mapping[str, Look]) -> tuple[Link, ...]:
    """The links of an agent that stands by, as the sites have told them."""
    hub = agent.hub.name
    at_hub = looks.get(hub, Look())
    links: list[Link] = []
    for lane in agent.lanes:
        spoke = lane.target if lane.source == hub else lane.source
        look = looks.get(spoke, Look())
        source = at_hub if lane.source == hub else look
        position = look.down if lane.source == hub else look.up
        head = source.told.head.seq if source.told is not None else 0
        links.append(
            Link(
                lane.source,
                lane.target,
                behind=max(0, head - position) if position >= 0 else 0,
                error=look.error or at_hub.error,
                code="site.unavailable" if look.error or at_hub.error else "",
                failures=look.failures or at_hub.failures,
                succeeded_at=min(look.at, at_hub.at),
                position=max(0, position),
                head=head,
                live=False,
            )
        )
    return tuple(links)


def _site(name: str, look: Look, kept: Kept | None, charter: Charter, links: tuple[Link, ...]) -> Site:
    told = look.told
    carried = max((link.succeeded_at for link in links if name in (link.source, link.target)), default=0.0)
    return Site(
        name,
        seen_at=max(look.at, carried),
        error=look.error,
        release=told.release if told is not None else "",
        product=told.product if told is not None else "",
        hub=told.hub if told is not None else "",
        term=told.term if told is not None else 0,
        head=told.head.seq if told is not None else 0,
        holds=_holds(charter, name),
        may=_may(charter, name),
        waiting=dict(look.waiting),
        waiting_at=look.waiting_at,
        upkeep_at=kept.finished_at if kept is not None else 0.0,
        differing=kept.differing if kept is not None else 0,
        held=kept.held if kept is not None else 0,
        metrics=look.metrics,
    )


def _holds(charter: Charter, name: str) -> str:
    coverage = charter.coverage_of(name)
    return _limits({"kinds": coverage.kinds, "domains": coverage.domains})


def _may(charter: Charter, name: str) -> str:
    found = charter.delegation_of(name)
    return _limits({"kinds": found.kinds, "domains": found.domains, "roles": found.roles})


def _limits(sets: Mapping[str, frozenset[str] | None]) -> str:
    """``2 domains, 1 kind``; '' where nothing is limited."""
    told = []
    for name, members in sets.items():
        if members is not None:
            told.append(f"{len(members)} {name[:-1] if len(members) == 1 else name}")
    return ", ".join(told)
