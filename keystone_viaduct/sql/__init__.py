"""Keystone's SQL drivers on every engine, chosen by configuration alone.

``install(conf)`` is called before Keystone builds its engine; what it hooks in is decided when the engine is
made, by the dialect of ``[database] connection``. ``prepare(engine)`` makes an engine of our own fit for
schema changes.
"""

from keystone_viaduct.sql.installer import attach, install, prepare

__all__ = ["attach", "install", "prepare"]
