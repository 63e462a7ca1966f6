"""What stands in front of Keystones and databases in production: HAProxy and PgBouncer, each for one test."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from keystone_viaduct.demo.leash import Leashed, Port, tail
from tests.support.held import held
from tests.support.servers import unavailable

READY_SECONDS = 30.0
_PLACES = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"


def _program(name: str) -> str:
    found = shutil.which(name, path=_PLACES)
    if found is None:
        unavailable(f"{name} was not found", f"`make servers` (as root) or `apt-get install {name}`")
    return found


def _wait(port: int, server: Leashed, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"it did not start:\n{tail(log)}") from None
            time.sleep(0.02)


@contextmanager
def pgbouncer(url: str, folder: Path, mode: str, size: int) -> Iterator[str]:
    """The URL of the same PostgreSQL database behind a pooler in this mode, with so many sessions."""
    program, parsed, port = _program("pgbouncer"), sa.engine.make_url(url), Port()
    folder.mkdir()
    ini = folder / "pgbouncer.ini"
    ini.write_text(
        f"[databases]\n{parsed.database} = host={parsed.query['host']} user={parsed.username}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port.number}\nunix_socket_dir =\n"
        f"auth_type = any\npool_mode = {mode}\ndefault_pool_size = {size}\nmax_client_conn = 200\n"
        "ignore_startup_parameters = extra_float_digits\n"
    )
    command = [program, str(ini)]
    if os.geteuid() == 0:  # which it refuses to run as: it writes no file, for it could not enter our folders
        command[1:1] = ["-u", pwd.getpwnam("nobody").pw_name]
    log = folder / "said"
    server = Leashed(held(command), env={"PATH": _PLACES}, log=log, cwd=folder)
    try:
        _wait(port.number, server, log)
        behind = parsed.set(host="127.0.0.1", port=port.number, query={})
        yield behind.render_as_string(hide_password=False)
    finally:
        server.stop()
        port.release()


@dataclass(frozen=True)
class Balanced:
    """Two ways to the same servers: each client to one of them, or each request to the next."""

    sticky: str
    spread: str


@contextmanager
def haproxy(ports: Sequence[int], folder: Path) -> Iterator[Balanced]:
    """In front of Keystones on these ports; a request that a server never saw goes to the next."""
    program, sticky, spread = _program("haproxy"), Port(), Port()
    folder.mkdir()
    servers = "\n".join(
        f"  server s{number} 127.0.0.1:{port} cookie s{number}" for number, port in enumerate(ports)
    )
    common = "  option redispatch\n  retries 3\n  retry-on conn-failure empty-response\n"
    config = folder / "haproxy.cfg"
    config.write_text(
        "defaults\n  mode http\n  timeout connect 5s\n  timeout client 120s\n  timeout server 120s\n"
        f"listen sticky\n  bind 127.0.0.1:{sticky.number}\n  balance roundrobin\n"
        f"  cookie SERVER insert indirect nocache\n{common}{servers}\n"
        f"listen spread\n  bind 127.0.0.1:{spread.number}\n  balance roundrobin\n"
        f"  option http-server-close\n{common}{servers}\n"
    )
    log = folder / "said"
    server = Leashed(held([program, "-db", "-f", str(config)]), env={"PATH": _PLACES}, log=log, cwd=folder)
    try:
        _wait(spread.number, server, log)
        yield Balanced(*(f"http://127.0.0.1:{port.number}/v3" for port in (sticky, spread)))
    finally:
        server.stop()
        sticky.release()
        spread.release()
