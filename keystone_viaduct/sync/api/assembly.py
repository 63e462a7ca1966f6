"""Puts the site together from Keystone's own configuration, once per process."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keystone_viaduct import config
from keystone_viaduct.clock import SystemClock
from keystone_viaduct.documents.cipher import KeyRepositoryCipher
from keystone_viaduct.documents.codec import Codecs
from keystone_viaduct.documents.schema import reflect
from keystone_viaduct.sync.api import aftermath, metrics, options
from keystone_viaduct.sync.api.keys import KeysService
from keystone_viaduct.sync.api.publickeys import PublicKeysService
from keystone_viaduct.sync.api.service import Service, Surroundings, Written
from keystone_viaduct.sync.ports import Write
from keystone_viaduct.sync.sealing import KeyRing, key_stamp
from keystone_viaduct.sync.site.guard import Guard
from keystone_viaduct.sync.store import SqlStore, make_engine
from keystone_viaduct.sync.store.drivers import DriverSettings

_lock = threading.Lock()
_made: Made | None = None


@dataclass
class Made:
    """One process's service, and the site's keys as they were when they were read."""

    pid: int
    service: Service
    folder: str
    stamp: tuple[int, ...]

    def follow_keys(self) -> None:
        """Read the site's keys again when there are others (`viaduct renew-keys`)."""
        stamp = key_stamp(self.folder)
        if stamp != self.stamp:
            self.service.store.ring, self.stamp = KeyRing.load(self.folder), stamp


def service() -> Service:
    """This process's service. Raises SealingError, StoreError or ConfigError while something is missing."""
    global _made
    found = _made
    if found is not None and found.pid == os.getpid():
        found.follow_keys()
        return found.service
    with _lock:
        if _made is None or _made.pid != os.getpid():  # a connection must not be shared with a parent process
            _made = _make()
        return _made.service


def keys() -> KeysService:
    """This process's service for Fernet keys; as :func:`service`."""
    import keystone.conf

    return KeysService(service(), options.key_settings(keystone.conf.CONF))


def public_keys() -> PublicKeysService:
    """This process's service for public keys of JWS tokens; as :func:`service`."""
    import keystone.conf

    conf: Any = keystone.conf.CONF
    lifetime = options.key_settings(conf).lifetime
    return PublicKeysService(service(), options.jws_repository(conf), lifetime)


def reset() -> None:
    """Forget it, so that the next call looks at the configuration anew (tests)."""
    global _made
    with _lock:
        _made = None


def _make() -> Made:
    from importlib.metadata import version

    import keystone.conf

    conf: Any = keystone.conf.CONF
    settings = options.sync_settings(conf)
    stamp = key_stamp(settings.key_repository)
    ring = KeyRing.load(settings.key_repository)
    engine = make_engine(conf.database.connection, foreign_keys=config.sql_settings(conf).sqlite_foreign_keys)
    cipher = KeyRepositoryCipher(conf.credential.key_repository)
    codecs = Codecs(reflect(engine), cipher, _registered_options())
    around = Surroundings(
        release=version("keystone"),
        policies=settings.policies,
        guard=Guard(settings.mass_delete_count, settings.mass_delete_share),
        limited_changes_per_second=settings.limited_changes_per_second,
        written=_counted(aftermath.Aftermath(notify=settings.notify_replicated)),
        found=aftermath.drop,
    )
    store = SqlStore(engine, ring, codecs, drivers=DriverSettings.of(conf))
    service = Service(store, SystemClock(), around)
    return Made(os.getpid(), service, settings.key_repository, stamp)


def _counted(then: Written) -> Written:
    def written(writes: Sequence[Write], source: str) -> None:
        if source:
            metrics.written(write.ref.kind for write in writes)
        then(writes, source)

    return written


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
