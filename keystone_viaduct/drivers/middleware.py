"""The WSGI side of the drivers: a request begins and ends here."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from typing import Any

from keystone_viaduct.config import DriverSettings
from keystone_viaduct.drivers import counters, memo, outage

LOG = logging.getLogger(__name__)

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Started = tuple[Any, ...]

REQUEST_ID = "openstack.request_id"
"""Where oslo.middleware puts the id into the environment."""

UNAVAILABLE = "503 Service Unavailable"
_TITLE = "Service Unavailable"
_MESSAGE = (
    "The database could not serve this request. Repeat it later; a change that it was to make may have been "
    "made."
)


class RequestMemo:
    """Gives each request its memo. Goes around all of Keystone's own middleware, which reads the database
    too.
    """

    def __init__(self, application: Application, settings: DriverSettings) -> None:
        self._application = application
        self._settings = settings

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request; what the body is generated from later is no longer remembered."""
        if not self._settings.request_memo:
            return self._application(environ, start_response)
        settings = self._settings
        with memo.request(settings.request_memo_entries, settings.request_memo_kilobytes << 10) as kept:
            try:
                return self._application(environ, start_response)
            finally:
                counters.remembered(kept.hits, kept.misses)


class Unavailable:
    """Answers 503 with ``Retry-After`` where Keystone answers an error because the database did not serve.

    Keystone itself makes 500 of it, or lets the exception pass to the server, or makes 403 of it where it
    happens while a policy is enforced, which tells a client that there is no use in trying again.
    """

    def __init__(self, application: Application, settings: DriverSettings) -> None:
        self._application = application
        self._after = str(settings.retry_after)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request."""
        answer = _Held(start_response)
        with outage.noting() as noted:
            try:
                body = self._application(environ, answer.start)
            except Exception:
                if not noted.given_up:
                    raise
                LOG.exception("the database did not serve this request")
                return self._refuse(environ, start_response)
            if noted.given_up and answer.is_error():
                _close(body)
                return self._refuse(environ, start_response)
        answer.go()
        return body

    def _refuse(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = json.dumps({"error": {"code": 503, "title": _TITLE, "message": _MESSAGE}}).encode()
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Retry-After", self._after),
            ("Vary", "X-Auth-Token"),
        ]
        if REQUEST_ID in environ:
            headers.append(("x-openstack-request-id", environ[REQUEST_ID]))
        start_response(UNAVAILABLE, headers)
        return [] if environ.get("REQUEST_METHOD") == "HEAD" else [body]


class _Held:
    """Holds back the beginning of an answer until it is known whether it is to be sent."""

    def __init__(self, start_response: Callable[..., Any]) -> None:
        self._start_response = start_response
        self._held: Started | None = None
        self._through = False
        self._writer: Callable[[bytes], Any] | None = None

    def start(self, *started: Any) -> Callable[[bytes], Any]:
        """What the application is given as ``start_response``."""
        self._held = started
        if self._through:
            self.go()
        return self._write

    def is_error(self) -> bool:
        """Whether an answer has begun whose status is an error."""
        return self._held is not None and str(self._held[0])[:1] in "45"

    def go(self) -> None:
        """Let it begin, now or when the body is generated."""
        self._through = True
        held, self._held = self._held, None
        if held is not None:
            self._writer = self._start_response(*held)

    def _write(self, data: bytes) -> None:
        """The old way to send a body, before the application returns: nothing is held back then."""
        self.go()
        assert self._writer is not None  # this function is what start() returned
        self._writer(data)


def around(application: Application, settings: DriverSettings) -> Application:
    """What the drivers' settings ask for, around Keystone's whole application."""
    if settings.retry:
        application = Unavailable(application, settings)
    return RequestMemo(application, settings) if settings.request_memo else application


def _close(body: Any) -> None:
    if hasattr(body, "close"):
        body.close()
