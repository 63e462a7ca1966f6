"""What waits, at all sites: pending, refused, carried, quarantined and held records with their reasons."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from keystone_viaduct.dashboard.state import Fleet
from keystone_viaduct.health.backlog import MEANING, Entry, backlog, chosen, totals

STATES = tuple(MEANING)
#: Rows that are shown at once.
MOST = 200


@dataclass(frozen=True, slots=True)
class Queue:
    """``counts`` by state: how many, and what that means. ``rows``: the first of them, the worst first."""

    counts: tuple[tuple[str, int, str], ...]
    rows: tuple[Entry, ...]
    total: int
    oldest_answer: float


def queue(fleet: Fleet, site: str = "", state: str = "", text: str = "") -> Queue:
    """Of one site, of one state, with some text, or of all ('')."""
    sites = [found for name, found in fleet.sites.items() if site in ("", name)]
    counted = dict(fleet.view.sites[site].waiting or {}) if site in fleet.view.sites else totals(fleet.view)
    rows = tuple(islice(chosen(backlog(fleet.view), site=site, state=state, text=text), MOST))
    counts = tuple((name, counted.get(name, 0), MEANING[name][0]) for name in STATES)
    total = counted.get(state, 0) if state else sum(counted.values())
    asked = [found.waiting_at for found in sites if found.waiting_at]
    return Queue(counts, rows, total, min(asked, default=0.0))
