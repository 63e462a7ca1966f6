"""What an event of the simulation is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from keystone_viaduct.testing.simulation.fleet import Fleet


@dataclass(frozen=True)
class Event:
    """One sort of thing that happens, with its ``weight`` among all steps.

    ``act(fleet, site)`` does it, drawing from ``fleet.chance`` only, and returns the sites that it touched.
    ``spokes``: the site is drawn among the spokes. ``shares`` are the counters by which it is seen that the
    thing was tried, each with how often a run of 150 steps must meet it on average; below that the simulation
    fails, for it has proved nothing.
    """

    name: str
    weight: float
    act: Callable[[Fleet, str], list[str]]
    spokes: bool = False
    shares: Mapping[str, float] = field(default_factory=dict)
