"""Keystone's SQL drivers on every engine, chosen by configuration alone.

``install(conf)`` is called before Keystone builds its engine; what it hooks in is decided when the engine is
made, by the dialect of ``[database] connection``.
"""

from keystone_viaduct.sql.installer import attach, install

__all__ = ["attach", "install"]
