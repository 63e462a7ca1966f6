"""A limited site's door: what comes in goes on to its Keystone, unless a trick answers instead."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

#: Headers of one connection, not of what is carried.
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host"})


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    data: bytes


@dataclass
class Told:
    """An answer; ``encoding`` stands among the headers."""

    status: int
    headers: dict[str, str]
    data: bytes


Handler = http.server.BaseHTTPRequestHandler
#: Answers a request by itself (gives None), or gives what is to be said.
Trick = Callable[[Asked, Callable[[], Told], Handler], Told | None]


def honest(asked: Asked, ask: Callable[[], Told], handler: Handler) -> Told | None:
    """What the site's Keystone says."""
    return ask()


class Door(http.server.ThreadingHTTPServer):
    """Leads to ``target`` (a Keystone's URL with ``/v3``); ``choose`` says which trick a request gets."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, target: str, choose: Callable[[Asked], Trick], port: int = 0) -> None:
        parts = urlsplit(target)
        self._target = f"{parts.scheme}://{parts.netloc}"
        self.choose = choose
        self._client = httpx.Client(timeout=60, trust_env=False)
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def url(self) -> str:
        """Where those who ask the site come in."""
        return f"http://127.0.0.1:{self.server_address[1]}/v3"

    def start(self) -> None:
        """Open, in a thread of its own."""
        threading.Thread(target=self.serve_forever, args=(0.1,), name="door", daemon=True).start()

    def stop(self) -> None:
        """Close."""
        self.shutdown()
        self.server_close()
        self._client.close()

    def ask(self, asked: Asked) -> Told:
        """What the site's Keystone answers, its body as it was transferred."""
        headers = {name: value for name, value in asked.headers.items() if name.lower() not in _HOP}
        request = self._client.build_request(
            asked.method, self._target + asked.path, headers=headers, content=asked.data or None
        )
        answer = self._client.send(request, stream=True)
        try:
            data = b"".join(answer.iter_raw())
        finally:
            answer.close()
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP}
        return Told(answer.status_code, kept, data)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Door

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        asked = Asked(self.command, self.path, dict(self.headers), self.rfile.read(length))
        try:
            told = self.server.choose(asked)(asked, lambda: self.server.ask(asked), self)
            if told is not None:
                say(self, told)
        except (OSError, httpx.HTTPError):
            self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _serve

    def log_message(self, *_: Any) -> None:
        """Nothing."""


def say(handler: Handler, told: Told) -> None:
    """Answer."""
    handler.send_response(told.status)
    for name, value in told.headers.items():
        if name.lower() not in ("server", "date"):
            handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(told.data)))
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(told.data)
