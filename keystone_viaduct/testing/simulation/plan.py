"""The plan of a run: which event at which site in which step. Each step has random numbers of its own, so any
of them can be left out and the others do what they did, as far as what they meet still lets them.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from keystone_viaduct.testing.simulation.events import Event
from keystone_viaduct.testing.simulation.fleet import names


@dataclass(frozen=True)
class Step:
    """The event of this name happens at ``site``; ``seed`` gives it its chances."""

    number: int
    event: str
    site: str
    seed: int


def draw(seed: int, sites: int, steps: int, events: tuple[Event, ...]) -> list[Step]:
    """A random plan."""
    chance = random.Random(seed)
    everywhere = names(sites)
    drawn = chance.choices(events, [event.weight for event in events], k=steps)
    return [
        Step(
            number,
            event.name,
            chance.choice(everywhere[1:] if event.spokes else everywhere),
            chance.getrandbits(48),
        )
        for number, event in enumerate(drawn, start=1)
    ]


def parse_numbers(text: str) -> frozenset[int]:
    """``3,7-9`` are the steps 3, 7, 8 and 9. Raises ValueError."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        found.update(range(int(first), int(last if dash else first) + 1))
    return frozenset(found)


def show_numbers(numbers: list[int]) -> str:
    """The reverse of :func:`parse_numbers`."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)
