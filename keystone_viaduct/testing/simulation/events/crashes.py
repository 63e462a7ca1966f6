"""Agents and sites die."""

from __future__ import annotations

import random

from keystone_viaduct.errors import FenceMismatch, NotYet
from keystone_viaduct.sync.model import Page
from keystone_viaduct.sync.ports import SitePort
from keystone_viaduct.testing.simulation.crashing import Blow, Crashed
from keystone_viaduct.testing.simulation.events.event import Event
from keystone_viaduct.testing.simulation.fleet import Fleet


def agent_dies(fleet: Fleet, spoke: str) -> list[str]:
    """The agent dies between reading and applying, or after applying and before it hears of it."""
    if spoke in fleet.cut:
        return []
    ends = fleet.link(spoke)
    replicator = fleet.one_way(ends)
    source, target = replicator.source, replicator.target
    fleet.counts["crashes"] += 1
    applied = fleet.chance.random() < 0.5
    fleet.forget_link(spoke)
    limit = fleet.chance.choice((1, 3, 50))
    try:
        page = _page(source, target, limit)
        fleet.old_pages.append((target.name, page))
        if applied:
            target.apply(page)
    except (FenceMismatch, NotYet) as error:
        fleet.tell(f"{source.name} -> {target.name}: {error}")
    fleet.tell(f"{source.name} -> {target.name}: agent dies {'after' if applied else 'before'} the apply")
    return [spoke, fleet.hub]


def _page(source: SitePort, target: SitePort, limit: int) -> Page:
    """As an agent reads it: the source is shown what the target knows of its history."""
    standing = target.standing(source.name, source.standing(target.name).fence)
    return source.read(target.name, standing.checkpoint, limit, standing.fence)


def site_dies(fleet: Fleet, spoke: str) -> list[str]:
    """A site's process dies in the middle of any transaction, or with the answer on its way."""
    if spoke in fleet.cut:
        return []
    ends = fleet.link(spoke)
    replicator = fleet.one_way(ends)
    replicator.limit = fleet.chance.choice((1, 3, 50))
    dying = fleet.nodes[fleet.chance.choice((spoke, fleet.hub))]
    blow = _blow(fleet.chance)
    dying.process.arm(blow)
    try:
        for _ in range(3):
            ends.step(replicator)
        fleet.tell(f"{replicator.source.name} -> {replicator.target.name}: {dying.name} lives on")
    except Crashed:
        fleet.counts["crashes"] += 1
        fleet.counts["deaths in a transaction"] += 1
        fleet.tell(f"{replicator.source.name} -> {replicator.target.name}: {dying.name} dies {blow}")
        if fleet.chance.random() < 0.5:
            fleet.forget_link(spoke)
    finally:
        dying.process.arm(None)
    return [spoke, fleet.hub]


def _blow(chance: random.Random) -> Blow:
    call = None if chance.random() < 0.3 else int(2 ** (chance.random() * 5.5)) - 1
    return Blow(chance.choice((0, 0, 0, 1, 1, 2)), call)


EVENTS = (
    Event("agent_dies", 4, agent_dies, spokes=True, shares={"crashes": 4}),
    Event("site_dies", 4, site_dies, spokes=True, shares={"deaths in a transaction": 1}),
)
