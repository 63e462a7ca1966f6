"""A record at a site, and one that waits there."""

from __future__ import annotations

from typing import Any, Self

from openstack import resource


class _Addressed(resource.Resource):  # type: ignore[misc]
    """Its id is its address, ``kind/key``: ids of two kinds may be equal."""

    allow_list = True

    kind = resource.Body("kind")
    key = resource.Body("key")
    name = resource.Body("name")

    @classmethod
    def existing(cls, connection: Any = None, **attributes: Any) -> Self:
        """One that the site has told of."""
        address = f"{attributes.get('kind')}/{attributes.get('key')}"
        found: Self = super().existing(connection=connection, **{"id": address, **attributes})
        return found


class Record(_Addressed):
    """Of what :meth:`Proxy.records` lists only kind, key and name are there."""

    base_path = "/OS-SYNC/records"
    resources_key = "records"
    _query_mapping = resource.QueryParameters("name", "kind")

    position = resource.Body("seq", type=int)
    version = resource.Body("version", type=dict)
    birth = resource.Body("birth", type=list)
    is_deleted = resource.Body("deleted", type=bool)
    digest = resource.Body("digest")
    scope = resource.Body("scope")
    document = resource.Body("document", type=dict)
    raw = resource.Body("raw", type=dict)
    secret = resource.Body("secret", type=list)
    stamps = resource.Body("stamps", type=dict)


class Waiting(_Addressed):
    """A record that waits, in which state, for what reason, from which site."""

    base_path = "/OS-SYNC/waiting"
    resources_key = "waiting"
    _query_mapping = resource.QueryParameters("state", "kind", "source")

    state = resource.Body("state")
    reason = resource.Body("reason")
    why = resource.Body("why")
    source = resource.Body("source")
    since = resource.Body("since", type=int)
