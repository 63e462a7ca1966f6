"""Changes on their way, and how long they take: the time line and the chart of each link."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from keystone_viaduct.dashboard.state import Link
from keystone_viaduct.dashboard.view.words import span

#: The chart's size, and its room on the left for the scale.
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 360, 120, 46, 8, 18
#: The scale's ends, in seconds: a power of ten each.
LEAST, MOST = 0.001, 86400.0


class Seen(NamedTuple):
    """An arrival, as the agent has noted it (see ``sync.agent.travel``)."""

    at: float
    source: str
    target: str
    kind: str
    key: str
    name: str
    origin: str
    position: int
    lag: float
    refused: bool


class Stop(NamedTuple):
    """Where a change has arrived, when, and how long after it was made."""

    site: str
    at: float
    lag: float
    refused: bool


@dataclass(frozen=True, slots=True)
class Journey:
    """One edit of one record, and where it has been seen to arrive, the earliest first."""

    kind: str
    key: str
    name: str
    origin: str
    position: int
    made_at: float
    stops: tuple[Stop, ...]


def journeys(seen: Iterable[Seen], keep: Callable[[Journey], bool] = lambda _: True) -> list[Journey]:
    """The latest first, as they are told."""
    stops: dict[tuple[str, str, str, int], list[Seen]] = {}
    for one in seen:
        stops.setdefault((one.kind, one.key, one.origin, one.position), []).append(one)
    found = (_journey(parts) for parts in stops.values())
    return [journey for journey in found if keep(journey)]


def _journey(parts: Sequence[Seen]) -> Journey:
    first = min(parts, key=lambda one: one.at)
    name = next((one.name for one in parts if one.name), "")
    stops = tuple(Stop(one.target, one.at, one.lag, one.refused) for one in sorted(parts, key=lambda o: o.at))
    return Journey(first.kind, first.key, name, first.origin, first.position, first.at - first.lag, stops)


class Point(NamedTuple):
    """An arrival in a chart."""

    x: float
    y: float


class Line(NamedTuple):
    """A level that is drawn across a chart."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Of one direction: when changes arrived (to the right) and how long they took (upwards, each step ten
    times as long). ``half`` and ``most`` are the lines of p50 and p99.
    """

    link: Link
    points: tuple[Point, ...]
    scale: tuple[Line, ...]
    half: Line | None
    most: Line | None
    since: str
    summary: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT


def chart(link: Link, points: Sequence[tuple[float, float]], now: float) -> Chart:
    """The chart of one direction; ``points`` are (when, how long), the oldest first."""
    told = [lag for lag in (link.half, link.most) if lag is not None]
    lags = [min(max(lag, LEAST), MOST) for lag in (*(lag for _, lag in points), *told)] or [0.01]
    low = math.floor(math.log10(min(lags)))
    high = max(low + 1, math.ceil(math.log10(max(lags))))

    def level(lag: float) -> float:
        share = (math.log10(min(max(lag, LEAST), MOST)) - low) / (high - low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP), 1)

    first = points[0][0] if points else now
    width = max(now - first, 1.0)
    drawn = tuple(
        Point(round(LEFT + (at - first) / width * (WIDTH - LEFT - 6), 1), level(lag)) for at, lag in points
    )
    scale = tuple(Line(level(10.0**power), span(10.0**power)) for power in range(low, high + 1))
    half = Line(level(link.half), span(link.half)) if link.half is not None else None
    most = Line(level(link.most), span(link.most)) if link.most is not None else None
    return Chart(link, drawn, scale, half, most, span(now - first) if points else "", _summary(link))


def _summary(link: Link) -> str:
    """The chart in a sentence, for who does not see it."""
    if link.half is None or link.most is None:
        return f"{link.name}: no change was seen to arrive yet."
    return (
        f"{link.name}: of the latest {link.measured} changes half arrived within {span(link.half)}, "
        f"99 in 100 within {span(link.most)}."
    )
