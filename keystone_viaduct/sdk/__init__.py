"""The OS-SYNC API for openstacksdk: ``conn.sync.sites()``, ``conn.sync.conflicts(is_open=True)``.

Register it on a connection, or let ``clouds.yaml`` do that (``vendor_hook: keystone_viaduct.sdk:register``)::

    import openstack
    from keystone_viaduct.sdk import register

    conn = register(openstack.connect(cloud="east"))
    for site in conn.sync.sites():
        print(site.name, site.is_hub)
"""

from keystone_viaduct.sdk.service import SyncService, register

__all__ = ["SyncService", "register"]
