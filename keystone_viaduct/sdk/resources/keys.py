"""The keys of tokens, as fingerprints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openstack import resource


class KeyRepository(resource.Resource):  # type: ignore[misc]
    """One repository. What begins with ``generation`` is known at the hub only, None elsewhere."""

    base_path = "/OS-SYNC/keys"

    name = resource.Body("name")
    digest = resource.Body("digest")
    staged = resource.Body("staged")
    primary = resource.Body("primary")
    others = resource.Body("others", type=list)
    generation = resource.Body("generation", type=int)
    is_rotating = resource.Body("wanted", type=bool)
    promoted_at = resource.Body("promoted_at", type=int)
    sites = resource.Body("sites", type=list)
    confirmed = resource.Body("confirmed", type=dict)
    missing = resource.Body("missing", type=list)

    _FLEET = ("generation", "wanted", "promoted_at", "sites", "confirmed", "missing")

    @classmethod
    def of(cls, name: str, told: Mapping[str, Any]) -> KeyRepository:
        """As the API tells it: what the site has, and what the fleet shall have."""
        fleet = told.get("fleet") or {}
        own = {key: told.get(key) for key in ("digest", "staged", "primary", "others")}
        rest = {key: fleet[key] for key in cls._FLEET if key in fleet}
        found: KeyRepository = cls.existing(id=name, name=name, **own, **rest)
        return found
