"""What the dashboard knows of a fleet at one moment: plain values, times in seconds (0: never)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from keystone_viaduct.health.view import FleetView


@dataclass(frozen=True, slots=True)
class Metrics:
    """What a Keystone has counted: calls that were ``retried``, how many of them ``recovered`` and how many
    were given up; reads that its memos have ``saved``, of all that they were ``asked`` for. ``upgrades`` of
    its schema, in words.
    """

    retried: int
    recovered: int
    given_up: int
    saved: int
    asked: int
    upgrades: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Site:
    """``seen_at``: when it last answered the dashboard or carried something; ``error``: why not since.

    ``holds`` and ``may`` say in words what it is limited to ('' for nothing). ``waiting`` counts the records
    that wait there by state, as of ``waiting_at``. ``metrics`` None: it does not tell.
    """

    name: str
    seen_at: float = 0.0
    error: str = ""
    release: str = ""
    product: str = ""
    hub: str = ""
    term: int = 0
    head: int = 0
    holds: str = ""
    may: str = ""
    waiting: Mapping[str, int] = field(default_factory=dict)
    waiting_at: float = 0.0
    upkeep_at: float = 0.0
    differing: int = 0
    held: int = 0
    metrics: Metrics | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """One direction. ``half`` and ``most``: of the latest changes half, and 99 in 100, took no longer than
    that (seconds; None: no change was seen). ``measured`` is how many. ``behind``: edits that the target has
    not got. ``live``: whether this agent carries it; otherwise it was asked for.
    """

    source: str
    target: str
    behind: int = 0
    pending: int = 0
    error: str = ""
    code: str = ""
    failures: int = 0
    succeeded_at: float = 0.0
    moved_at: float = 0.0
    loading: bool = False
    position: int = 0
    head: int = 0
    changes: int = 0
    refused: int = 0
    half: float | None = None
    most: float | None = None
    measured: int = 0
    live: bool = True

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.source} → {self.target}"


@dataclass(frozen=True, slots=True)
class KeySet:
    """One repository of Fernet keys, as the hub tells it; ``missing``: sites that have not confirmed it."""

    repository: str
    generation: int = 0
    sites: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    wanted: bool = False
    promoted_at: float = 0.0
    primary: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of the hub's list of conflicts."""

    id: str
    kind: str
    key: str
    sort: str
    decided: str
    explanation: str
    fields: tuple[str, ...]
    site: str
    at: float
    open: bool
    resolution: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """Something that was asked of the hub: what it last said, and when; ``error``: why not since."""

    at: float = 0.0
    error: str = ""


@dataclass(frozen=True)
class Fleet:
    """All of it. ``working``: this agent holds the lease; ``holder`` is its name.

    ``conflicts`` are the open ones of the hub's list and the latest of the others, as of ``conflicts_told``;
    ``keys`` likewise. ``view`` is the same for the registry of checks and the list of what waits.
    """

    now: float
    hub: str
    sites: Mapping[str, Site]
    links: tuple[Link, ...]
    view: FleetView
    configured: str = ""
    term: int = 0
    warning: str = ""
    holder: str = ""
    working: bool = False
    lease_error: str = ""
    keys_error: str = ""
    conflicts: tuple[Listed, ...] = ()
    conflicts_told: Told = field(default_factory=Told)
    keys: tuple[KeySet, ...] = ()
    keys_told: Told = field(default_factory=Told)

    @cached_property
    def _by_spoke(self) -> dict[str, list[Link]]:
        found: dict[str, list[Link]] = {}
        for link in self.links:
            found.setdefault(link.target if link.source == self.hub else link.source, []).append(link)
        return found

    def links_of(self, spoke: str) -> tuple[Link, ...]:
        """Those of a spoke: to the hub first."""
        found = self._by_spoke.get(spoke, [])
        return tuple(sorted(found, key=lambda link: link.target != self.hub))
