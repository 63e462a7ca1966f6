"""A site that has not heard of its hub for long issues and accepts no tokens (``[viaduct] refuse_after``).

What was revoked elsewhere since the link went down is valid here for ever, unless somebody says for how long.
"""

from __future__ import annotations

import io
import json
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from keystone_viaduct.clock import Clock
from keystone_viaduct.errors import ViaductError
from keystone_viaduct.sync.api.frontdoor import PATH, Application

LOG = logging.getLogger(__name__)
MICROSECONDS = 1_000_000
LOGIN = "/v3/auth/tokens"
#: Who asks which versions there are, or whether the process is up, shows no token and gets none.
HARMLESS = frozenset({"", "/", "/v3", "/healthcheck"})
#: Seconds for which what the database said is believed, and the share of the limit that they may be.
RELOOK, SHARE = 5.0, 0.1
#: As Keystone's own limit ([oslo_middleware] max_request_body_size).
LONGEST_BODY = 114_688
RETRY_AFTER = "10"
_SYSTEM = {"system": {"all": True}}


@dataclass(frozen=True)
class Contact:
    """What the database says. ``caught_up``: microseconds since the epoch, 0 for never yet."""

    is_hub: bool
    caught_up: int


class Watch:
    """How long ago this site last had all that the hub had. Safe to share between threads.

    ``look`` reads it, or raises ViaductError; it is asked every few seconds at most, whoever needs to know.
    """

    def __init__(
        self,
        limit: float,
        look: Callable[[], Contact],
        clock: Clock,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limit = limit
        self._look, self._clock, self._ticks = look, clock, ticks
        self._every = min(RELOOK, limit * SHARE)
        self._lock = threading.Lock()
        self._found: Contact | None = None
        self._since = 0.0
        self._looked: float | None = None

    def overdue(self) -> float | None:
        """Seconds since the site was last up to date, if that is too long; None while it may go on."""
        self._refresh()
        found = self._found
        if found is None or found.is_hub or not found.caught_up:
            return None
        age = (self._clock.now() - found.caught_up) / MICROSECONDS
        # a clock that was set back must not make it younger
        age = max(age, self._ticks() - self._since)
        return age if age > self.limit else None

    def _refresh(self) -> None:
        """Look again if it is time and no other thread is at it; before the first look all wait."""
        looked = self._looked
        if looked is not None and self._ticks() - looked < self._every:
            return
        if not self._lock.acquire(blocking=looked is None):
            return
        try:
            if self._looked == looked:
                self._take()
        finally:
            self._lock.release()

    def _take(self) -> None:
        now = self._ticks()
        try:
            found = self._look()
        except ViaductError as error:
            LOG.debug("it is not known when this site was last up to date: %s", error)
        else:
            if found != self._found:
                self._found, self._since = found, now
        self._looked = now


class Isolation:
    """WSGI middleware: answers 503 to what needs a token while the site is overdue.

    What goes on is what lets the agent end this state: its login (a password, scoped to the system) and the
    synchronisation API. No other path of Keystone takes a token then, so that one of a login scoped to the
    system is good for nothing else either.
    """

    def __init__(self, application: Application, watch: Watch) -> None:
        self._application = application
        self._watch = watch

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request."""
        path = environ.get("PATH_INFO", "")
        if path == PATH or path.startswith(f"{PATH}/") or path.rstrip("/") in HARMLESS:
            return self._application(environ, start_response)
        overdue = self._watch.overdue()
        if overdue is None or (path.rstrip("/") == LOGIN and _is_system_login(environ)):
            return self._application(environ, start_response)
        return _refuse(overdue, environ, start_response)


def _is_system_login(environ: dict[str, Any]) -> bool:
    """Whether this asks for a token of the system by a password; what was read is put back."""
    length = environ.get("CONTENT_LENGTH", "")
    if environ.get("REQUEST_METHOD") != "POST" or not length.isdigit() or int(length) > LONGEST_BODY:
        return False
    data = environ["wsgi.input"].read(int(length))
    environ["wsgi.input"] = io.BytesIO(data)
    try:
        asked = json.loads(data)["auth"]
        return bool(asked["identity"]["methods"] == ["password"] and asked["scope"] == _SYSTEM)
    except (ValueError, TypeError, KeyError, RecursionError):
        return False


def _refuse(overdue: float, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    message = (
        f"This site has not heard from its hub for {overdue:.0f} seconds. Until it has, it issues and "
        "accepts no tokens, as they may have been revoked elsewhere."
    )
    body = json.dumps({"error": {"code": 503, "title": "Service Unavailable", "message": message}}).encode()
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("Retry-After", RETRY_AFTER),
        ("Vary", "X-Auth-Token"),
    ]
    start_response("503 Service Unavailable", headers)
    return [] if environ.get("REQUEST_METHOD") == "HEAD" else [body]
