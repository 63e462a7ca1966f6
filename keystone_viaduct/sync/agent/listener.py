"""The agent's small HTTP door: pokes come in, status and metrics go out."""

from __future__ import annotations

import ipaddress
import json
import logging
import math
import re
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any

from keystone_viaduct.errors import ConfigError, TooFast, ViaductError
from keystone_viaduct.sync.agent.agent import Agent
from keystone_viaduct.sync.agent.bounded import BoundedServer
from keystone_viaduct.sync.agent.metrics import metrics
from keystone_viaduct.sync.agent.status import snapshot
from keystone_viaduct.sync.wire import limits, poke, requestid

LOG = logging.getLogger(__name__)
IDLE = 120.0
_NUMBER = re.compile("[0-9]{1,19}")


class Listener:
    """Serves ``POST /poke``, ``GET /status``, ``GET /metrics``, ``GET /healthz``, ``GET /readyz``.

    ``present`` gives the agent that works now. ``open_status``: whether other machines may ask for status and
    metrics, which name all sites and what is wrong with them.
    """

    def __init__(
        self, present: Callable[[], Agent], address: tuple[str, int], *, open_status: bool = False
    ) -> None:
        try:
            self._server = _Server(address, present)
            self._server.open_status = open_status
        except OSError as error:
            host, port = address
            raise ConfigError(
                f"the agent can't listen on {host}:{port}: {error.strerror}",
                hint="set agent.listen in viaduct.yaml, or stop who has the port",
            ) from error
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, port = self._server.server_address[:2]
        return str(host), int(port)

    def start(self) -> None:
        """Begin to serve."""
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="listener", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Close the door."""
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


def ready(agent: Agent) -> tuple[int, bytes]:
    """200 while this agent works, or stands by for another one; 503 while it can do neither."""
    fit = agent.lease.holding or agent.lease.stands_by
    state = "works" if agent.lease.holding else "stands by" if fit else "has no lease yet"
    return 200 if fit else 503, json.dumps({"ready": fit, "state": state}).encode()


class _Server(BoundedServer):
    open_status = False

    def __init__(self, address: tuple[str, int], present: Callable[[], Agent]) -> None:
        self.present = present
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE
    server: _Server

    def do_GET(self) -> None:
        agent = self.server.present()
        if self.path in ("/status", "/metrics") and not (self.server.open_status or self._is_local()):
            self._refuse(403, f"{self.path} is for this machine only: set agent.open_status to open it")
        elif self.path == "/status":
            self._answer(200, json.dumps(snapshot(agent)).encode())
        elif self.path == "/metrics":
            self._answer(200, metrics(agent), "text/plain; version=0.0.4; charset=utf-8")
        elif self.path == "/healthz":
            self._answer(200, b"{}")
        elif self.path == "/readyz":
            self._answer(*ready(agent))
        else:
            self._refuse(404, "nothing here: try /status, /metrics, /healthz or /readyz")

    def _is_local(self) -> bool:
        """Whether who asks is on this machine."""
        address = ipaddress.ip_address(str(self.client_address[0]).partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None)
        return (mapped or address).is_loopback

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not _NUMBER.fullmatch(length) or int(length) > limits.POKE:
            self.close_connection = True
            self._refuse(413, f"a poke has at most {limits.POKE} bytes")
            return
        data = self.rfile.read(int(length))
        if self.path != "/poke":
            self._refuse(404, "nothing here: pokes go to /poke")
            return
        self._poke(data)

    def _poke(self, data: bytes) -> None:
        head = self.headers.get(poke.HEAD, "")
        names = (poke.SIGNATURE, poke.PROOF, poke.PACKED)
        signature, proof, packed = (self.headers.get(name, "") for name in names)
        if not _NUMBER.fullmatch(head):
            self._refuse(400, f"{poke.HEAD} is no number")
            return
        cause = requestid.checked(self.headers.get(requestid.HEADER, ""))
        told = poke.Poke(self.headers.get(poke.SITE, ""), int(head), data, signature, proof, packed, cause)
        try:
            genuine = self.server.present().poked(told)
        except ViaductError as error:
            self._refuse(error.status, str(error), error.wait if isinstance(error, TooFast) else None)
            return
        if genuine:
            self._answer(202, b"{}")
        else:
            self._refuse(401, "the signature is not that of this fleet")

    def _refuse(self, status: int, message: str, wait: float | None = None) -> None:
        later = {} if wait is None else {"Retry-After": str(max(1, math.ceil(wait)))}
        self._answer(
            status, json.dumps({"error": {"code": status, "message": message}}).encode(), headers=later
        )

    def _answer(
        self,
        status: int,
        data: bytes,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        LOG.debug("%s %s", self.address_string(), format % args)
