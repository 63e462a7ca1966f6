"""A decision of the hub: what was lost, and why."""

from __future__ import annotations

from typing import Any, Self

from openstack import exceptions, resource


class Conflict(resource.Resource):  # type: ignore[misc]
    """``writes`` are there after it was resolved: what that has done to records, or would do."""

    base_path = "/OS-SYNC/conflicts"
    resources_key = "conflicts"
    allow_list = True
    allow_fetch = True
    _query_mapping = resource.QueryParameters("kind", "key", "site", "sort", is_open="open")

    kind = resource.Body("kind")
    key = resource.Body("key")
    name = resource.Body("name")
    sort = resource.Body("sort")
    decided = resource.Body("decided")
    explanation = resource.Body("explanation")
    fields = resource.Body("fields", type=list)
    site = resource.Body("site")
    at = resource.Body("at", type=int)
    is_open = resource.Body("open", type=bool)
    into = resource.Body("into")
    resolution = resource.Body("resolution")
    lost = resource.Body("lost", type=dict)
    raw = resource.Body("raw", type=dict)
    lost_secrets = resource.Body("lost_secrets", type=list)
    writes = resource.Body("writes", type=list)

    @property
    def called(self) -> str:
        """What people call the record; its id where it has no name."""
        return str(self.name or self.key)

    @property
    def state(self) -> str:
        """In a word."""
        if self.sort == "judged" and self.resolution == "restored":
            return "withdrawn"
        return str(self.resolution or ("open" if self.is_open else "decided"))

    def resolve(self, session: Any, action: str, name: str = "", *, dry_run: bool = False) -> Self:
        """Keep, restore or withdraw."""
        body: dict[str, Any] = {"action": action}
        if name:
            body["name"] = name
        if dry_run:
            body["dry_run"] = True
        url = f"{self.base_path}/{self.id}/resolution"
        response = session.put(url, json=body, microversion=session.default_microversion)
        exceptions.raise_from_response(response)
        self._translate_response(response)
        return self
