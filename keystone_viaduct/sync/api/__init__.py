"""The ``OS-SYNC`` API inside Keystone (docs/reference/api.md).

``install()`` before Keystone builds its application, ``around()`` the result.
"""

from keystone_viaduct.sync.api.door import around, install

__all__ = ["around", "install"]
