"""``viaduct agent --check --connect``: asks each site of viaduct.yaml, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from keystone_viaduct.errors import ViaductError

if TYPE_CHECKING:
    from keystone_viaduct.sync.client import HttpSite

#: Sites asked at once.
AT_ONCE = 8


class Reached(NamedTuple):
    """What came of asking a site: ``error`` and ``hint`` are '' where it may work there."""

    site: str
    says: str = ""
    error: str = ""
    hint: str = ""


def reach(names: Iterable[str], opened: Callable[[str], HttpSite], hub: str) -> list[Reached]:
    """Log in at each of them, as the agent does, and ask what it is."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda name: _ask(name, opened, hub), names))


def _ask(name: str, opened: Callable[[str], HttpSite], hub: str) -> Reached:
    try:
        site = opened(name)
        told = site.capabilities()
        site.lease()  # what else the account may not do shows here
    except ViaductError as error:
        return Reached(name, error=error.message, hint=error.hint)
    if told.site != name:
        hint = "correct the name, the url or the cloud in viaduct.yaml, or `viaduct init --site NAME` there"
        return Reached(name, error=f"there it is {told.site or 'no site yet'}", hint=hint)
    if told.hub not in ("", hub):
        return Reached(
            name,
            error=f"it takes {told.hub} for the hub, and viaduct.yaml {hub}",
            hint="set `hub:` to the one that was promoted last",
        )
    return Reached(
        name, f"Keystone {told.release}, {'the hub' if name == told.hub else f'a spoke of {told.hub}'}"
    )


def as_data(found: Iterable[Reached]) -> Mapping[str, Any]:
    """For programs."""
    return {one.site: {"says": one.says, "error": one.error, "hint": one.hint} for one in found}
