"""What a site says of its Fernet keys, as it comes in."""

from __future__ import annotations

from typing import Any

import pytest

from keystone_viaduct.errors import TooLarge
from keystone_viaduct.sync.wire import limits
from keystone_viaduct.sync.wire.keys import held_from_json

STATE: dict[str, Any] = {"digest": "d", "staged": "a", "primary": "b", "others": []}


def held(sites: int) -> dict[str, Any]:
    """What the hub of so many sites says."""
    names = [f"site-{number}" for number in range(sites)]
    named = {"confirmed": dict.fromkeys(names, 1), "sites": names, "limited": names}
    fleet = {**STATE, **named, "others": {}, "generation": 1, "wanted": False, "promoted_at": 0}
    return {"repositories": {"tokens": {**STATE, "fleet": fleet}}}


def test_the_hub_may_name_all_sites_of_a_fleet() -> None:
    found = held_from_json(held(1500))["tokens"].fleet
    assert found is not None
    assert len(found.sites) == len(found.confirmed) == len(found.limited) == 1500


def test_more_sites_than_a_fleet_may_have_are_refused() -> None:
    with pytest.raises(TooLarge, match=r"tokens\.fleet"):
        held_from_json(held(limits.PEERS + 1))
