"""Upstream's suites with the drivers for Cassandra: those that there are, the others on SQLite in memory."""

from __future__ import annotations

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
