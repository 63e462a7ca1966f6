"""Installs the hooks of the engine in use into Keystone's engine facade."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from keystone_viaduct import config
from keystone_viaduct.drivers import commits, faults
from keystone_viaduct.sql import cockroachdb, generic, mysql, postgresql, sqlite

_ENGINES: dict[str, Any] = {
    "sqlite": sqlite,
    "postgresql": postgresql,
    "mysql": mysql,
    "mariadb": mysql,
    "cockroachdb": cockroachdb,
}
_registered = False


def install(conf: Any, *, migrates: bool = False) -> None:
    """Hook into the engine that Keystone is going to build.

    ``conf``: Keystone's ``CONF``, which need not be parsed yet. Call it once per process, before the first
    use of the database; oslo.db refuses changes later. ``migrates``: this process changes the tables
    themselves, which on SQLite goes without foreign keys.
    """
    from keystone.common.sql import core

    config.register(conf)
    register()

    def hook(engine: sa.engine.Engine) -> None:
        settings = config.sql_settings(conf)
        attach(engine, replace(settings, sqlite_foreign_keys=False) if migrates else settings)

    core._get_main_context_manager().append_on_engine_create(hook)


def attach(engine: sa.engine.Engine, settings: config.SqlSettings | None = None) -> None:
    """Install the hooks on ``engine`` itself (for engines that are not Keystone's own).

    Connections that were opened before (oslo.db tries one) lack the settings of a session and are given up.
    """
    commits.watch(engine)
    module = _ENGINES.get(engine.dialect.name)
    if module is not None:
        module.attach(engine, settings or config.SqlSettings())
        if not isinstance(engine.pool, sa.pool.StaticPool):
            engine.dispose()


def prepare(engine: sa.engine.Engine) -> None:
    """Make an engine that is not Keystone's fit for migrations and triggers, where it takes something."""
    if engine.dialect.name == cockroachdb.DIALECT:
        cockroachdb.prepare(engine)


def register() -> None:
    """Register the exception filters with oslo.db and the engines' errors with the drivers, once."""
    global _registered
    if _registered:
        return
    _registered = True
    faults.register("oslo.db", generic.classify)
    for name, module in _ENGINES.items():
        faults.register(name, module.classify)
    for module in dict.fromkeys(_ENGINES.values()):
        module.register_filters()
