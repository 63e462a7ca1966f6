"""Runs upstream's test modules, several processes at a time, each on a database of its own.

What became of each test is kept in a folder as soon as it ends; where the caller names one, a run that was
broken off goes on from there.
"""

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
from tests.upstream.kept import Kept, names
from tests.upstream.outcomes import Outcome, summary

REPOSITORY = Path(__file__).resolve().parents[2]
KEYSTONE = metadata.version("keystone")
RELEASE = int(KEYSTONE.partition(".")[0])
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
    apart: dict[str, str] = field(default_factory=dict)
    """Tests and classes that are not of this engine; named, and not run."""
    state: Path | None = None
    """Where outcomes are kept for a later run of the same, should this one be broken off."""


@dataclass
class Result:
    """The outcomes, and what :mod:`~.tally` counted."""

    outcomes: list[Outcome] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)


def execute(run: Run) -> Result:
    """Run the suite's modules in parallel processes; each takes the next batch in turn.

    Raises :class:`~tests.support.servers.MissingServer` where the engine is not to be had.
    """
    engine = ENGINES[run.engine]
    with tempfile.TemporaryDirectory(prefix="viaduct-upstream-") as folder:
        kept = Kept(run.state or Path(folder) / "kept")
        known = kept.begin(KEYSTONE, run.engine, run.suite, run.mode, run.skips, run.apart)
        if known:
            print(f"{known} tests are known from {kept.folder}, going on", file=sys.stderr, flush=True)
        waiting: SimpleQueue[list[str]] = SimpleQueue()
        ended = kept.ended()
        for modules in suites.batches(run.suite):
            left = [name for name in modules if name not in ended]
            if left:
                waiting.put(left)
        broken: list[Outcome] = []
        with databases(engine, run.processes) as urls, ThreadPoolExecutor(run.processes) as pool:
            for found in pool.map(lambda url: _work(run, url, waiting, Path(folder), kept), urls):
                broken += found
        result = Result([*kept.outcomes().values(), *broken], kept.tally())
        if run.state is not None and not broken:
            kept.forget()
        return result


def _work(run: Run, url: str, waiting: SimpleQueue[list[str]], folder: Path, kept: Kept) -> list[Outcome]:
    """Run portions until there are none; a failure for each whose process did not come to its end."""
    broken: list[Outcome] = []
    while True:
        try:
            modules = waiting.get_nowait()
        except Empty:
            return broken
        begun = time.monotonic()
        reason = run_modules(run, url, modules, folder, kept)
        if reason is None:
            kept.end(modules)
        else:
            broken.append(Outcome(modules[0], "failed", reason))
            print(f"{modules[0]} did not come to its end: {reason[-500:]}", file=sys.stderr, flush=True)
        more = f" and {len(modules) - 1} more" if modules[1:] else ""
        there = kept.outcomes()
        found = [there[name] for name in names(there.values(), modules)]
        print(
            f"{modules[0]}{more}: {summary(found)} seconds={time.monotonic() - begun:.0f}",
            file=sys.stderr,
            flush=True,
        )


def run_modules(run: Run, url: str, modules: Sequence[str], folder: Path, kept: Kept) -> str | None:
    """Run some of upstream's modules in a process of their own; why it did not come to its end."""
    place, report = Path(tempfile.mkdtemp(dir=folder)), kept.place()
    done = place / "done.json"
    done.write_text(json.dumps(names(kept.outcomes().values(), modules)))
    options = {
        "url": url,
        "isolation_level": ENGINES[run.engine].isolation_level,
        "mode": run.mode,
        "skips": run.skips,
        "apart": run.apart,
        "done": str(done),
        "report": str(report / "report.jsonl"),
        "tally": str(report / "tally.json"),
    }
    ran = run_pytest("tests.upstream.plugin", options, modules, place)
    # a plug-in that can't be imported ends with status 1 too, but counts nothing at its end
    ended = ran.returncode in (0, 1, _NO_TESTS) and (report / "tally.json").exists()
    return None if ended else f"status {ran.returncode}\n{ran.stdout[-4000:]}{ran.stderr[-4000:]}"


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
