"""A fleet in which about everything happens at once: what the pictures of the dashboard show."""

from __future__ import annotations

import random
from dataclasses import replace

from keystone_viaduct.dashboard.state import Fleet, KeySet, Link, Listed, Metrics
from keystone_viaduct.dashboard.view.journeys import Seen
from keystone_viaduct.sync.agent.travel import percentile
from keystone_viaduct.sync.model import Ref, Waiting
from tests.support.dashboards import both, conflict, small, viewed

HUB, SPOKES = "east", ("north", "south", "west")
#: Kind and name of what is edited.
EDITED = (
    ("user", "anna"),
    ("project", "web-shop"),
    ("group", "operators"),
    ("user", "ben"),
    ("role", "auditor"),
    ("project", "payroll"),
    ("domain", "retail"),
)


def traffic(now: float, number: int = 90) -> list[Seen]:
    """Edits of the last minutes and where they came to, the latest first; ``west`` had its part in the early
    ones.
    """
    draw, found = random.Random(7), []
    for count in range(number):
        made = now - 7 * count - 2
        origin = draw.choice(("east", "south") if made > now - 95 else ("west", "west", "south", "east"))
        kind, name = draw.choice(EDITED)
        told = (kind, f"{EDITED.index((kind, name)):04x}" * 8, name, origin, 900 - count)
        at = made
        if origin != HUB:
            at += draw.lognormvariate(-2.6, 0.4)
            found.append(Seen(at, origin, HUB, *told, at - made, count == 17))
        for spoke in ("south", "west"):
            if spoke != origin and (spoke != "west" or made < now - 95):
                there = at + draw.lognormvariate(-2.5, 0.4)
                found.append(Seen(there, HUB, spoke, *told, there - made, False))
    return sorted(found, key=lambda one: -one.at)


def measured(link: Link, seen: list[Seen]) -> Link:
    """With the spans of what was seen to arrive over it."""
    lags = [one.lag for one in seen if (one.source, one.target) == (link.source, link.target)]
    if not lags:
        return replace(link, half=None, most=None, measured=0)
    return replace(link, half=percentile(lags, 0.5), most=percentile(lags, 0.99), measured=len(lags))


def troubled(now: float) -> Fleet:
    """``west`` is cut off, ``north`` has just joined, ``south`` is in step, and a conflict is open."""
    base = small(now, HUB, SPOKES)
    error = "west does not answer: timed out"
    gone = {"error": error, "code": "site.unavailable", "succeeded_at": now - 95, "failures": 4}
    (up, down) = both("west", now, HUB, **gone)
    told = (
        *both("north", now, HUB, loading=True, position=2920, head=4711, changes=2920),
        *both("south", now, HUB),
        replace(up, behind=14, head=4725),
        replace(down, behind=6, head=4717),
    )
    seen = traffic(now)
    links = tuple(measured(link, seen) for link in told)
    sites = dict(base.sites)
    sites["west"] = replace(sites["west"], seen_at=now - 95, error=error, release="27.0.0")
    sites["north"] = replace(
        sites["north"],
        holds="2 domains",
        may="2 domains, 3 roles",
        waiting={"pending": 2},
        metrics=Metrics(0, 0, 0, 12, 90, ("wide-ids: backfilling, 62 percent; next: validate",)),
    )
    since = int(now - 8) * 1_000_000
    records = (
        Waiting(Ref("user", "4be1" * 8), "carla", "pending", "reference", "domain d2", HUB, since),
        Waiting(Ref("project", "90aa" * 8), "lab", "pending", "reference", "domain d2", HUB, since),
    )
    view = viewed(now, HUB, sites, links, {"north": records})
    at_hub = {HUB: replace(view.sites[HUB], conflicts=1)}
    return replace(
        base,
        sites=sites,
        links=links,
        conflicts=(conflict(now), *decided(now)),
        keys=(
            KeySet("tokens", 7, (HUB, *SPOKES), ("west",), True, now - 86400, "0" * 16),
            KeySet("credentials", 2, (HUB, *SPOKES), (), False, now - 9e6, "1" * 16),
        ),
        view=replace(view, sites={**view.sites, **at_hub}),
    )


def decided(now: float) -> tuple[Listed, ...]:
    """Conflicts that are done with."""
    return (
        conflict(
            now,
            2,
            kind="project",
            key="7c0d" * 8,
            name="payroll",
            fields=("description",),
            site="south",
            at=now - 7200,
            open=False,
            resolution="kept",
            explanation="description: the hub is definitive; south changed the same concurrently",
        ),
    )
