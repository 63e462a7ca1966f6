"""`viaduct agent --check --connect`: what comes of asking each site."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from keystone_viaduct.cli._connecting import as_data, reach
from keystone_viaduct.errors import SiteUnavailable


def site(told: str, hub: str = "east", error: Exception | None = None) -> Any:
    def capabilities() -> Any:
        if error is not None:
            raise error
        return SimpleNamespace(site=told, hub=hub, release="30.0.0")

    return SimpleNamespace(capabilities=capabilities, lease=dict)


def test_each_site_is_named_with_what_it_is_or_what_is_wrong_and_a_hint() -> None:
    sites = {
        "east": site("east"),
        "west": site("west"),
        "south": site("north"),
        "north": site("north", hub="west"),
        "away": site("away", error=SiteUnavailable("away does not answer", hint="is it up?")),
    }
    found = {one.site: one for one in reach(sites, sites.__getitem__, "east")}
    assert list(found) == list(sites), "in the order of viaduct.yaml"
    assert found["east"].says == "Keystone 30.0.0, the hub"
    assert found["west"].says == "Keystone 30.0.0, a spoke of east"
    assert "there it is north" in found["south"].error and "viaduct.yaml" in found["south"].hint
    assert "takes west for the hub" in found["north"].error and "hub:" in found["north"].hint
    assert (found["away"].error, found["away"].hint) == ("away does not answer", "is it up?")
    assert as_data(found.values())["east"] == {"says": "Keystone 30.0.0, the hub", "error": "", "hint": ""}
