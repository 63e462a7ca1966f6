"""Requests of a real Keystone with a bridge on its ``user`` table beside one without; for ``bridges.py``.

Two databases of one server, a Keystone of the newest release on each, in a process of its own and over WSGI.
Each request goes to both, in turns; its time is that of Keystone's and of the server's processors. The bridge
is the one of ``make upgrade-demo``: ``user.enabled`` becomes ``user.status``. Its triggers are armed and the
rows filled, as long as both releases would run.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.clocks import Clock, Took, factor
from tests.support.databases import DatabaseScope
from tests.support.upgrades import site
from tests.upgrades.demo.user_status import UPGRADE

#: Those that read or write users, and one that does neither.
REQUESTS = (
    "create a user",
    "disable a user, and enable him",
    "describe a user",
    "password auth, project scope",
    "GET one's own user",
    "GET /v3/roles",
)


def load_requests() -> Any:
    """The other benchmark, which bears the name of a library."""
    place = Path(__file__).with_name("requests.py")
    spec = importlib.util.spec_from_file_location("bench_requests", place)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def measure(databases: DatabaseScope, engine: str, repetitions: int) -> float:
    """How many times the time of a plain Keystone a request takes at worst."""
    bench = load_requests()
    arguments = argparse.Namespace(clock="cpu")
    with tempfile.TemporaryDirectory(prefix="viaduct-bridged-") as name:
        variants: list[Keystone] = []
        for kind in ("plain", "bridged"):
            folder, url = Path(name) / kind, databases.empty(engine)
            folder.mkdir()
            bench.write_site(folder, url)
            if kind == "bridged":
                with site(url, *UPGRADE).runner() as runner:
                    runner.expand()
                    runner.migrate()
            made = sa.create_engine(url)
            variants.append(
                Keystone(bench.Variant(folder, "stock", "upstream", arguments), Clock(made, engine))
            )
        for request in REQUESTS:  # a Keystone and its connections are slower at first, whatever is asked
            for variant in variants * bench.WARM:
                variant.ask(request)
        factors = [_asked(engine, name, variants, repetitions, bench.WARM) for name in REQUESTS]
        for variant in variants:
            variant.process.end()
    return max(factors)


@dataclass
class Keystone:
    """The process of one, and the clock of its database."""

    process: Any
    clock: Clock

    def ask(self, name: str) -> tuple[int, Took]:
        """Send one request: its statements, and what it takes."""
        answer: list[Any] = []
        took = self.clock.timed(lambda: answer.append(self.process.ask(name)))
        statements, own = answer[0]
        # SQLite runs in the process
        server = 0.0 if self.clock.is_of_this_process else took.cpu
        return statements, Took(own / 1000 + server, took.wall)


def _asked(engine: str, name: str, variants: list[Keystone], repetitions: int, warm: int) -> float:
    """One request of both Keystones, in turns."""
    took: dict[int, list[Took]] = {0: [], 1: []}
    statements = [0, 0]
    for turn in range(repetitions + warm):
        for one in (0, 1) if turn % 2 else (1, 0):
            statements[one], found = variants[one].ask(name)
            if turn >= warm:
                took[one].append(found)
    cpu, wall = (factor(took[1], took[0], kind) for kind in ("cpu", "wall"))
    plain, bridged = (1000 * statistics.median(item.cpu for item in took[one]) for one in (0, 1))
    print(
        f"{engine:11} {name}: {statements[0]} and {statements[1]} statements, without a bridge"
        f" {plain:.1f} ms, with one {bridged:.1f} ms: {cpu:.2f} (wall {wall:.2f})",
        flush=True,
    )
    return cpu
