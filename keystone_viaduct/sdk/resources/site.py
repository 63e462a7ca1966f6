"""A site, who leads the fleet, and which agent is at work."""

from __future__ import annotations

from typing import Self

from openstack import resource


class Capabilities(resource.Resource):  # type: ignore[misc]
    """What the site that is asked says of itself."""

    base_path = "/OS-SYNC"
    allow_fetch = True
    requires_id = False

    site = resource.Body("site")
    incarnation = resource.Body("incarnation")
    hub = resource.Body("hub")
    term = resource.Body("term", type=int)
    head = resource.Body("head", type=list)
    public_key = resource.Body("public_key")
    has_secret = resource.Body("has_secret", type=bool)
    product = resource.Body("product")
    release = resource.Body("release")
    versions = resource.Body("versions", type=list)
    api_versions = resource.Body("api_versions", type=list)
    kinds = resource.Body("kinds", type=dict)


class Hub(resource.Resource):  # type: ignore[misc]
    """The hub as this site sees it; ``obstacle``: why this site could not be promoted."""

    base_path = "/OS-SYNC/hub"
    allow_fetch = True
    requires_id = False

    site = resource.Body("site")
    hub = resource.Body("hub")
    term = resource.Body("term", type=int)
    former = resource.Body("former")
    obstacle = resource.Body("obstacle")
    pending = resource.Body("pending", type=int)
    position = resource.Body("position", type=int)
    met = resource.Body("met", type=list)
    missing = resource.Body("missing", type=list)


class Lease(resource.Resource):  # type: ignore[misc]
    """Which agent carries changes; ``holder`` is empty where none does."""

    base_path = "/OS-SYNC/lease"
    allow_fetch = True
    requires_id = False

    holder = resource.Body("holder")
    until = resource.Body("until", type=int)


class Site(resource.Resource):  # type: ignore[misc]
    """One site, as another one knows it; ``is_here``: it is the one that is asked.

    ``acknowledged`` is how far in the feed of that one it has come, ``heard`` when it last read there.
    """

    base_path = "/OS-SYNC/peers"
    resources_key = "peers"
    allow_list = True

    name = resource.Body("site", alternate_id=True)
    incarnation = resource.Body("incarnation")
    public_key = resource.Body("public_key")
    fingerprint = resource.Body("fingerprint")
    signing_key = resource.Body("signing_key")
    acknowledged = resource.Body("acknowledged", type=int)
    is_live = resource.Body("live", type=bool)
    heard = resource.Body("heard", type=int)
    capabilities = resource.Body("capabilities", type=dict)
    is_hub = resource.Body("is_hub", type=bool)
    is_here = resource.Body("is_here", type=bool)

    @classmethod
    def of(cls, here: Capabilities) -> Self:
        """The site that was asked."""
        kinds = {kind: list(fields) for kind, fields in (here.kinds or {}).items()}
        found: Self = cls.existing(
            site=here.site,
            incarnation=here.incarnation,
            public_key=here.public_key,
            live=True,
            capabilities=kinds,
            is_here=True,
        )
        return found

    def known(self, hub: str) -> Self:
        """Told whether it is the hub."""
        self._update(is_hub=self.name == hub, is_here=bool(self.is_here))
        return self
