"""Runs upstream's test modules, several processes at a time, each on a database of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from queue import Empty, SimpleQueue

from tests.upstream import suites
from tests.upstream.engines import ENGINES, databases
from tests.upstream.outcomes import Outcome, summary

REPOSITORY = Path(__file__).resolve().parents[2]
RELEASE = int(metadata.version("keystone").partition(".")[0])
"""Keystone's release in this environment."""

MODULES_TIMEOUT = 3600.0
_NO_TESTS = 5


@dataclass(frozen=True)
class Run:
    """What is run. ``mode`` is one of

    ``wrapped``: our database under the tests, with the drivers wrapped, memo and engine hooks on;
    ``remembering``: the same, with one memo for a whole test;
    ``unwrapped``: the same database, nothing of ours around Keystone;
    ``stock``: upstream's own fixtures, which make a new SQLite database in memory for each test.
    """

    engine: str
    suite: str
    mode: str = "wrapped"
    skips: dict[str, str] = field(default_factory=dict)
    processes: int = 2


@dataclass
class Result:
    """The outcomes, and what :mod:`~.tally` counted."""

    outcomes: list[Outcome] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)

    def add(self, other: Result) -> None:
        """Take in another process's."""
        self.outcomes += other.outcomes
        self.tally += other.tally


def execute(run: Run) -> Result:
    """Run the suite's modules in parallel processes; each takes the next batch in turn.

    Raises :class:`~tests.support.servers.MissingServer` where the engine is not to be had.
    """
    engine = ENGINES[run.engine]
    with tempfile.TemporaryDirectory(prefix="viaduct-upstream-") as folder:
        waiting: SimpleQueue[list[str]] = SimpleQueue()
        for modules in suites.batches(run.suite):
            waiting.put(modules)
        result = Result()
        with databases(engine, run.processes) as urls, ThreadPoolExecutor(run.processes) as pool:
            for part in pool.map(lambda url: _work(run, url, waiting, Path(folder)), urls):
                result.add(part)
        return result


def _work(run: Run, url: str, waiting: SimpleQueue[list[str]], folder: Path) -> Result:
    result = Result()
    while True:
        try:
            modules = waiting.get_nowait()
        except Empty:
            return result
        begun = time.monotonic()
        part = run_modules(run, url, modules, folder)
        result.add(part)
        more = f" and {len(modules) - 1} more" if modules[1:] else ""
        print(
            f"{modules[0]}{more}: {summary(part.outcomes)} seconds={time.monotonic() - begun:.0f}",
            file=sys.stderr,
            flush=True,
        )


def run_modules(run: Run, url: str, modules: Sequence[str], folder: Path) -> Result:
    """Run some of upstream's modules in a process of their own."""
    place = Path(tempfile.mkdtemp(dir=folder))
    report, tally = place / "report.jsonl", place / "tally.json"
    options = {
        "url": url,
        "isolation_level": ENGINES[run.engine].isolation_level,
        "mode": run.mode,
        "skips": run.skips,
        "report": str(report),
        "tally": str(tally),
    }
    done = run_pytest("tests.upstream.plugin", options, modules, place)
    outcomes = read_report(report)
    if done.returncode not in (0, 1, _NO_TESTS):
        outcomes.append(Outcome(modules[0], "failed", done.stdout[-4000:] + done.stderr[-4000:]))
    return Result(outcomes, Counter(json.loads(tally.read_text()) if tally.exists() else {}))


def run_pytest(
    plugin: str, options: Mapping[str, object], tests: Sequence[str], place: Path
) -> subprocess.CompletedProcess[str]:
    """Run tests (named below ``keystone/tests``) under one of our plug-ins, writing below ``place`` alone."""
    environment = os.environ | {
        "VIADUCT_UPSTREAM": json.dumps(options),
        "KEYSTONE_TEST_TEMP_DIR": str(place),
        "PYTHONPATH": str(REPOSITORY),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # of ours and others': each costs every process its import
    }
    flags = [
        "-q",
        "--no-header",
        "--assert=plain",
        "-p",
        plugin,
        "-p",
        "no:cacheprovider",
        "-p",
        "no:warnings",
    ]
    flags += ["-c", os.devnull, "--rootdir", str(suites.ROOT)]
    try:
        return subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "pytest", *flags, *(str(suites.ROOT / t) for t in tests)],
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=MODULES_TIMEOUT,
        )
    except subprocess.TimeoutExpired as error:
        return subprocess.CompletedProcess(error.cmd, -1, "", f"not done after {MODULES_TIMEOUT:.0f} s")


def read_report(path: Path) -> list[Outcome]:
    """What a plug-in wrote down."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [Outcome(line["id"], line["outcome"], line["reason"]) for line in map(json.loads, lines)]
