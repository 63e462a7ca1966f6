"""Keystone's own SQL drivers, wrapped, on a migrated database, in the process of the test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from oslo_db.sqlalchemy import enginefacade

from keystone_viaduct import drivers
from keystone_viaduct.config import DriverSettings, SqlSettings
from keystone_viaduct.drivers import methods
from keystone_viaduct.sql import installer

PLAIN = DriverSettings(retry=False, request_memo=False)


@dataclass(frozen=True)
class Site:
    """A database with Keystone's drivers on it."""

    engine: sa.engine.Engine
    identity: Any
    shadow: Any
    assignment: Any
    role: Any
    resource: Any
    trust: Any
    catalog: Any


@contextmanager
def site(url: str, drivers_as: DriverSettings, isolation_level: str | None = None) -> Iterator[Site]:
    """Drivers on ``url``, wrapped as told; upstream's engine facade points there meanwhile."""
    from keystone.common.sql import core

    _configure()
    installer.register()
    manager = enginefacade.transaction_context()
    manager.configure(connection=url, max_pool_size=20, max_retries=0)
    settings = SqlSettings(isolation_level=isolation_level)
    manager.append_on_engine_create(lambda engine: installer.attach(engine, settings))
    before, core._main_context_manager = core._main_context_manager, manager
    try:
        yield _load(manager.writer.get_engine(), drivers_as)
    finally:
        core._main_context_manager = before
        manager.writer.get_engine().dispose()


def _load(engine: sa.engine.Engine, settings: DriverSettings) -> Site:
    import keystone.server.backends  # noqa: F401  (resolves upstream's import cycles)
    from keystone.assignment.backends import sql as assignment
    from keystone.assignment.role_backends import sql as role
    from keystone.catalog.backends import sql as catalog
    from keystone.identity.backends import sql as identity
    from keystone.identity.shadow_backends import sql as shadow
    from keystone.resource.backends import sql as resource
    from keystone.trust.backends import sql as trust

    return Site(
        engine,
        identity=drivers.wrap(identity.Identity(), methods.IDENTITY, settings),
        shadow=drivers.wrap(shadow.ShadowUsers(), methods.SHADOW_USERS, settings),
        assignment=drivers.wrap(assignment.Assignment(), methods.ASSIGNMENT, settings),
        role=drivers.wrap(role.Role(), methods.ROLE, settings),
        resource=drivers.wrap(resource.Resource(), methods.RESOURCE, settings),
        trust=drivers.wrap(trust.Trust(), methods.TRUST, settings),
        catalog=drivers.wrap(catalog.Catalog(), methods.CATALOG, settings),
    )


def _configure() -> None:
    import keystone.conf
    from keystone.common import sql

    conf = keystone.conf.CONF
    if conf._namespace is None:
        keystone.conf.configure()
        sql.initialize()
        conf([], project="keystone", default_config_files=[], default_config_dirs=[])
    conf.set_default("password_hash_rounds", 4, "identity")


def add_domain(site: Site) -> None:
    """The domain that all records of the tests are in."""
    domain = {"id": "default", "name": "Default", "domain_id": None, "parent_id": None, "is_domain": True}
    site.resource.create_project("default", domain | {"enabled": True, "description": ""})


def new_user(name: str) -> dict[str, Any]:
    """A user to be created."""
    return {"id": name, "name": name, "domain_id": "default", "enabled": True, "password": f"first {name}"}
