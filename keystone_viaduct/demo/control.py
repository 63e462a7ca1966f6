"""A socket at which the dashboard of a demo cuts, heals and slows its roads; only who owns the demo may."""

from __future__ import annotations

import json
import socketserver
import tempfile
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from keystone_viaduct.demo.wan import Link

_MOST = 1000


class RoadControl:
    """Serves ``GET /roads`` and ``PUT /roads/SITE`` at ``path`` until it is stopped.

    The path is in a folder of its own: the name of a socket has a hundred characters at most.
    """

    def __init__(self, roads: Mapping[str, Link]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="viaduct-roads-")
        self.path = Path(self._folder.name) / "socket"
        self._server = _Server(str(self.path), _Handler)
        self._server.roads = roads
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; may be called twice."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
        self._folder.cleanup()


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    roads: Mapping[str, Link]


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def address_string(self) -> str:
        return "dashboard"  # a socket has no address

    def do_GET(self) -> None:
        self._answer(200)

    def do_PUT(self) -> None:
        road = self.server.roads.get(self.path.removeprefix("/roads/"))
        wanted = self._wanted()
        if road is None or wanted is None:
            self._answer(404 if road is None else 400)
            return
        if "rtt_ms" in wanted:
            road.rtt_ms = float(wanted["rtt_ms"])
        if wanted.get("cut") is True and not road.is_cut:
            road.cut()
        elif wanted.get("cut") is False and road.is_cut:
            road.heal()
        self._answer(200)

    def _wanted(self) -> dict[str, Any] | None:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > _MOST:
            return None
        try:
            found = json.loads(self.rfile.read(int(length)))
        except ValueError:
            return None
        return found if isinstance(found, dict) else None

    def _answer(self, status: int) -> None:
        told = [
            {"site": name, "cut": road.is_cut, "rtt_ms": road.rtt_ms}
            for name, road in self.server.roads.items()
        ]
        data = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the demo's terminal is for people."""
