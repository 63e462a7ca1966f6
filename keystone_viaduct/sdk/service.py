"""Where a connection of openstacksdk finds the API, and how it gets to know of it."""

from __future__ import annotations

from typing import Any, TypeVar

from keystoneauth1 import plugin
from openstack import service_description

from keystone_viaduct.sdk.proxy import Proxy

SERVICE, OVERRIDE = "sync", "sync_endpoint_override"
C = TypeVar("C")


class SyncService(service_description.ServiceDescription):  # type: ignore[misc]
    """It stands in no catalogue: it is a part of the Keystone that one has logged in at.

    The catalogue names the Keystones of all regions, and is the same in each; what is asked here is asked of
    one site. ``sync_endpoint_override`` in clouds.yaml is another way there.
    """

    supported_versions = {"1": Proxy}

    def __init__(self) -> None:
        super().__init__(SERVICE)

    def _make_proxy(self, instance: Any) -> Any:
        config = instance.config
        if not config.get_endpoint(SERVICE):
            found = instance.session.get_endpoint(
                interface=plugin.AUTH_INTERFACE, service_type="identity", skip_discovery=True
            )
            config.config[OVERRIDE] = identity_url(str(found or ""))
        return super()._make_proxy(instance)


def identity_url(text: str) -> str:
    """The base of the identity API, from what is written as ``auth_url``."""
    bare = text.rstrip("/")
    return bare if bare.endswith("/v3") else f"{bare}/v3"


def register(connection: C) -> C:
    """Give a connection its ``sync``; twice is harmless. Also what ``vendor_hook`` wants."""
    found: Any = connection
    found.add_service(SyncService())
    return connection
