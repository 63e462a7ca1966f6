"""Installs the hooks of the engine in use into Keystone's engine facade."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from keystone_viaduct import config
from keystone_viaduct.sql import sqlite

_ENGINES = {"sqlite": sqlite}
_filters_registered = False


def install(conf: Any) -> None:
    """Hook into the engine that Keystone is going to build.

    ``conf``: Keystone's ``CONF``, which need not be parsed yet. Call it once per process, before the first use of
    the database; oslo.db refuses changes later.
    """
    from keystone.common.sql import core

    config.register(conf)
    register_filters()
    core._get_main_context_manager().append_on_engine_create(
        lambda engine: attach(engine, config.sql_settings(conf))
    )


def attach(engine: sa.engine.Engine, settings: config.SqlSettings | None = None) -> None:
    """Install the hooks on ``engine`` itself (for engines that are not Keystone's own)."""
    module = _ENGINES.get(engine.dialect.name)
    if module is not None:
        module.attach(engine, settings or config.SqlSettings())


def register_filters() -> None:
    """Register all exception filters with oslo.db, once per process."""
    global _filters_registered
    if _filters_registered:
        return
    _filters_registered = True
    for module in _ENGINES.values():
        module.register_filters()
