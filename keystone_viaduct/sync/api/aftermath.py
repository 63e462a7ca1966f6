"""What follows a commit that changed Keystone's tables: caches, notifications, the request's memory."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from keystone_viaduct.sync.api import cache, callers, notify
from keystone_viaduct.sync.ports import Write

LOG = logging.getLogger(__name__)

#: Called after each such commit (``drivers.forget``, set by the WSGI entry).
forget: Callable[[], None] | None = None


class Aftermath:
    """``notify``: whether notifications are sent for changes of other sites."""

    def __init__(self, *, notify: bool) -> None:
        self._notify = notify

    def __call__(self, writes: Sequence[Write], source: str) -> None:
        """The change is committed: a failure here is logged, not answered, or the caller would repeat it."""
        if forget is not None:
            forget()
        drop(writes)
        if not self._notify:
            return
        try:
            notify.send(writes, source)
        except Exception:
            LOG.exception("the notifications of replicated changes could not be sent")


def drop(writes: Sequence[Write]) -> None:
    """Drop what these make stale from the caches; a failure is logged: the entries end by themselves."""
    try:
        if cache.invalidate(writes) & {cache.TOKENS, cache.ASSIGNMENTS}:
            callers.current.clear()
    except Exception:
        LOG.exception("some of Keystone's cache entries could not be dropped; they end by themselves")
