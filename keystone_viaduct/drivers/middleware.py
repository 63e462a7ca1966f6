"""The WSGI side of the memo: a request begins and ends here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from keystone_viaduct.config import DriverSettings
from keystone_viaduct.drivers import memo

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


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
        with memo.request(self._settings.request_memo_entries, self._settings.request_memo_kilobytes << 10):
            return self._application(environ, start_response)
