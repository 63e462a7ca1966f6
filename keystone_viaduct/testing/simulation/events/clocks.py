"""Clocks are set."""

from __future__ import annotations

from keystone_viaduct.testing.simulation.events.event import Event
from keystone_viaduct.testing.simulation.fleet import SECOND, Fleet


def jump(fleet: Fleet, site: str) -> list[str]:
    """A site's clock jumps by up to an hour."""
    seconds = fleet.chance.choice((-3600, -60, 60, 3600))
    fleet.nodes[site].clock.advance(seconds * SECOND)
    fleet.counts["clock jumps"] += 1
    fleet.tell(f"{site}'s clock jumps {seconds} s")
    return []


EVENTS = (Event("jump", 1.5, jump, shares={"clock jumps": 1}),)
