"""What Keystone keeps once for all threads of a process, and has to keep for each of them.

Its middleware that looks at tokens puts the token of a request into itself (``AuthContextMiddleware.token``)
and reads it again when it fills the context of the request. With two threads in a process the second request
replaces it meanwhile: an application credential is then asked for with the roles of another's token, and
policies compare with the domain of that one. Upstream servers have one thread for each process; nothing says
so, and nothing fails at the start.
"""

from __future__ import annotations

import threading
from typing import Any

_KEPT = "_viaduct_token"


class _OfThread:
    """An attribute that each thread has for itself."""

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        return getattr(instance.__dict__[_KEPT], "value", None)

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__.setdefault(_KEPT, threading.local()).value = value


def keep_tokens_apart() -> None:
    """Have each thread keep the token of the request that it serves. To be called before Keystone builds its
    application, which makes the attribute in one thread.
    """
    from keystone.server.flask.request_processing.middleware import auth_context

    auth_context.AuthContextMiddleware.token = _OfThread()
