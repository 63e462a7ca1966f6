"""The first process of the cluster's process namespace: it routes packets, and runs the servers.

    unshare --pid --fork --mount-proc --kill-child python -m …galera.world FOLDER SITES

Orders come as JSON lines on standard input and are answered in order on standard output. At the end of the
input, because the owner has ended in whatever way, it removes FOLDER; and when the first process of a process
namespace ends, the kernel ends all others.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keystone_viaduct.testing.galera.node import address
from keystone_viaduct.testing.wan import Place, Roads, Router, make_place

_LONGEST_WAIT = 0.5


class World:
    """The servers of one cluster, and the roads between them."""

    def __init__(self, folder: Path, places: dict[int, Place]) -> None:
        self._folder = folder
        self._places = places
        self._roads = Roads(len(places))
        self._router = Router(places, self._roads)
        self._servers: dict[int, subprocess.Popen[bytes]] = {}
        self._orders: dict[str, Callable[..., Any]] = {
            "start": self.start,
            "signal": self.signal,
            "cut": self._roads.cut,
            "delay": self._roads.set_delay,
            "running": self.running,
            "roads": self.roads,
        }

    def serve(self, orders: int, answers: int) -> None:
        """Route, and follow the orders of one descriptor, until its other end is closed."""
        rest = b""
        while True:
            self._bury()
            if not self._router.step(orders, _LONGEST_WAIT):
                continue
            read = os.read(orders, 1 << 16)
            if not read:
                return
            *lines, rest = (rest + read).split(b"\n")
            for line in lines:
                os.write(answers, json.dumps(self._answer(line)).encode() + b"\n")

    def _answer(self, line: bytes) -> dict[str, Any]:
        order = json.loads(line)
        try:
            return {"answer": self._orders[order.pop("do")](**order)}
        except (KeyError, TypeError, ValueError, OSError) as error:
            return {"error": f"{type(error).__name__}: {error}"}

    def start(self, site: int, arguments: list[str]) -> None:
        """Start the server of a site; ``arguments`` are added to its command line."""
        own, place = self._folder / str(site), self._places[site]
        command = [*place.entering(), "mariadbd", f"--defaults-file={own}/my.cnf", *arguments]
        with (own / "log").open("ab") as log:
            self._servers[site] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[place.namespace], cwd="/"
            )

    def signal(self, site: int, number: int) -> None:
        """Send a signal to the server of a site, if it runs."""
        if site in self._servers:
            self._servers[site].send_signal(number)

    def running(self) -> list[int]:
        """The sites whose servers run."""
        return [site for site, server in self._servers.items() if server.poll() is None]

    def roads(self) -> list[dict[str, Any]]:
        """What the roads have carried."""
        return [
            {"from": source, "to": target, **vars(self._roads[source, target])}
            for source in self._places
            for target in self._places
            if source != target
        ]

    def _bury(self) -> None:
        """Take note of ended processes: a state transfer leaves some to the first process."""
        self.running()
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None or ended.si_pid in {server.pid for server in self._servers.values()}:
                return
            os.waitpid(ended.si_pid, 0)

    def end(self) -> None:
        """End all servers at once."""
        for server in self._servers.values():
            server.kill()
        for server in self._servers.values():
            server.wait()


def main(arguments: list[str]) -> None:
    """Make the places, say so, and serve until the owner's end."""
    folder, sites = Path(arguments[0]), int(arguments[1])
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        world = World(folder, {site: make_place(address(site)) for site in range(1, sites + 1)})
        try:
            print(json.dumps({"answer": "ready"}), flush=True)
            world.serve(sys.stdin.fileno(), sys.stdout.fileno())
        finally:
            world.end()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
