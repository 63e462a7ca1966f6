"""Upstream's suites with the drivers for Cassandra: those that there are, the others on SQLite in memory."""

from __future__ import annotations

import datetime
import uuid
from importlib import metadata
from typing import Any

from keystone_viaduct.cassandra.drivers import base
from keystone_viaduct.cassandra.records import Records
from keystone_viaduct.cassandra.records.cql import CqlTables
from keystone_viaduct.cassandra.records.ports import Tables
from keystone_viaduct.drivers import methods
from keystone_viaduct.testing.cassandra.memory import MemoryTables
from tests.support import cassandras
from tests.upstream import direct

MEMORY = "memory"
"""The address of tables in memory: they need no server, and say as much about the drivers."""

_sources: list[Any] = []


def ours() -> dict[str, Any]:
    """Namespace to entry point."""
    return {
        namespace: entry
        for namespace in methods.NAMESPACES
        for entry in metadata.entry_points(group=namespace, name="cassandra")
    }


def load_ours() -> None:
    """Have ``cassandra`` loaded where the tests' configuration says ``sql``."""
    from keystone.common import manager

    namespaces = ours()
    direct.instead.update({namespace: entry.load() for namespace, entry in namespaces.items()})
    original = manager.load_driver

    def load_driver(namespace: str, driver_name: str, *args: Any) -> Any:
        name = "cassandra" if driver_name == "sql" and namespace in namespaces else driver_name
        return original(namespace, name, *args)

    manager.load_driver = load_driver


def _tables(address: str) -> Tables:
    """Empty ones."""
    if address == MEMORY:
        return MemoryTables()
    if not _sources:
        _sources.append(cassandras.session(address))
    return CqlTables(_sources[0], uuid.uuid4().hex[:8])


def look_here(tests: Any) -> None:
    """Let tests that read or add users in an SQL session do so where the driver has them."""
    if tests.__name__ == "keystone.tests.unit.test_v3_identity":
        tests.UserFederatedAttributesTests._create_user_with_federated_user = _make_federated_user
    if tests.__name__ == "keystone.tests.unit.test_shadow_users":
        from keystone.identity import core
        from keystone.tests.unit.identity.shadow_users import test_backend

        test_backend.ShadowUsersBackendTests._get_user_ref = _user
        test_backend.ShadowUsersBackendTests._add_nonlocal_user = _add_nonlocal_user
        core.ShadowUsersManager._get_federated_user = _federated_user


def _user(_test: Any, user_id: str) -> Any:
    """A user as an object, with the day of his last activity."""
    from keystone_viaduct.cassandra.drivers.people import ACTIVITY, USER, USERS

    records = base.source()
    ref = USERS.thing(user_id, records.get(USER, user_id) or {})
    day = records.noted(ACTIVITY, [user_id]).get(user_id)
    ref.last_active_at = datetime.date.fromisoformat(day) if day else None
    return ref


def _federated_user(_manager: Any, idp_id: str, protocol_id: str, unique_id: str) -> Any:
    from keystone_viaduct.cassandra.drivers.people import USER, USERS

    found = base.source().named(USER, "federated", f"{idp_id}/{protocol_id}", unique_id)
    assert found is not None
    return USERS.thing(*found)


def _add_nonlocal_user(_test: Any, side: dict[str, Any]) -> None:
    """Give a user a nonlocal name, as a new record, where there is none of that id."""
    from keystone.identity.backends import sql_model

    from keystone_viaduct.cassandra.drivers.people import USER, USERS

    ref = sql_model.User.from_dict({"id": side["user_id"], "domain_id": side["domain_id"], "enabled": True})
    ref.nonlocal_user = sql_model.NonLocalUser(name=side["name"])
    base.Driver()._create(USER, side["user_id"], USERS.fields(ref))


def _make_federated_user(_test: Any, user: dict[str, Any], side: dict[str, Any]) -> dict[str, Any]:
    from keystone.identity.backends import base as identity_base
    from keystone.identity.backends import sql_model
    from oslo_utils import timeutils

    from keystone_viaduct.cassandra.drivers.people import USER, USERS

    ref = sql_model.User.from_dict(user)
    ref.created_at = timeutils.utcnow()
    ref.federated_users.append(sql_model.FederatedUser.from_dict(side))
    base.source().change(USER, user["id"], lambda _: USERS.fields(ref))
    return dict(identity_base.filter_user(ref.to_dict()))


def use(address: str, module: Any) -> None:
    """Give each test, with its database, a prefix of its own in all keys of the node at ``address``."""
    fixture = module.Database

    class Database(fixture):  # type: ignore[misc, valid-type]
        """See :mod:`~.database`."""

        def _setUp(self) -> None:
            super()._setUp()
            if self.schema.depth == 1:
                records = Records(_tables(address))
                base.source = lambda: records

    module.Database = Database
