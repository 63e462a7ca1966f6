"""What is put around Keystone's loaded drivers: whole-method retry and the request memo.

``install()`` before Keystone loads its backends, ``around()`` its WSGI application. An engine tells
by ``faults.register`` which of its errors may be retried, and by ``commits.watch`` which come out of a
commit. Code that writes without the drivers calls ``forget()``.
"""

from keystone_viaduct.drivers.faults import Fault
from keystone_viaduct.drivers.loader import install, uninstall, wrap
from keystone_viaduct.drivers.memo import forget, request
from keystone_viaduct.drivers.middleware import RequestMemo, around
from keystone_viaduct.drivers.proxy import unwrap

__all__ = [
    "Fault",
    "RequestMemo",
    "around",
    "forget",
    "install",
    "request",
    "uninstall",
    "unwrap",
    "wrap",
]
