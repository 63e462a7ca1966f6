"""Runs Keystone's own suites on one engine, with the drivers wrapped and the request memo on.

``python -m tests.upstream.run --engine postgresql --suite drivers``. A test that fails, that is skipped
without being on the list of expected skips, or that is on the list and was not met is reported, and ends the
run with status 1. ``--baseline`` runs the same without wrapping: the difference is ours.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import yaml

from tests.support.databases import Databases
from tests.support.servers import Servers, new_run_folder
from tests.upstream import suites

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
ENGINES = {
    "sqlite": ("sqlite", None),
    "postgresql": ("postgresql", None),
    "postgresql-serializable": ("postgresql", "SERIALIZABLE"),
    "mariadb": ("mariadb", None),
}


@dataclass(frozen=True)
class Outcome:
    """What became of one test: ``passed``, ``skipped`` or ``failed``, and why."""

    name: str
    outcome: str
    reason: str


@dataclass(frozen=True)
class Run:
    """What is run: engine, suite, wrapped or not, the tests that are expected to be skipped, processes."""

    engine: str
    suite: str
    wrapped: bool
    skips: dict[str, str]
    processes: int


def expected_skips(engine: str) -> dict[str, str]:
    """Test id to reason: upstream's own skips, and what is not possible on the engine."""
    skips: dict[str, str] = {}
    for name in ("all", ENGINES[engine][0], engine):
        path = HERE / "expected" / f"{name}.yaml"
        if path.exists():
            skips.update(yaml.safe_load(path.read_text()) or {})
    return skips


@contextmanager
def databases(run: Run) -> Iterator[list[str]]:
    """URLs of one empty database per process."""
    engine = ENGINES[run.engine][0]
    if engine == "sqlite":
        yield ["sqlite://"] * run.processes
        return
    folder = new_run_folder()
    servers = Servers(folder, os.getpid())
    try:
        made = Databases(servers)
        yield [made.empty(engine) for _ in range(run.processes)]
    finally:
        servers.stop_all()


def execute(run: Run) -> list[Outcome]:
    """Run the suite's modules in parallel processes; each takes the next batch in turn."""
    with tempfile.TemporaryDirectory(prefix="viaduct-upstream-") as folder, databases(run) as urls:
        waiting: SimpleQueue[list[str]] = SimpleQueue()
        for modules in suites.batches(run.suite):
            waiting.put(modules)
        with ThreadPoolExecutor(run.processes) as pool:
            parts = pool.map(lambda url: list(_work(run, url, waiting, Path(folder))), urls)
            return [outcome for part in parts for outcome in part]


def _work(run: Run, url: str, waiting: SimpleQueue[list[str]], folder: Path) -> Iterator[Outcome]:
    while True:
        try:
            modules = waiting.get_nowait()
        except Empty:
            return
        yield from run_modules(run, url, modules, folder)


def run_modules(run: Run, url: str, modules: list[str], folder: Path) -> list[Outcome]:
    """Run some of upstream's modules in a process of their own."""
    name = modules[0].replace("/", ".")
    report, scratch = folder / f"{name}.jsonl", folder / f"{name}.tmp"
    scratch.mkdir()
    options: dict[str, Any] = {
        "url": url,
        "isolation_level": ENGINES[run.engine][1],
        "wrapped": run.wrapped,
        "skips": run.skips,
        "report": str(report),
    }
    environment = os.environ | {
        "VIADUCT_UPSTREAM": json.dumps(options),
        "KEYSTONE_TEST_TEMP_DIR": str(scratch),
        "PYTHONPATH": str(REPOSITORY),
    }
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "pytest",
        "-q",
        "--no-header",
        "-p",
        "tests.upstream.plugin",
    ]
    command += [
        "-p",
        "no:cacheprovider",
        "-p",
        "no:warnings",
        "-c",
        os.devnull,
        "--rootdir",
        str(suites.ROOT),
    ]
    done = subprocess.run(
        [*command, *(str(suites.ROOT / module) for module in modules)],
        cwd=scratch,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = report.read_text().splitlines() if report.exists() else []
    outcomes = [Outcome(line["id"], line["outcome"], line["reason"]) for line in map(json.loads, lines)]
    if done.returncode not in (0, 1, 5):
        outcomes.append(Outcome(modules[0], "failed", done.stdout[-4000:] + done.stderr[-4000:]))
    return outcomes


def differences(run: Run, outcomes: list[Outcome]) -> list[str]:
    """What is not as expected, one line per test."""
    lines = [f"FAILED {one.name}: {_brief(one.reason)}" for one in outcomes if one.outcome == "failed"]
    lines += [
        f"UNEXPECTED SKIP {one.name}: {one.reason}"
        for one in outcomes
        if one.outcome == "skipped" and one.name not in run.skips
    ]
    lines += [
        f"UNEXPECTED PASS {one.name}" for one in outcomes if one.outcome == "passed" and one.name in run.skips
    ]
    return lines


def _brief(reason: str) -> str:
    lines = [line for line in reason.splitlines() if line.startswith("E ")]
    return " ".join((lines or reason.splitlines() or [""])[-1].split())[:300]


def count(outcomes: list[Outcome], outcome: str) -> int:
    """How many tests came out so."""
    return sum(one.outcome == outcome for one in outcomes)


def main() -> int:
    """Run as the command line says; the last line is the summary."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--engine", choices=list(ENGINES), default="sqlite")
    parser.add_argument("--suite", choices=list(suites.SUITES), default="all")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--baseline", action="store_true", help="without wrapping, memo and hooks")
    parser.add_argument("--report", type=Path, help="write all outcomes there, as JSON lines")
    arguments = parser.parse_args()
    skips = expected_skips(arguments.engine)
    run = Run(arguments.engine, arguments.suite, not arguments.baseline, skips, arguments.processes)
    outcomes = execute(run)
    if arguments.report:
        arguments.report.write_text("".join(json.dumps(vars(one)) + "\n" for one in outcomes))
    found = differences(run, outcomes)
    print("\n".join(sorted(found)))
    passed, skipped, failed = (count(outcomes, name) for name in ("passed", "skipped", "failed"))
    print(f"engine={run.engine} suite={run.suite} passed={passed} skipped={skipped} failed={failed}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
