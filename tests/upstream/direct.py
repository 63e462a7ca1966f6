"""Brings in line the tests of upstream that make their drivers themselves, past Keystone's loader.

Their drivers are wrapped like loaded ones; and the identity driver's tests, which have databases of their own
(of oslo.db, with the account of upstream's CI on real servers), get the run's database.
"""

from __future__ import annotations

import functools
from importlib import metadata
from types import ModuleType
from typing import Any

from keystone_viaduct import drivers
from keystone_viaduct.config import DriverSettings
from keystone_viaduct.drivers import methods

IDENTITY_TESTS = "keystone.tests.unit.identity.backends.test_sql"


instead: dict[str, Any] = {}
"""Namespace to the class of the driver that is tested in place of the SQL driver."""


class Wrapping:
    """Stands in for a module of SQL drivers: what is made from its driver classes is wrapped."""

    def __init__(self, module: ModuleType, namespaces: dict[str, str]) -> None:
        self._module = module
        self._namespaces = namespaces

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._module, name)
        namespace = self._namespaces.get(name)
        return value if namespace is None else functools.partial(_made, value, namespace)


def _made(driver_class: Any, namespace: str, *args: Any, **kwargs: Any) -> Any:
    driver_class = instead.get(namespace, driver_class)
    return drivers.wrap(driver_class(*args, **kwargs), namespace, DriverSettings())


@functools.cache
def sql_drivers() -> dict[str, dict[str, str]]:
    """Module to class to namespace, of Keystone's SQL drivers."""
    found: dict[str, dict[str, str]] = {}
    for namespace in methods.NAMESPACES:
        for entry in metadata.entry_points(group=namespace, name="sql"):
            found.setdefault(entry.module, {})[entry.attr] = namespace
    return found


def wrap_drivers(tests: ModuleType) -> None:
    """Wrap what the tests of a module make from the driver modules that they have imported."""
    for name, value in list(vars(tests).items()):
        if isinstance(value, ModuleType) and value.__name__ in sql_drivers():
            setattr(tests, name, Wrapping(value, sql_drivers()[value.__name__]))


def use_our_database(tests: ModuleType) -> None:
    """Put our database under the identity driver's tests."""
    if tests.__name__ != IDENTITY_TESTS:
        return
    module: Any = tests

    def set_up(self: Any) -> None:
        super(module.db_fixtures.OpportunisticDBTestMixin, self).setUp()
        self.useFixture(module.database.Database())
        self.driver = module.sql_backend.Identity()

    module.TestIdentityDriver.setUp = set_up
