"""An HTTP server with a bound on its connections, in all and from one address: each has a thread."""

from __future__ import annotations

import contextlib
import logging
import socket
import sys
import threading
from http.server import ThreadingHTTPServer
from typing import Any

LOG = logging.getLogger(__name__)
#: Each worker process of a site's Keystone keeps one connection open for two minutes after a poke.
CONNECTIONS = 1024
FROM_ONE = 256
_FULL = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class BoundedServer(ThreadingHTTPServer):
    """Answers 429 to a connection beyond the bound, without reading from it, and closes it."""

    daemon_threads = True
    block_on_close = False
    connections = CONNECTIONS
    from_one = FROM_ONE

    def __init__(self, *arguments: Any) -> None:
        self._open: dict[Any, str] = {}  # connections, and the addresses that they come from
        self._counting = threading.Lock()
        super().__init__(*arguments)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether there is room for it."""
        host = str(client_address[0])
        with self._counting:
            if len(self._open) < self.connections and [*self._open.values()].count(host) < self.from_one:
                self._open[request] = host
                return True
        with contextlib.suppress(OSError):
            request.send(_FULL, socket.MSG_DONTWAIT)
        return False

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve it in a thread of its own."""
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._leave(request)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """What that thread does."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._leave(request)

    def server_close(self) -> None:
        """Listen no more, and end the connections that are kept open: who has one would go on being served,
        in the name of an agent that has ended, and would not come to the next one.
        """
        super().server_close()
        with self._counting:
            for connection in self._open:
                with contextlib.suppress(OSError):  # its thread reads the end, closes it and ends itself
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever hangs up in the middle fills no log; a fault of our own is named there."""
        if isinstance(sys.exception(), OSError):
            LOG.debug("%s hung up: %r", client_address[0], sys.exception())
        else:
            LOG.exception("a request of %s", client_address[0])

    def _leave(self, request: Any) -> None:
        with self._counting:
            self._open.pop(request, None)
