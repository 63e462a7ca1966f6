"""``viaduct.yaml``: which sites there are, how to reach them, and how the agent works."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keystone_viaduct.sync.agent import places
from keystone_viaduct.sync.agent.dashboard import DashboardSettings, read_dashboard
from keystone_viaduct.sync.agent.places import Located
from keystone_viaduct.sync.wire import limits
from keystone_viaduct.sync.wire.checks import SITE_NAME

_ACCESS = frozenset({"hub", "site", "newest", "both"})


@dataclass(frozen=True)
class SiteEntry:
    """``cloud`` is its name in clouds.yaml; ``url`` another way to its API than the cloud's ``auth_url``.

    ``access``: what to take where joining the site changes somebody's access.
    """

    name: str
    cloud: str
    url: str = ""
    access: str = ""


DAY = 86400.0
_CENTURY = 36600 * DAY


@dataclass(frozen=True)
class AgentSettings:
    """Times in seconds. ``listen``: where pokes come in, and who asks for status and metrics.

    ``open_status``: other machines may ask for these.

    ``memory``: the file that keeps what the hub has said of whom it limits; None for none.

    ``plain_http``: sites may be reached without TLS over a road that others may be on.

    ``confirm``: after so long without news a spoke is told that it is up to date (0: never).

    ``upkeep``: between two rounds of purge, sweep and comparison (0: never). ``retention``: of tombstones;
    ``lost_retention``: of what closed conflicts have lost; ``conflict_retention``: of these conflicts;
    ``away``: how long a silent site is waited for. ``dashboard``: None for none.
    """

    listen: tuple[str, int] | None = ("127.0.0.1", 7788)
    poll: float = 10.0
    confirm: float = 20.0
    page_limit: int = 500
    first_load_limit: int = 2000
    lease: float = 30.0
    connect_timeout: float = 5.0
    timeout: float = 60.0
    total_timeout: float = 300.0
    plain_http: bool = False
    memory: Path | None = None
    open_status: bool = False
    first_backoff: float = 0.5
    longest_backoff: float = 60.0
    upkeep: float = 3600.0
    sweep_batch: int = 500
    retention: float = 7 * DAY
    lost_retention: float = 90 * DAY
    conflict_retention: float = 366 * DAY
    away: float = 30 * DAY
    dashboard: DashboardSettings | None = None


@dataclass(frozen=True)
class Topology:
    """The fleet as written in the file. ``clouds``: the file of clouds, or None for the usual places."""

    hub: str
    sites: Mapping[str, SiteEntry]
    agent: AgentSettings = field(default_factory=AgentSettings)
    clouds: Path | None = None

    @property
    def spokes(self) -> list[str]:
        """All sites but the hub."""
        return [name for name in self.sites if name != self.hub]


def read_topology(file: Path) -> Topology:
    """Read and check ``viaduct.yaml``. Raises ConfigError naming file, line, place and what to do."""
    found = places.load(file)
    top = found.section(found.value, (), ("hub", "sites", "clouds", "agent"))
    hub = found.text(top.get("hub"), ("hub",))
    sites = _sites(found, top.get("sites"))
    if hub not in sites:
        raise found.bad(("hub",), f"is {hub}, which is not among the sites", "add it under `sites:`")
    if len(sites) < 2:
        raise found.bad(("sites",), "names no spoke", "add the sites that sync with the hub")
    clouds = top.get("clouds")
    path = None if clouds is None else file.parent / Path(found.text(clouds, ("clouds",))).expanduser()
    if path is not None and not path.is_file():
        raise found.bad(("clouds",), f"is {path}, which is not there", "leave it out for the usual places")
    return Topology(hub, sites, _agent(found, top.get("agent")), path)


def _sites(found: Located, value: Any) -> dict[str, SiteEntry]:
    if value is None:
        raise found.bad(("sites",), "is missing", "add `sites:` with a line `name: cloud` for each site")
    sites: dict[str, SiteEntry] = {}
    for name, entry in found.section(value, ("sites",), None).items():
        place = ("sites", name)
        if not SITE_NAME.fullmatch(name) or len(name) > limits.SITE:
            raise found.bad(
                place,
                "is no name of a site",
                "use letters, digits, `.`, `-` and `_`, as in `viaduct init --site NAME`",
            )
        if isinstance(entry, str) and entry:
            sites[name] = SiteEntry(name, entry)
            continue
        options = found.section(entry, place, ("cloud", "url", "access"))
        url = found.text(options.get("url"), (*place, "url"), "")
        if url and not url.startswith(("http://", "https://")):
            raise found.bad((*place, "url"), f"is {url}", "it begins with https:// or http://")
        access = found.text(options.get("access"), (*place, "access"), "")
        if not set(filter(None, access.replace(" ", "").split(","))) <= _ACCESS:
            raise found.bad((*place, "access"), f"is {access}", "hub, site, newest, both, or several of them")
        cloud = found.text(options.get("cloud"), (*place, "cloud"), name)
        sites[name] = SiteEntry(name, cloud, url, access)
    return sites


def _agent(found: Located, value: Any) -> AgentSettings:
    names = tuple(AgentSettings.__dataclass_fields__)
    options = found.section(value, ("agent",), names)
    default = AgentSettings()

    def number(name: str, least: float, most: float) -> float:
        return found.number(options.get(name), ("agent", name), getattr(default, name), least, most)

    return AgentSettings(
        listen=found.address(options["listen"], ("agent", "listen"))
        if "listen" in options
        else default.listen,
        poll=number("poll", 0.1, 3600),
        confirm=number("confirm", 0, 3600),
        page_limit=int(number("page_limit", 1, limits.PAGE_CHANGES)),
        first_load_limit=int(number("first_load_limit", 1, limits.PAGE_CHANGES)),
        lease=number("lease", 3, limits.LEASE_LONGEST),
        connect_timeout=number("connect_timeout", 0.1, 300),
        timeout=number("timeout", 1, 3600),
        total_timeout=number("total_timeout", 1, 36000),
        open_status=_flag(found, options.get("open_status", False), ("agent", "open_status")),
        memory=_memory(found, options.get("memory")),
        plain_http=_flag(found, options.get("plain_http", False), ("agent", "plain_http")),
        first_backoff=number("first_backoff", 0.01, 60),
        longest_backoff=number("longest_backoff", 0.1, 3600),
        upkeep=number("upkeep", 0, _CENTURY),
        sweep_batch=int(number("sweep_batch", 1, limits.SWEPT)),
        retention=number("retention", 0, _CENTURY),
        lost_retention=number("lost_retention", 0, _CENTURY),
        conflict_retention=number("conflict_retention", 0, _CENTURY),
        away=number("away", 60, _CENTURY),
        dashboard=read_dashboard(found, options.get("dashboard")),
    )


def _memory(found: Located, value: Any) -> Path | None:
    """Beside viaduct.yaml, unless another place is named; false for none."""
    if value is False:
        return None
    named = found.text(value, ("agent", "memory"), f"{found.file.stem}.memory.json")
    return found.file.parent / Path(named).expanduser()


def _flag(found: Located, value: Any, place: tuple[str, ...]) -> bool:
    if not isinstance(value, bool):
        raise found.bad(place, "is neither true nor false", "leave it out for false")
    return value
