"""What was seen of a fleet at one moment: by the working agent, or by asking each site.

``None`` means that nobody has looked. Times are seconds since the epoch, 0 for never.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from keystone_viaduct.sync.model import WAITING_STATES, Waiting


@dataclass(frozen=True, slots=True)
class SiteView:
    """One site. ``error`` and ``hint``: why it could not be asked.

    ``hub`` and ``term`` are what the site itself says. ``waiting`` counts the records that wait there by
    state, ``records`` are the first of them. ``differing``, ``missed`` and ``onesided`` are those of the last
    comparison with the hub; ``looked_at`` is when the last upkeep there ended well, ``upkeep_error`` what the
    last one failed with. ``restored_at`` is when the site was last noticed to have been put back to a backup.
    """

    name: str
    is_hub: bool = False
    reached: bool | None = None
    error: str = ""
    hint: str = ""
    hub: str = ""
    term: int = 0
    head: int = 0
    joined: bool | None = None
    release: str = ""
    product: str = ""
    versions: tuple[str, ...] = ()
    key: str = ""
    limited: bool | None = None
    waiting: Mapping[str, int] | None = None
    records: tuple[Waiting, ...] = ()
    conflicts: int | None = None
    differing: int | None = None
    missed: int = 0
    onesided: int = 0
    looked_at: float | None = None
    upkeep_error: str = ""
    restored_at: float | None = None

    @property
    def backlog(self) -> int | None:
        """How many records wait there."""
        return None if self.waiting is None else sum(self.waiting.get(state, 0) for state in WAITING_STATES)


@dataclass(frozen=True, slots=True)
class LinkView:
    """One direction of a link. ``behind``: feed positions of ``source`` that ``target`` has not got.

    ``error`` is what the last step failed with, ``failures`` how many failed in a row. ``lag``: for so many
    seconds it has not had all of it.
    """

    source: str
    target: str
    behind: int | None = None
    lag: float | None = None
    error: str = ""
    code: str = ""
    failures: int = 0
    pending: int = 0
    slowed: int = 0
    succeeded_at: float | None = None
    moved_at: float | None = None
    loading: bool = False


@dataclass(frozen=True, slots=True)
class AgentView:
    """The agent that was asked. ``working``: it holds the lease; ``stands_by``: another one does.

    ``upkeep``: the seconds of one round.
    """

    holder: str
    working: bool
    stands_by: bool = False
    lease_error: str = ""
    keys_error: str = ""
    hub_warning: str = ""
    upkeep: float = 0.0


@dataclass(frozen=True, slots=True)
class KeysView:
    """One repository of token keys, as the hub knows it. ``missing``: sites that lack the present keys."""

    repository: str
    generation: int = 0
    keys: int = 0
    used_since: float = 0.0
    rotating: bool = False
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FleetView:
    """All of it. ``configured_hub`` is the one of viaduct.yaml; ``agent`` None: no agent was asked."""

    at: float
    hub: str
    configured_hub: str = ""
    term: int = 0
    sites: Mapping[str, SiteView] = field(default_factory=dict)
    links: tuple[LinkView, ...] = ()
    keys: tuple[KeysView, ...] | None = None
    agent: AgentView | None = None

    def link(self, source: str, target: str) -> LinkView | None:
        """That direction, if it was seen."""
        return next((one for one in self.links if (one.source, one.target) == (source, target)), None)

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        body = asdict(self)
        body["sites"] = {name: _site(site) for name, site in self.sites.items()}
        return body


def _site(site: SiteView) -> dict[str, Any]:
    body = asdict(site)
    body["waiting"] = None if site.waiting is None else dict(site.waiting)
    body["records"] = [waiting_as_dict(item) for item in site.records]
    return body


def waiting_as_dict(item: Waiting) -> dict[str, Any]:
    """One record that waits, for programs."""
    rest = {name: value for name, value in item._asdict().items() if name != "ref"}
    return {"kind": item.ref.kind, "key": item.ref.key, **rest}
