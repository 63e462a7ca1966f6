"""What takes longer: first loads, upgrades of schemas, the rotation of keys."""

from __future__ import annotations

from dataclasses import dataclass

from keystone_viaduct.dashboard.state import Fleet, KeySet, Link, Site
from keystone_viaduct.dashboard.view.words import count, listed


@dataclass(frozen=True, slots=True)
class Bar:
    """``done`` of ``total``; what it is about, and what is said of it."""

    name: str
    done: int
    total: int
    text: str
    tone: str = "busy"


def loads(fleet: Fleet) -> tuple[Bar, ...]:
    """First loads under way, and sites that may not join yet."""
    bars = [_load(link) for link in fleet.links if link.loading]
    waiting = {link.source if link.target == fleet.hub else link.target: link for link in fleet.links}
    held_up = [
        Bar(name, 0, 1, link.error, "warn")
        for name, link in waiting.items()
        if link.code == "adopt.undecided"
    ]
    return tuple(bars + held_up)


def _load(link: Link) -> Bar:
    total = max(link.head, link.position)
    return Bar(link.name, link.position, total, "positions of the feed")


def keys(fleet: Fleet) -> tuple[Bar, ...]:
    """Each repository of keys: how many sites hold the present set."""
    return tuple(_keys(found) for found in fleet.keys)


def _keys(found: KeySet) -> Bar:
    have = len(found.sites) - len(found.missing)
    if found.missing:
        text = f"set {found.generation}: {listed(list(found.missing))} not confirmed yet"
        return Bar(found.repository, have, len(found.sites), text)
    text = f"set {found.generation}, held by {count(len(found.sites), 'site')}"
    if found.wanted:
        return Bar(found.repository, have, len(found.sites), f"{text}; a rotation is under way")
    return Bar(found.repository, have, len(found.sites), text, "good")


def metrics(fleet: Fleet) -> tuple[Site, ...]:
    """The sites whose Keystones have counted something, by name."""
    return tuple(fleet.sites[name] for name in sorted(fleet.sites))


def upgrades(fleet: Fleet) -> tuple[tuple[str, str], ...]:
    """Site and state of each upgrade of a schema that has been begun."""
    return tuple(
        (site.name, text) for site in metrics(fleet) if site.metrics for text in site.metrics.upgrades
    )
