"""Puts the wrapping around every database driver that Keystone loads.

Keystone loads its drivers through ``keystone.common.manager.load_driver`` (per-domain identity drivers too),
looked up at each call; the wrapped drivers come from a function put in its place before Keystone loads its
backends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keystone_viaduct import config
from keystone_viaduct.drivers import methods
from keystone_viaduct.drivers.proxy import DriverProxy

Load = Callable[..., Any]

_original: Load | None = None


def install(conf: Any = None) -> None:
    """Wrap the drivers that are loaded from now on; doing it twice is harmless.

    ``conf``: Keystone's ``CONF`` (the default), which need not be parsed yet: options are read at each load.
    """
    global _original
    from keystone.common import manager

    if _original is not None:
        return
    conf = _configuration(conf)
    config.register(conf)
    original = _original = manager.load_driver

    def load_driver(namespace: str, driver_name: str, *args: Any) -> Any:
        return wrap(original(namespace, driver_name, *args), namespace, config.driver_settings(conf))

    manager.load_driver = load_driver


def uninstall() -> None:
    """Load drivers plainly again; those that are loaded stay as they are."""
    global _original
    from keystone.common import manager

    if _original is not None:
        manager.load_driver = _original
        _original = None


def wrap(driver: Any, namespace: str, settings: config.DriverSettings) -> Any:
    """``driver`` with the wrapping around it, if its namespace holds database state and anything is switched
    on.
    """
    if namespace not in methods.NAMESPACES or not (settings.retry or settings.request_memo):
        return driver
    return DriverProxy(driver, namespace, settings)


def _configuration(conf: Any) -> Any:
    if conf is not None:
        return conf
    import keystone.conf

    return keystone.conf.CONF
