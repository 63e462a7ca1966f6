"""The map of a small fleet: where each site and each link is drawn, and what stands beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from keystone_viaduct.dashboard.state import Fleet, Link
from keystone_viaduct.dashboard.view.fleet import Row
from keystone_viaduct.dashboard.view.health import BAD, BUSY, IDLE, UNREACHABLE, loaded
from keystone_viaduct.dashboard.view.words import compact, span

#: Spokes that are drawn one by one; more of them are drawn as groups of tiles.
DRAWN = 16
#: On a wide screen: the hub in the middle, a column of spokes on each side, labels between them.
WIDE, WIDE_ROW, WIDE_NODE, WIDE_LABEL, EDGE = 1100, 84, 176, 216, 6
#: On a narrow one: the hub on top, a line down on the left, a spoke in each row with its label inside.
NARROW, NARROW_ROW, NARROW_NODE, LINE, BRANCH = 344, 76, 314, 12, 28
#: Height of a site, and room above and below; how far a label inside of it is below its middle.
NODE, ROOM, BELOW = 64, 12, 8


class Node(NamedTuple):
    """A site in the drawing, by its middle."""

    row: Row
    x: int
    y: int
    width: int
    is_hub: bool

    @property
    def title(self) -> str:
        """Its name, with what it is where its state does not say so."""
        name = self.row.site.name
        most = 18 if self.width <= WIDE_NODE else 24
        short = name if len(name) <= most else f"{name[: most - 1]}…"
        return f"{short} (hub)" if self.is_hub and self.row.health.word != "hub" else short


class Line(NamedTuple):
    """One direction of a link in words: ``to hub``, ``83 ms``, ``14 queued``."""

    way: str
    state: str
    queue: str
    tone: str


class Road(NamedTuple):
    """A link in the drawing, with what is said about it at ``x``, ``y`` (its left end and its middle)."""

    spoke: str
    path: str
    x: int
    y: int
    tone: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Map:
    """A small fleet, drawn. ``trunk`` is what all roads have in common, '' for nothing."""

    nodes: tuple[Node, ...]
    roads: tuple[Road, ...]
    width: int
    height: int
    trunk: str = ""


def drawn(fleet: Fleet, found: Sequence[Row], *, narrow: bool = False) -> Map | None:
    """The map; None for a fleet that is too large to be drawn one by one."""
    spokes = sorted((row for row in found if row.site.name != fleet.hub), key=lambda row: row.site.name)
    hub = next((row for row in found if row.site.name == fleet.hub), None)
    if hub is None or not 0 < len(spokes) <= DRAWN:
        return None
    return (_narrow if narrow else _wide)(fleet, hub, spokes)


def _wide(fleet: Fleet, hub: Row, spokes: Sequence[Row]) -> Map:
    left = spokes[: (len(spokes) + 1) // 2]
    height = ROOM + WIDE_ROW * len(left) - (WIDE_ROW - NODE) + ROOM
    middle = WIDE // 2, height // 2
    nodes, roads = [Node(hub, *middle, WIDE_NODE, True)], []
    for side, column in ((-1, left), (1, spokes[len(left) :])):
        x = middle[0] + side * (WIDE // 2 - EDGE - WIDE_NODE // 2)
        inner = x - side * (WIDE_NODE // 2)
        label = inner + 14 if side < 0 else inner - 14 - WIDE_LABEL
        turn = inner - side * (14 + WIDE_LABEL)
        top = (height - WIDE_ROW * len(column)) // 2
        for number, row in enumerate(column):
            y = top + WIDE_ROW * number + WIDE_ROW // 2
            nodes.append(Node(row, x, y, WIDE_NODE, False))
            path = f"M{middle[0]} {middle[1]}L{turn} {y}H{inner}"
            roads.append(_road(fleet, row, path, (label, y)))
    return Map(tuple(nodes), tuple(roads), WIDE, height)


def _narrow(fleet: Fleet, hub: Row, spokes: Sequence[Row]) -> Map:
    x, top = BRANCH + NARROW_NODE // 2, ROOM // 2 + NODE // 2
    nodes, roads = [Node(hub, x, top, NARROW_NODE, True)], []
    for number, row in enumerate(spokes, 1):
        y = top + NARROW_ROW * number
        nodes.append(Node(row, x, y, NARROW_NODE, False))
        roads.append(_road(fleet, row, f"M{LINE} {y}H{BRANCH}", (BRANCH + 2, y + BELOW)))
    last = top + NARROW_ROW * len(spokes)
    trunk = f"M{BRANCH} {top}H{LINE}V{last}"
    return Map(tuple(nodes), tuple(roads), NARROW, last + NODE // 2 + ROOM // 2, trunk)


def _road(fleet: Fleet, row: Row, path: str, label: tuple[int, int]) -> Road:
    links = fleet.links_of(row.site.name)
    is_cut = any(link.code == UNREACHABLE for link in links)
    lines = tuple(_line(fleet, link, is_cut=is_cut) for link in links)
    return Road(row.site.name, path, *label, row.health.tone, lines)


def _line(fleet: Fleet, link: Link, *, is_cut: bool) -> Line:
    """Where one direction gets no answer the other one gets none, as soon as it asks."""
    way = "to hub" if link.target == fleet.hub else "from hub"
    queue = f"{compact(link.behind)} queued" if link.behind else ""
    if link.error or is_cut:
        return Line(way, "cut off" if is_cut else "stopped", queue, BAD)
    if link.loading:
        return Line(way, f"{loaded([link])} %", "first load", BUSY)
    if link.half is None:
        return Line(way, "–", queue, IDLE)
    return Line(way, span(link.half), queue, "")
