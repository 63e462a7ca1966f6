"""Receives the calls of our API before Keystone does, and keeps them from what it does to every call."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterable
from typing import Any

from keystone_viaduct.errors import ViaductError
from keystone_viaduct.sync.api import callers

LOG = logging.getLogger(__name__)
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
PATH = "/v3/OS-SYNC"
#: Names in the WSGI environment; no header of a request can set them.
INPUT, LENGTH = "viaduct.input", "viaduct.length"
CALLER, REVOCATIONS = "viaduct.caller", "viaduct.revocations"
_TOKEN = "HTTP_X_AUTH_TOKEN"


class FrontDoor:
    """WSGI middleware. Hides a body until the caller is known and may send it, and a token that is known
    already.

    Keystone would refuse a body above 112 KiB (``[oslo_middleware] max_request_body_size``), insist on JSON
    that is not compressed, and parse it before anybody is authorised. Under another name nothing of Keystone
    touches it, and it is not read at all unless the policy lets the caller in. ``newest`` gives the newest
    revocation.
    """

    def __init__(self, application: Application, newest: Callable[[], object]) -> None:
        self._application = application
        self._newest = newest

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request."""
        if environ.get("PATH_INFO", "").startswith(PATH):
            _hide_body(environ)
            if callers.current.seconds > 0 and environ.get(_TOKEN):
                self._recognise(environ)
        return self._application(environ, start_response)

    def _recognise(self, environ: dict[str, Any]) -> None:
        """Asked before the token is validated, so that a revocation in between is not missed."""
        try:
            newest = self._newest()
        except ViaductError as error:
            LOG.debug("callers are not remembered: %s", error)
            return
        environ[REVOCATIONS] = newest
        found = callers.current.find(environ[_TOKEN], newest)
        if found is not None:
            environ[CALLER] = found
            del environ[_TOKEN]


def _hide_body(environ: dict[str, Any]) -> None:
    if "wsgi.input" in environ:
        environ[INPUT] = environ["wsgi.input"]
        environ[LENGTH] = environ.get("CONTENT_LENGTH", "")
        environ["wsgi.input"] = io.BytesIO()
        environ["CONTENT_LENGTH"] = "0"
        environ.pop("HTTP_TRANSFER_ENCODING", None)
