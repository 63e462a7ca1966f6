"""Everything that happens in the simulation: one small file per family, and this table of them.

A new family is a module with a tuple ``EVENTS``, named here. What it counts goes into ``fleet.counts``; what
a run must have met of it is said by the ``shares`` of its events. Draw from ``fleet.chance`` only, and never
in the order of a set: a run must be the same in every process.
"""

from __future__ import annotations

from keystone_viaduct.testing.simulation.events import (
    backups,
    clocks,
    coverages,
    crashes,
    hostile,
    links,
    promotion,
    tombstones,
    users,
)
from keystone_viaduct.testing.simulation.events.event import Event

__all__ = ["EVENTS", "Event", "chosen", "shares_of"]

#: Weights are relative to each other.
EVENTS: tuple[Event, ...] = (
    *users.EVENTS,
    *links.EVENTS,
    *crashes.EVENTS,
    *clocks.EVENTS,
    *coverages.EVENTS,
    *backups.EVENTS,
    *tombstones.EVENTS,
    *hostile.EVENTS,
    *promotion.EVENTS,
)


def chosen(without: frozenset[str] = frozenset()) -> tuple[Event, ...]:
    """All events but those named."""
    return tuple(event for event in EVENTS if event.name not in without)


def shares_of(events: tuple[Event, ...], steps: int) -> dict[str, float]:
    """What each run of so many steps must have met on average, by counter."""
    return {name: share * steps / 150 for event in events for name, share in event.shares.items()}
