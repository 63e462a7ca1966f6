"""The ``OS-SYNC`` API inside Keystone (docs/reference/api.md).

``make_room()`` first, ``install()`` before Keystone builds its application, ``around()`` the result.
"""

from keystone_viaduct.sync.api.door import around, install
from keystone_viaduct.sync.api.nesting import make_room

__all__ = ["around", "install", "make_room"]
