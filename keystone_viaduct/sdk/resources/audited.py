"""One change of the fleet's settings."""

from __future__ import annotations

from openstack import resource


class Audited(resource.Resource):  # type: ignore[misc]
    """Who has changed what, from where; before and after."""

    base_path = "/OS-SYNC/audit"
    resources_key = "audit"
    allow_list = True

    at = resource.Body("at", type=int)
    action = resource.Body("action")
    target = resource.Body("target")
    actor = resource.Body("actor")
    address = resource.Body("address")
    old = resource.Body("old")
    new = resource.Body("new")
