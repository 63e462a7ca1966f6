"""A site that sends its bytes one by one is given up, in its headers as in its body."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from keystone_viaduct.errors import SiteUnavailable
from keystone_viaduct.sync.client import HttpSite, Transport
from keystone_viaduct.sync.client.transport import Timeouts

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class Dripping:
    """Sends ``at_once``, then one byte each twentieth of a second for as long as somebody listens."""

    def __init__(self, at_once: bytes, drop: bytes) -> None:
        self._door = socket.create_server(("127.0.0.1", 0))
        self._at_once, self._drop = at_once, drop
        self._stopping = threading.Event()
        self.url = f"http://127.0.0.1:{self._door.getsockname()[1]}/v3"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            connection, _ = self._door.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(self._at_once)
                while not self._stopping.wait(0.05):
                    connection.sendall(self._drop)

    def close(self) -> None:
        self._stopping.set()
        self._door.close()
        self._thread.join(10)


class Login:
    verify = True

    def __init__(self, url: str) -> None:
        self.url = url

    def token(self) -> str:
        return "t"

    def forget(self, token: str) -> None:
        raise AssertionError(token)


@pytest.fixture(params=["headers", "body", "chunks"])
def dripping(request: pytest.FixtureRequest) -> Iterator[Dripping]:
    at_once, drop = {
        "headers": (HEAD + b"X-Long: ", b"x"),
        "body": (HEAD + b"Content-Length: 1000000\r\n\r\n", b" "),
        "chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    }[request.param]
    found = Dripping(at_once, drop)
    yield found
    found.close()


def test_a_call_ends_however_slowly_its_answer_comes(dripping: Dripping) -> None:
    """Each byte comes long before the timeout of one wait, so that alone would never end the call."""
    site = HttpSite("west", Transport("west", Login(dripping.url), Timeouts(5.0, 60.0, total=1.0)))
    began = time.monotonic()
    with pytest.raises(SiteUnavailable, match=r"as a whole|timed out"):
        site.capabilities()
    assert time.monotonic() - began < 60, "the timeout of one wait"
    site.close()
