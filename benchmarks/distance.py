"""Time of requests over a database that is 5 ms and 50 ms away: stock Keystone against ours.

One command: ``python benchmarks/distance.py``. It starts PostgreSQL and MariaDB of its own (as the tests do),
sets a Keystone up on each, and then measures the requests of ``benchmarks/requests.py`` through a relay that
delays every message by half of the round trip in each direction. Wall time, one client, stock ``[cache]``
settings.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

ROOT = Path(__file__).resolve().parent.parent
sys.path[:] = [str(ROOT)] + [place for place in sys.path if Path(place).resolve() != ROOT / "benchmarks"]

from tests.support.databases import Databases  # noqa: E402
from tests.support.servers import Server, Servers, new_run_folder  # noqa: E402

SOCKETS = {"postgresql": ".s.PGSQL.5432", "mariadb": "s"}


def load_requests() -> Any:
    """The other benchmark, which bears the name of a library."""
    spec = importlib.util.spec_from_file_location("bench_requests", ROOT / "benchmarks" / "requests.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Write what is read, each piece ``delay`` seconds later."""
    loop = asyncio.get_running_loop()
    while piece := await reader.read(1 << 16):
        loop.call_later(delay, writer.write, piece)
    loop.call_later(delay, writer.close)


async def relay(near: Path, far: Path, delay: float) -> None:
    """Accept at the socket ``near`` and carry to the socket ``far``, for ever."""

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(far)
        await asyncio.gather(carry(reader, far_writer, delay), carry(far_reader, writer, delay))

    server = await asyncio.start_unix_server(accepted, near)
    async with server:
        await server.serve_forever()


@contextmanager
def away(near: Path, far: Path, round_trip: float) -> Iterator[None]:
    """A relay in a thread of its own, while the block runs."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(relay(near, far, round_trip / 2))

    def serve() -> None:
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            return

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()
        near.unlink(missing_ok=True)


def measure(bench: Any, server: Server, database: str, arguments: argparse.Namespace) -> None:
    """Print a table for each distance to one engine."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bench.write_site(folder, server.url(database))
        real = Path(next(value for key, value in server.query.items() if key in ("host", "unix_socket")))
        far = real / SOCKETS["postgresql"] if server.name == "postgresql" else real
        bench.WRAPPINGS = ("upstream", "memo on")
        print(f"\n{server.name}: statements, milliseconds (median), factor")
        for milliseconds in arguments.rtt:
            near = folder / SOCKETS[server.name]
            place = str(folder) if server.name == "postgresql" else str(near)
            text = (folder / "base.conf").read_text().replace(str(real), place)
            (folder / "base.conf").write_text(text)
            bench.CAPTIONS["stock"] = f"{milliseconds} ms away"
            with away(near, far, milliseconds / 1000):
                print(f"\n{bench.table('stock', bench.measure(folder, 'stock', arguments))}", flush=True)
            (folder / "base.conf").write_text(text.replace(place, str(real)))


def main() -> None:
    """Measure both engines."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--engine", action="append", choices=list(SOCKETS), help="default: both")
    parser.add_argument("--rtt", type=int, action="append", help="milliseconds; default: 5 and 50")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--request", action="append", help="only these, by name")
    arguments = parser.parse_args()
    arguments.clock = "wall"
    arguments.rtt = arguments.rtt or [5, 50]
    servers = Servers(new_run_folder(), os.getpid())
    try:
        for engine in arguments.engine or list(SOCKETS):
            database = make_url(Databases(servers).empty(engine)).database
            measure(load_requests(), servers.get(engine), str(database), arguments)
    finally:
        servers.stop_all()


if __name__ == "__main__":
    main()
