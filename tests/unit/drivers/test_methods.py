"""The table of methods against the installed Keystone's drivers."""

from __future__ import annotations

import importlib.metadata
import inspect
from typing import Any

import pytest

from keystone_viaduct.drivers import methods
from keystone_viaduct.drivers.methods import Effect


def driver_class(namespace: str) -> Any:
    """The SQL driver of a namespace."""
    import keystone.server.backends  # noqa: F401  (resolves upstream's import cycles)

    entry_points = importlib.metadata.entry_points().select(group=namespace, name="sql")
    return next(iter(entry_points)).load()


def public_methods(namespace: str) -> list[str]:
    driver = driver_class(namespace)
    return [
        name
        for name in dir(driver)
        if not name.startswith("_") and inspect.isfunction(inspect.getattr_static(driver, name))
    ]


@pytest.mark.parametrize("namespace", sorted(methods.NAMESPACES))
def test_every_read_exists_in_the_driver(namespace: str) -> None:
    reads = methods._READS[namespace].split()
    assert sorted(set(reads) - set(dir(driver_class(namespace)))) == []


@pytest.mark.parametrize("namespace", sorted(methods.NAMESPACES))
def test_what_opens_a_writer_session_is_no_read(namespace: str) -> None:
    driver = driver_class(namespace)
    for name in public_methods(namespace):
        if methods.effect(namespace, name) is Effect.READ:
            assert "session_for_write" not in inspect.getsource(inspect.unwrap(getattr(driver, name))), name


@pytest.mark.parametrize("namespace", sorted(methods.NAMESPACES))
def test_what_only_opens_reader_sessions_is_no_write(namespace: str) -> None:
    driver = driver_class(namespace)
    known = {"read_registration"}  # asked again to learn what another process did
    for name in public_methods(namespace):
        source = inspect.getsource(inspect.unwrap(getattr(driver, name)))
        if "session_for_read" in source and "session_for_write" not in source and name not in known:
            assert methods.effect(namespace, name) is not Effect.WRITE, name


def test_private_and_configuration_methods_are_plain() -> None:
    assert methods.effect(methods.IDENTITY, "_get_list_limit") is Effect.PLAIN
    assert methods.effect(methods.IDENTITY, "generates_uuids") is Effect.PLAIN
    assert methods.effect(methods.IDENTITY, "is_domain_aware") is Effect.PLAIN
    assert methods.effect(methods.ASSIGNMENT, "default_role_driver") is Effect.PLAIN


def test_unknown_methods_count_as_writes() -> None:
    assert methods.effect(methods.IDENTITY, "reticulate") is Effect.WRITE


def test_drivers_of_users_see_each_others_writes() -> None:
    assert methods.group(methods.SHADOW_USERS) == methods.group(methods.IDENTITY)
    assert methods.group(methods.FEDERATION) == methods.group(methods.IDENTITY)
    assert methods.group(methods.ROLE) == methods.group(methods.ASSIGNMENT)
    assert methods.group(methods.CATALOG) == methods.CATALOG
