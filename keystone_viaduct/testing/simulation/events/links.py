"""Agents carry pages, links are cut, old pages come late."""

from __future__ import annotations

from keystone_viaduct.errors import CheckpointMismatch, FenceMismatch, NotYet, OldTerm, Refused
from keystone_viaduct.testing.simulation.events import backups
from keystone_viaduct.testing.simulation.events.event import Event
from keystone_viaduct.testing.simulation.fleet import Fleet
from keystone_viaduct.testing.simulation.watch import check_no_echo


def replicate(fleet: Fleet, spoke: str) -> list[str]:
    """One page in one direction."""
    if spoke in fleet.cut:
        return []
    ends = fleet.link(spoke)
    replicator = fleet.one_way(ends)
    replicator.limit = fleet.chance.choice((1, 2, 3, 7, 50))
    pages = replicator.totals.pages
    progress = ends.step(replicator)
    if replicator.totals.pages != pages:
        check_no_echo(fleet.nodes[replicator.target.name])
    fleet.tell(f"{replicator.source.name} -> {replicator.target.name}: {progress.value}")
    return [spoke, fleet.hub]


def catch_up(fleet: Fleet, spoke: str) -> list[str]:
    """Both directions until nothing is left to carry, as it is most of the time."""
    if spoke in fleet.cut:
        return []
    ends = fleet.link(spoke)
    for replicator in (ends.up, ends.down, ends.up):
        replicator.limit = 50
        for _ in range(3):
            ends.step(replicator)
    fleet.tell(f"{spoke} <-> {fleet.hub}: caught up")
    fleet.counts["catch-ups"] += 1
    return [spoke, fleet.hub]


def toggle(fleet: Fleet, spoke: str) -> list[str]:
    """A link is cut, or heals."""
    if spoke in fleet.cut:
        fleet.cut.discard(spoke)
        fleet.tell(f"{spoke} is back")
    else:
        fleet.cut.add(spoke)
        fleet.counts["cuts"] += 1
        fleet.tell(f"{spoke} is cut off")
    return []


def replay(fleet: Fleet, _: str) -> list[str]:
    """An old page is delivered once more: it must be refused, or be exactly what is due."""
    if not fleet.old_pages:
        return []
    target, page = fleet.chance.choice(fleet.old_pages)
    if page.charter is not None and not page.charter.is_full(fleet.hub):
        return []  # the operator, who knows all his charters, would not have taken that site for a hub
    fleet.counts["replays"] += 1
    held = backups.held(fleet, target)
    try:
        fleet.nodes[target].site.apply(page)
        fleet.forget_link(target if page.source == fleet.hub else page.source)
        if fleet.restored == page.source:
            backups.excuse_evicted(fleet, target, held)
        if fleet.restored:
            # sent by a life that was lost, or applied by one that does not know yet that it is new
            fleet.forked.add(fleet.nodes[fleet.restored].store.data.state.origin)
        fleet.tell(f"{page.source} -> {target}: a late page still fits")
    except (CheckpointMismatch, FenceMismatch, NotYet, OldTerm, Refused):
        fleet.tell(f"{page.source} -> {target}: a late page is refused")
    return [target]


EVENTS = (
    Event("replicate", 28, replicate, spokes=True),
    Event("catch_up", 4, catch_up, spokes=True, shares={"catch-ups": 2}),
    Event("toggle", 4, toggle, spokes=True, shares={"cuts": 2}),
    Event("replay", 3, replay, shares={"replays": 1}),
)
