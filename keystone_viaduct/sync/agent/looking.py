"""The fleet as its sites tell it, all of them asked at once: for commands that run where no agent does."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any, Protocol

from keystone_viaduct.clock import MICROSECONDS
from keystone_viaduct.errors import ViaductError
from keystone_viaduct.health.view import AgentView, FleetView, KeysView, LinkView, SiteView
from keystone_viaduct.sync.charter import Charter
from keystone_viaduct.sync.model import Standing, Waiting, restored_at
from keystone_viaduct.sync.sealing import key_fingerprint
from keystone_viaduct.sync.wire import limits
from keystone_viaduct.sync.wire.resources import Capabilities

#: Sites that are asked side by side, and the seconds that all of them together may take.
AT_ONCE, PATIENCE = 32, 60.0


class ShownSite(Protocol):
    """A site, as far as it is asked for its state."""

    def capabilities(self) -> Capabilities:
        """What it says of itself."""

    def waiting(self) -> tuple[dict[str, int], list[Waiting]]:
        """How many records wait there in which state, and the first of them."""

    def standing(self, source: str) -> Standing:
        """How far it has come with the feed of another."""

    def conflicts(self, limit: int, *, open_only: bool) -> list[dict[str, Any]]:
        """Its list of conflicts."""

    def charter(self) -> Charter:
        """The charter that it goes by."""


def look(
    sites: Mapping[str, ShownSite],
    configured: str,
    *,
    keys: Callable[[str], tuple[KeysView, ...]] | None = None,
    status: Mapping[str, Any] | None = None,
    now: float | None = None,
) -> FleetView:
    """Ask all of them. ``configured`` is the hub of viaduct.yaml; ``keys`` asks a site for those of tokens.
    ``status``: what an agent answered, if one did.
    """
    found = _all({name: _asking(site, name) for name, site in sites.items()})
    hub = _hub(found, configured)
    term = max((site.term for site in found.values() if site.hub == hub), default=0)
    found = {name: replace(site, is_hub=name == hub) for name, site in found.items()}
    links: tuple[LinkView, ...] = ()
    told: tuple[KeysView, ...] | None = None
    if found.get(hub) is not None and found[hub].reached:
        found |= _at_hub(sites[hub], found, hub)
        links = _links(sites, found, hub)
        told = _quietly(lambda: keys(hub)) if keys is not None else None
    view = FleetView(time.time() if now is None else now, hub, configured, term, found, links, told)
    return view if status is None else with_agent(view, status)


def _asking(site: ShownSite, name: str) -> Callable[[], SiteView]:
    def ask() -> SiteView:
        try:
            told = site.capabilities()
        except ViaductError as error:
            return SiteView(name, reached=False, error=error.message, hint=error.hint)
        if told.site != name:
            message = f"who answers there is {told.site}"
            return SiteView(name, reached=False, error=message, hint="correct viaduct.yaml or clouds.yaml")
        view = SiteView(
            name,
            reached=True,
            hub=told.hub,
            term=told.term,
            head=told.head.seq,
            joined=told.has_secret,
            release=told.release,
            product=told.product,
            versions=told.versions,
            key=key_fingerprint(told.public_key),
            restored_at=restored_at(told.incarnation) / MICROSECONDS,
        )
        waiting = _quietly(site.waiting)
        return view if waiting is None else replace(view, waiting=waiting[0], records=tuple(waiting[1]))

    return ask


def _all(asking: Mapping[str, Callable[[], SiteView]]) -> dict[str, SiteView]:
    """What each says; of who takes too long, that."""
    pool = ThreadPoolExecutor(max(1, min(len(asking), AT_ONCE)), "look")
    try:
        asked = {name: pool.submit(ask) for name, ask in asking.items()}
        wait(asked.values(), PATIENCE)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    late = f"it takes more than {PATIENCE:g} s"
    return {
        name: one.result()
        if one.done() and not one.cancelled()
        else SiteView(name, reached=False, error=late)
        for name, one in asked.items()
    }


def _hub(found: Mapping[str, SiteView], configured: str) -> str:
    """The one of the latest term that is a site here; the configured one if none tells."""
    claims = [(site.term, site.hub) for site in found.values() if site.joined and site.hub in found]
    return max(claims, default=(0, configured))[1]


def _at_hub(site: ShownSite, found: Mapping[str, SiteView], hub: str) -> dict[str, SiteView]:
    """What the hub alone knows."""
    listed = _quietly(lambda: site.conflicts(limits.LIST, open_only=True))
    charter = _quietly(site.charter)
    known = (
        {name: replace(one, limited=name in charter.limited) for name, one in found.items()}
        if (charter is not None)
        else dict(found)
    )
    return {**known, hub: replace(known[hub], conflicts=None if listed is None else len(listed))}


def _links(sites: Mapping[str, ShownSite], found: Mapping[str, SiteView], hub: str) -> tuple[LinkView, ...]:
    """Both directions of each spoke that answers and has joined."""
    spokes = [name for name, site in found.items() if name != hub and site.reached and site.joined]
    ways = [way for spoke in spokes for way in ((spoke, hub), (hub, spoke))]
    with ThreadPoolExecutor(max(1, min(len(ways), AT_ONCE)), "link") as pool:
        return tuple(pool.map(lambda way: _link(sites, found, *way), ways))


def _link(
    sites: Mapping[str, ShownSite], found: Mapping[str, SiteView], source: str, target: str
) -> LinkView:
    try:
        standing = sites[target].standing(source)
    except ViaductError as error:
        return LinkView(source, target, error=error.message, code=error.code)
    come = standing.checkpoint.seq if standing.checkpoint is not None else 0
    return LinkView(source, target, max(0, found[source].head - come), loading=standing.checkpoint is None)


def _quietly(ask: Callable[[], Any]) -> Any:
    """What a site says; None where it does not, or is of an older release."""
    try:
        return ask()
    except ViaductError:
        return None


def with_agent(view: FleetView, status: Mapping[str, Any]) -> FleetView:
    """The same with what the agent's ``/status`` says of itself, of links and of its upkeep."""
    agent = AgentView(
        str(status.get("holder", "")),
        bool(status.get("working")),
        bool(status.get("stands_by")),
        str(status.get("lease_error", "")),
        str(status.get("keys_error", "")),
        str(status.get("hub_warning", "")),
        float(status.get("upkeep_seconds", 0.0)),
    )
    if not agent.working:  # what a standby knows of links is old
        return replace(view, agent=agent)
    told = {(one["source"], one["target"]): one for one in status.get("links", ())}
    seen = {(link.source, link.target): link for link in view.links}
    links = tuple(
        _told(seen.get(way, LinkView(*way)), told[way], view.at) if way in told else seen[way]
        for way in dict.fromkeys([*told, *seen])
    )
    kept = status.get("upkeep", {})
    sites = {
        name: _kept(site, kept[name], name == view.hub) if name in kept else site
        for name, site in view.sites.items()
    }
    return replace(view, agent=agent, links=links, sites=sites)


def _told(link: LinkView, told: Mapping[str, Any], now: float) -> LinkView:
    since = told.get("behind_since") or 0.0
    behind = told.get("behind") if link.behind is None else link.behind
    return replace(
        link,
        behind=behind,
        lag=max(0.0, now - since) if since and behind else 0.0,
        error=told.get("error", "") or link.error,
        code=told.get("code", "") or link.code,
        failures=told.get("failures", 0),
        pending=told.get("pending", 0),
        slowed=told.get("slowed", 0),
        succeeded_at=told.get("succeeded_at"),
        moved_at=told.get("moved_at"),
        loading=bool(told.get("loading")),
    )


def _kept(site: SiteView, kept: Mapping[str, Any], is_hub: bool) -> SiteView:
    return replace(
        site,
        differing=None if is_hub else kept.get("differing"),
        missed=kept.get("missed", 0),
        onesided=kept.get("onesided", 0),
        looked_at=kept.get("finished_at"),
        upkeep_error=kept.get("error", ""),
    )
