"""Everything that happens in the simulation: one small file per family, and this table of them.

A new family is a module with a tuple ``EVENTS``, named here. What it counts goes into ``fleet.counts``; what
a run must have met of it is said by the ``shares`` of its events. Draw from ``fleet.chance`` only, and never
in the order of a set: a run must be the same in every process.
"""

from __future__ import annotations

from keystone_viaduct.testing.simulation.events import (
    backups,
    byhand,
    clocks,
    coverages,
    crashes,
    directories,
    failing,
    hostile,
    links,
    merges,
    promotion,
    sweeps,
    tombstones,
    trees,
    twins,
    upgrades,
    users,
)
from keystone_viaduct.testing.simulation.events.event import Event

__all__ = ["BY_HAND", "EVENTS", "FURTHER", "Event", "chosen", "shares_of"]

#: Weights are relative to each other.
EVENTS: tuple[Event, ...] = (
    *users.EVENTS,
    *links.EVENTS,
    *crashes.EVENTS,
    *failing.EVENTS,
    *clocks.EVENTS,
    *coverages.EVENTS,
    *directories.EVENTS,
    *backups.EVENTS,
    *tombstones.EVENTS,
    *hostile.EVENTS,
    *promotion.EVENTS,
    *sweeps.EVENTS,
    *upgrades.EVENTS,
    *trees.EVENTS,
    *twins.EVENTS,
)


#: What happens only when asked for by name: operators merge records; rows change behind the triggers' back.
FURTHER: tuple[Event, ...] = (*merges.EVENTS, *byhand.EVENTS, *sweeps.JUDGEMENTS)
#: The second of these families.
BY_HAND = frozenset(event.name for event in (*byhand.EVENTS, *sweeps.JUDGEMENTS))


def chosen(without: frozenset[str] = frozenset(), also: frozenset[str] = frozenset()) -> tuple[Event, ...]:
    """All events but those named, and those of ``FURTHER`` that are."""
    common = tuple(event for event in EVENTS if event.name not in without)
    return (*common, *(event for event in FURTHER if event.name in also))


def shares_of(events: tuple[Event, ...], steps: int) -> dict[str, float]:
    """What each run of so many steps must have met on average, by counter."""
    return {name: share * steps / 150 for event in events for name, share in event.shares.items()}
