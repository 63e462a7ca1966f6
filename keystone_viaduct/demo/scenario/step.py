"""A step of the scenario, and the player that plays it and watches it arrive."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Any

from keystoneauth1.exceptions import ClientException
from openstack.exceptions import SDKException

from keystone_viaduct.demo.fabric import Fabric
from keystone_viaduct.demo.scenario.place import Place
from keystone_viaduct.demo.scenario.world import World
from keystone_viaduct.demo.wan import Link
from keystone_viaduct.errors import ViaductError

ARRIVAL_DEADLINE = 30.0
#: Seconds between two looks at a site: short beside the lags to be measured, yet it leaves it its processor.
_PACE = 0.02


@dataclass
class Stage:
    """Where the scenario plays: its sites and roads, and what the steps have made so far."""

    hub: str
    places: Mapping[str, Place]
    roads: Mapping[str, Link]
    fabric: Fabric
    world: World
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def spokes(self) -> list[str]:
        """Every site but the hub."""
        return [name for name in self.places if name != self.hub]


CLIENT_ERRORS = (ClientException, SDKException, OSError)
FAILURES = (*CLIENT_ERRORS, ViaductError, LookupError)

Act = Callable[[Stage, Place], object]
Look = Callable[[Stage, Place], bool]


@dataclass(frozen=True)
class Step:
    """Something done at ``site``, and what is to be seen at other sites because of it.

    ``act`` may return a remark for the reader. ``look`` is asked again and again at the sites in ``at``
    (None: all others); a client's error counts as "not yet". Not ``timed``: what is awaited has other causes
    than this act, so that the time says nothing about the way of a change.
    """

    title: str
    site: str
    act: Act
    look: Look | None = None
    at: tuple[str, ...] | None = None
    deadline: float = ARRIVAL_DEADLINE
    chapter: str = ""
    timed: bool = True


@dataclass(frozen=True)
class Outcome:
    """How a step went: milliseconds from the end of its act until it was seen, per site; None: never seen."""

    title: str
    site: str
    lag_ms: Mapping[str, float | None]
    remark: str = ""
    error: str = ""
    chapter: str = ""
    timed: bool = True

    @property
    def held(self) -> bool:
        """Whether the step had the effect that it announces."""
        return not self.error and all(lag is not None for lag in self.lag_ms.values())


def play(stage: Stage, step: Step) -> Outcome:
    """Do it, then look at the other sites, all at once."""
    return replace(_played(stage, step), chapter=step.chapter, timed=step.timed)


def _played(stage: Stage, step: Step) -> Outcome:
    try:
        remark = step.act(stage, stage.places[step.site])
    except FAILURES as error:  # the scenario goes on, and reports it
        return Outcome(step.title, step.site, {}, error=f"{type(error).__name__}: {error}")
    done = time.monotonic()
    look = step.look
    if look is None:
        return Outcome(step.title, step.site, {}, str(remark or ""))
    sites = step.at if step.at is not None else tuple(name for name in stage.places if name != step.site)
    with ThreadPoolExecutor(max(1, len(sites))) as pool:
        lags = dict(
            zip(sites, pool.map(lambda name: _await(stage, name, look, done, step), sites), strict=True)
        )
    return Outcome(step.title, step.site, lags, str(remark or ""))


def _await(stage: Stage, name: str, look: Look, since: float, step: Step) -> float | None:
    pause = Event()  # never set: waiting on it yields the processor for the pace
    while (begun := time.monotonic()) < since + step.deadline:
        if _seen(stage, name, look):
            return round((time.monotonic() - since) * 1000, 1)
        # as long as the look took, so that looking leaves the site half of its time for what is awaited
        pause.wait(max(_PACE, time.monotonic() - begun))
    return None


def _seen(stage: Stage, name: str, look: Look) -> bool:
    try:
        return look(stage, stage.places[name])
    except CLIENT_ERRORS:
        return False
