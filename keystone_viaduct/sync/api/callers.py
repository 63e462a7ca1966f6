"""Remembers for a while who is behind a token, as keystonemiddleware does at every other service.

Validating a system-scoped token costs Keystone about a hundred statements, several times what a call of this
API costs itself, and the agent always comes with the same token. A remembered caller is forgotten at once
when any token was revoked here (a password changed, a user disabled or deleted …), and otherwise after
``token_cache_time``: that is how long the loss of the role admin on the system can take to count.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

MOST = 64


@dataclass(frozen=True)
class Caller:
    """``credentials`` as policies see them; ``revocations``: the newest revocation when they were checked."""

    credentials: Mapping[str, Any]
    revocations: object
    until: float


class Callers:
    """By the token's hash. ``seconds`` is the longest that one is remembered; 0 for not at all."""

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._monotonic = monotonic
        self._known: dict[bytes, Caller] = {}
        self._lock = threading.Lock()

    def find(self, token: str, revocations: object) -> Caller | None:
        """Who came with this token before, if nothing was revoked since."""
        with self._lock:
            found = self._known.get(_key(token))
        if found is None or found.revocations != revocations or found.until <= self._monotonic():
            return None
        return found

    def remember(self, token: str, credentials: Mapping[str, Any], revocations: object, left: float) -> None:
        """``left``: seconds until the token itself ends."""
        until = self._monotonic() + min(self.seconds, left)
        with self._lock:
            while len(self._known) >= MOST:
                self._known.pop(next(iter(self._known)))
            self._known[_key(token)] = Caller(dict(credentials), revocations, until)

    def clear(self) -> None:
        """Forget everybody."""
        with self._lock:
            self._known.clear()


def _key(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


#: This process's; replaced when the application is built.
current = Callers(0)
