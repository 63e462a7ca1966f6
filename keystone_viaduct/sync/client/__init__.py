"""A site behind the ports, reached over HTTP."""

from keystone_viaduct.sync.client.login import Clouds, Login, cloud_login
from keystone_viaduct.sync.client.site import HttpSite
from keystone_viaduct.sync.client.transport import Transport

__all__ = ["Clouds", "HttpSite", "Login", "Transport", "cloud_login"]
