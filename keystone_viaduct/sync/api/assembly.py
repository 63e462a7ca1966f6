"""Puts the site together from Keystone's own configuration, once per process."""

from __future__ import annotations

import os
import threading
from typing import Any

from keystone_viaduct.clock import SystemClock
from keystone_viaduct.documents.cipher import KeyRepositoryCipher
from keystone_viaduct.documents.codec import Codecs
from keystone_viaduct.documents.schema import reflect
from keystone_viaduct.sync.api import aftermath, options
from keystone_viaduct.sync.api.keys import KeysService
from keystone_viaduct.sync.api.service import Service, Surroundings
from keystone_viaduct.sync.sealing import KeyRing, key_stamp
from keystone_viaduct.sync.site.guard import Guard
from keystone_viaduct.sync.store import SqlStore, make_engine

_lock = threading.Lock()
_made: tuple[int, Service] | None = None
_stamp: tuple[int, ...] = ()


def service() -> Service:
    """This process's service. Raises SealingError, StoreError or ConfigError while something is missing."""
    global _made
    found = _made
    if found is not None and found[0] == os.getpid():
        _follow_keys(found[1])
        return found[1]
    with _lock:
        if _made is None or _made[0] != os.getpid():  # a connection must not be shared with a parent process
            _made = (os.getpid(), _make())
        return _made[1]


def keys() -> KeysService:
    """This process's service for Fernet keys; as :func:`service`."""
    import keystone.conf

    return KeysService(service(), options.key_settings(keystone.conf.CONF))


def reset() -> None:
    """Forget it, so that the next call looks at the configuration anew (tests)."""
    global _made
    with _lock:
        _made = None


def _follow_keys(made: Service) -> None:
    """Read the site's keys again when there are others (`viaduct renew-keys`)."""
    global _stamp
    import keystone.conf

    folder = options.sync_settings(keystone.conf.CONF).key_repository
    stamp = key_stamp(folder)
    if stamp != _stamp:
        made.store.ring, _stamp = KeyRing.load(folder), stamp


def _make() -> Service:
    from importlib.metadata import version

    import keystone.conf

    conf: Any = keystone.conf.CONF
    settings = options.sync_settings(conf)
    ring = KeyRing.load(settings.key_repository)
    engine = make_engine(conf.database.connection)
    cipher = KeyRepositoryCipher(conf.credential.key_repository)
    codecs = Codecs(reflect(engine), cipher, _registered_options())
    around = Surroundings(
        release=version("keystone"),
        policies=settings.policies,
        guard=Guard(settings.mass_delete_count, settings.mass_delete_share),
        written=aftermath.Aftermath(notify=settings.notify_replicated),
    )
    return Service(SqlStore(engine, ring, codecs), SystemClock(), around)


def _registered_options() -> dict[str, frozenset[str]]:
    """The resource options that this Keystone knows, per kind.

    With each change of a user, project or role Keystone deletes the options that it does not know
    (``keystone/common/resource_options/core.py``, ``resource_options_ref_to_mapper``).
    """
    from keystone.assignment.role_backends import resource_options as roles
    from keystone.identity.backends import resource_options as users
    from keystone.resource.backends import resource_options as projects

    projects_know = frozenset(projects.PROJECT_OPTIONS_REGISTRY.option_ids)
    return {
        "user": frozenset(users.USER_OPTIONS_REGISTRY.option_ids),
        "role": frozenset(roles.ROLE_OPTIONS_REGISTRY.option_ids),
        "project": projects_know,
        "domain": projects_know,
    }
