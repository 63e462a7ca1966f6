"""Plays one run and tells how it went."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from keystone_viaduct.sync.site.nonce import seeded
from keystone_viaduct.testing.simulation import checks, fleet, unseen
from keystone_viaduct.testing.simulation.broken import Broken
from keystone_viaduct.testing.simulation.counts import Counts
from keystone_viaduct.testing.simulation.events import EVENTS, FURTHER, failing, hostile, sweeps
from keystone_viaduct.testing.simulation.fleet import SECOND, Fleet, MakeDatabase, in_memory
from keystone_viaduct.testing.simulation.plan import Step
from keystone_viaduct.testing.simulation.watch import Watch

_BY_NAME = {event.name: event for event in (*EVENTS, *FURTHER)}


@dataclass(frozen=True)
class Outcome:
    """How a run ended: the broken invariant's name (or the error's, '' for none), what it says, the story."""

    broken: str
    message: str
    story: tuple[str, ...]
    counts: Counts
    last: int

    def brief(self) -> Outcome:
        """Without the story."""
        return replace(self, story=())


def play(seed: int, sites: int, plan: list[Step], database: MakeDatabase = in_memory) -> Outcome:
    """One run of a plan."""
    chance, nonces = random.Random(seed), random.Random(seed + 1)
    with seeded(nonces):
        made = fleet.make(chance, sites, database)
        broken, message = "", ""
        try:
            _steps(made, plan, nonces)
        except Broken as error:
            broken, message = error.name, str(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, its story must be told
            broken, message = type(error).__name__, f"{type(error).__name__}: {error}"
    made.counts["link restarts"] += made.restarts
    return Outcome(broken, message, tuple(made.story), made.counts, made.step)


def _steps(made: Fleet, plan: list[Step], nonces: random.Random) -> None:
    watch, done = Watch(), 0
    for step in plan:
        made.step = step.number
        made.counts["steps"] += 1
        made.chance.seed(step.seed)
        nonces.seed(step.seed + 1)
        for node in made.nodes.values():
            node.clock.advance((step.number - done) * SECOND + made.chance.randrange(SECOND))
        done = step.number
        event = _BY_NAME[step.event]
        site = step.site
        if event.spokes and site == made.hub:
            site = next(name for name in made.nodes if name != made.hub)  # it was promoted meanwhile
        touched = event.act(made, site)
        unseen.look(made)
        watch.look(made, touched)
    made.step += 1
    hostile.calm(made)
    failing.calm(made)
    sweeps.finish(made)
    if not fleet.settle(made):
        raise Broken("bounded_rounds", "the fleet does not come to rest")
    checks.at_rest(made)
    hostile.check_no_escalation(made)
