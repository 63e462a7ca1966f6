"""Keeps the bodies of our calls from what Keystone does to every body."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any

from keystone_viaduct.sync.api.gate import INPUT, LENGTH

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
PATH = "/v3/OS-SYNC"


class BodyDoor:
    """Hides a body until the caller is known and may send it.

    Keystone would refuse it above 112 KiB (``[oslo_middleware] max_request_body_size``), insist on JSON that
    is not compressed, and parse it before anybody is authorised. Under another name nothing of Keystone
    touches it, and it is not read at all unless the policy lets the caller in.
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request."""
        if environ.get("PATH_INFO", "").startswith(PATH) and "wsgi.input" in environ:
            environ[INPUT] = environ["wsgi.input"]
            environ[LENGTH] = environ.get("CONTENT_LENGTH", "")
            environ["wsgi.input"] = io.BytesIO()
            environ["CONTENT_LENGTH"] = "0"
            environ.pop("HTTP_TRANSFER_ENCODING", None)
        return self._application(environ, start_response)
