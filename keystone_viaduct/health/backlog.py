"""The one list of records that wait anywhere: pending, refused, carried, quarantined or held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from keystone_viaduct.health.view import FleetView, waiting_as_dict
from keystone_viaduct.sync.model import WAITING_STATES, Waiting

_SHOW = "`viaduct quarantine show SITE KIND/KEY`"
#: What each state means, and what a person can do about it. The order is that of how bad it is.
MEANING = {
    "quarantined": ("it failed in a way that nobody has foreseen", "`viaduct quarantine retry SITE`"),
    "held": (
        "a deletion that no trigger saw waits for a person",
        "`viaduct sweep SITE confirm` or `discard`",
    ),
    "carried": (
        "the site's tables can't hold it; it is kept beside them",
        _SHOW,
    ),
    "refused": ("the site keeps its own until the hub has decided", "`viaduct conflicts list`"),
    "pending": ("it needs something that is still to come", _SHOW),
}
assert set(MEANING) == set(WAITING_STATES)


class Entry(NamedTuple):
    """One record that waits at a site."""

    site: str
    record: Waiting

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return {"site": self.site, **waiting_as_dict(self.record)}

    @property
    def meaning(self) -> str:
        """What its state means."""
        return MEANING[self.record.state][0] if self.record.state in MEANING else self.record.state

    @property
    def remedy(self) -> str:
        """What a person can do, with the names filled in."""
        found = MEANING.get(self.record.state, ("", ""))[1]
        return found.replace("SITE", self.site).replace("KIND/KEY", str(self.record.ref))


def backlog(view: FleetView) -> list[Entry]:
    """Of all sites, as far as they have named them: what is worst first, then what has waited the longest."""
    order = {state: number for number, state in enumerate(MEANING)}
    entries = [Entry(site.name, item) for site in view.sites.values() for item in site.records]
    return sorted(entries, key=lambda e: (order.get(e.record.state, 9), e.record.since, e.site, e.record.ref))


def chosen(
    entries: Iterable[Entry], *, site: str = "", state: str = "", kind: str = "", text: str = ""
) -> Iterator[Entry]:
    """Those that fit; an empty word fits all. ``text`` is looked for in key, name, reason and why."""
    wanted = text.casefold()
    for entry in entries:
        item = entry.record
        words = (item.ref.key, item.name, item.reason, item.why)
        if (
            site in ("", entry.site)
            and state in ("", item.state)
            and kind in ("", item.ref.kind)
            and (not wanted or any(wanted in word.casefold() for word in words))
        ):
            yield entry


def totals(view: FleetView) -> dict[str, int]:
    """How many records wait in each state, at all sites that were asked."""
    counts = dict.fromkeys(MEANING, 0)
    for site in view.sites.values():
        for state, number in (site.waiting or {}).items():
            counts[state] = counts.get(state, 0) + number
    return counts
