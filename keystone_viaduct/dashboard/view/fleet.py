"""The list of sites, and large fleets in groups."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from keystone_viaduct.dashboard.state import Fleet, Link, Site
from keystone_viaduct.dashboard.view.health import IDLE, TONES, Health, health_of
from keystone_viaduct.dashboard.view.words import ago

#: Rows of a page.
PAGE = 25
#: Tiles in a row of a group.
ACROSS = 20


class Row(NamedTuple):
    """A site in the list. ``lag`` is the worse direction's (half, 99 in 100), None where nothing is known."""

    site: Site
    health: Health
    behind: int
    pending: int
    half: float | None
    most: float | None
    seen: str


def healths(fleet: Fleet) -> dict[str, Health]:
    """Of all sites."""
    return {name: health_of(fleet, site) for name, site in fleet.sites.items()}


def rows(fleet: Fleet, found: dict[str, Health]) -> list[Row]:
    """All sites, the worst first, and the hub before the others of its tone."""
    made = [_row(fleet, site, found[name], fleet.links_of(name)) for name, site in fleet.sites.items()]
    return sorted(made, key=lambda r: (TONES.index(r.health.tone), r.site.name != fleet.hub, r.site.name))


def _row(fleet: Fleet, site: Site, health: Health, links: Sequence[Link]) -> Row:
    halves = [link.half for link in links if link.half is not None]
    mosts = [link.most for link in links if link.most is not None]
    return Row(
        site,
        health,
        sum(link.behind for link in links),
        sum(link.pending for link in links) + sum(site.waiting.get(s, 0) for s in ("quarantined", "held")),
        max(halves, default=None),
        max(mosts, default=None),
        ago(site.seen_at, fleet.now),
    )


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list. ``number`` counts from 1."""

    rows: Sequence[Row]
    number: int
    pages: int
    found: int
    total: int


def matching(found: Iterable[Row], text: str, word: str) -> list[Row]:
    """Those whose name, release or limits have the text, of that state ('' for any)."""
    text = text.strip().casefold()
    return [
        row
        for row in found
        if (not word or row.health.word == word)
        and (not text or any(text in part.casefold() for part in _texts(row)))
    ]


def _texts(row: Row) -> tuple[str, ...]:
    return row.site.name, row.site.release, row.site.holds, row.site.may, row.health.word


def paged(found: Sequence[Row], number: int, total: int, size: int = PAGE) -> Page:
    """That page of them, or the last one."""
    pages = max(1, math.ceil(len(found) / size))
    number = min(max(1, number), pages)
    return Page(found[(number - 1) * size : number * size], number, pages, len(found), total)


def states(found: Iterable[Row]) -> list[tuple[str, str, int]]:
    """State, tone and how many sites are so, the worst first."""
    counted = Counter((row.health.word, row.health.tone) for row in found)
    return sorted(
        ((word, tone, number) for (word, tone), number in counted.items()),
        key=lambda item: (TONES.index(item[1]), -item[2], item[0]),
    )


class Tile(NamedTuple):
    """A site of a group: a square at a place in it."""

    row: Row
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Group:
    """Sites that begin alike. ``counts`` are (state, tone, number), the worst first."""

    name: str
    tiles: tuple[Tile, ...]
    counts: tuple[tuple[str, str, int], ...]
    height: int

    @property
    def tone(self) -> str:
        """Of the worst of them."""
        return self.counts[0][1] if self.counts else IDLE

    @property
    def worst(self) -> int:
        """How many are as bad as that."""
        return sum(number for _, tone, number in self.counts if tone == self.tone)


def grouped(found: Sequence[Row], size: int = 12) -> list[Group]:
    """All sites in groups by how their names begin, the worst group first (of those in which something is as
    bad, the one with the most of it); ``size``: of a tile.
    """
    members: dict[str, list[Row]] = {}
    for row in found:
        members.setdefault(prefix(row.site.name), []).append(row)
    groups = []
    for name, inside in members.items():
        tiles = tuple(
            Tile(row, number % ACROSS * size, number // ACROSS * size) for number, row in enumerate(inside)
        )
        height = math.ceil(len(inside) / ACROSS) * size
        groups.append(Group(name, tiles, tuple(states(inside)), height))
    return sorted(groups, key=lambda group: (TONES.index(group.tone), -group.worst, group.name))


def prefix(name: str) -> str:
    """What the names of neighbours have in common: up to the first ``-``, ``.`` or ``_``, or digits."""
    for number, letter in enumerate(name):
        if number and (letter in "-._" or letter.isdigit()):
            return name[:number]
    return name
