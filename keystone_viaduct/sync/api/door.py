"""Adds our API to the list of APIs from which Keystone builds its application, and what goes around the
result.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from keystone_viaduct.sync.api import options


def install(
    conf: Any,
    after_write: Callable[[], None] | None = None,
    upgrades: Callable[[], Sequence[Mapping[str, Any]]] = tuple,
) -> None:
    """Call it before Keystone builds its application; doing it twice is harmless.

    ``after_write`` is called when a change was written past Keystone's drivers; ``upgrades`` tells how far
    those of the schema are. Keystone 25 and later keep
    the list in ``keystone.server.flask.application``, 24 in ``keystone.api``.
    """
    from keystone.server.flask import application

    from keystone_viaduct.sync.api import aftermath, metrics, resources

    options.register(conf)
    aftermath.forget = after_write
    metrics.upgrades = upgrades
    holder: Any = application
    if not hasattr(holder, "__apis__"):
        import keystone.api

        holder = keystone.api
    if not any(getattr(found, "APIs", None) is resources.APIs for found in holder.__apis__):
        holder.__apis__ = (*holder.__apis__, types.SimpleNamespace(APIs=resources.APIs))


def around(application: Any, conf: Any) -> Any:
    """The WSGI application with what our API needs around it. ``conf`` is parsed by now."""
    from keystone_viaduct.clock import SystemClock
    from keystone_viaduct.sync.api import assembly, callers, frontdoor, isolation, nesting, poke

    settings = options.sync_settings(conf)
    worker = poke.PokeWorker(assembly.service, settings) if settings.poke_url else None
    callers.current = callers.Callers(settings.token_cache_time)
    door = frontdoor.FrontDoor(application, lambda: assembly.service().newest_revocation())
    sender = poke.PokeSender(door, worker)
    served = nesting.Nesting(sender, conf.oslo_middleware.max_request_body_size)
    if not settings.refuse_after:
        return served
    watch = isolation.Watch(settings.refuse_after, lambda: assembly.service().contact(), SystemClock())
    return isolation.Isolation(served, watch)
