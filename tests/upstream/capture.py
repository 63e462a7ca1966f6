"""Runs suites of Keystone as they are, and again with capture installed and our WSGI entry's wrapping.

``python -m tests.upstream.capture``. Every test must come out the same both ways, and marks must have been
written: a capture that captures nothing proves nothing. Exits with status 1 otherwise. Databases are those
that upstream's own fixtures make (SQLite in memory, a new one for each test).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.upstream import suites
from tests.upstream.run import REPOSITORY, Outcome, count

SUITES: dict[str, tuple[tuple[str, ...], ...]] = {
    "all": (("unit/test_v3_identity.py",), ("unit/test_backend_sql.py",)),
    "share": (
        (
            "unit/test_backend_sql.py::SqlTrust",
            "unit/test_v3_identity.py::UserSelfServiceChangingPasswordsTestCase",
        ),
    ),
}
"""Modules, or classes of one, in the portions that one process runs."""


@dataclass(frozen=True)
class Job:
    """Tests for one process, with capture or without."""

    tests: tuple[str, ...]
    captured: bool


@dataclass
class Result:
    """What one side saw: the outcomes, and with capture the databases, their triggers and marks by kind."""

    outcomes: list[Outcome] = field(default_factory=list)
    databases: int = 0
    triggers: set[int] = field(default_factory=set)
    marks: Counter[str] = field(default_factory=Counter)

    def add(self, other: Result) -> None:
        """Take in another process's."""
        self.outcomes += other.outcomes
        self.databases += other.databases
        self.triggers |= other.triggers
        self.marks += other.marks


def compare(portions: Sequence[tuple[str, ...]], processes: int) -> tuple[Result, Result]:
    """Run them plainly and captured; both results, in this order."""
    jobs = [Job(tests, captured) for tests in portions for captured in (True, False)]
    plain, captured = Result(), Result()
    with (
        tempfile.TemporaryDirectory(prefix="viaduct-upstream-") as folder,
        ThreadPoolExecutor(processes) as pool,
    ):
        for job, result in zip(jobs, pool.map(lambda job: run(job, Path(folder)), jobs), strict=True):
            (captured if job.captured else plain).add(result)
    return plain, captured


def run(job: Job, folder: Path) -> Result:
    """Run one job in a process of its own; one that can't run is a failed test of the job's name."""
    place = Path(tempfile.mkdtemp(dir=folder))
    report, tally = place / "report.jsonl", place / "tally.json"
    options = {"captured": job.captured, "skips": {}, "report": str(report), "tally": str(tally)}
    environment = os.environ | {
        "VIADUCT_UPSTREAM": json.dumps(options),
        "KEYSTONE_TEST_TEMP_DIR": str(place),
        "PYTHONPATH": str(REPOSITORY),
    }
    flags = ["-q", "--no-header", "-p", "tests.upstream.captured", "-p", "no:cacheprovider"]
    flags += ["-p", "no:warnings", "-c", os.devnull, "--rootdir", str(suites.ROOT)]
    tests = [str(suites.ROOT / each) for each in job.tests]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "pytest", *flags, *tests],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = report.read_text().splitlines() if report.exists() else []
    outcomes = [Outcome(line["id"], line["outcome"], line["reason"]) for line in map(json.loads, lines)]
    if done.returncode not in (0, 1) or not tally.exists():
        outcomes.append(Outcome(job.tests[0], "failed", done.stdout[-4000:] + done.stderr[-4000:]))
        return Result(outcomes)
    seen = json.loads(tally.read_text())
    return Result(outcomes, seen["databases"], set(seen["triggers"]), Counter(seen["marks"]))


def differences(plain: Result, captured: Result) -> list[str]:
    """One line per test that did not come out the same both ways."""
    sides = [{one.name: one for one in side.outcomes} for side in (plain, captured)]
    found = []
    for name in sorted(sides[0].keys() | sides[1].keys()):
        one, other = (side.get(name) for side in sides)
        if (one and one.outcome) != (other and other.outcome):
            told = [f"{side.outcome} {_end(side.reason)}" if side else "was not run" for side in (one, other)]
            found.append(f"{name}: without {told[0]}; with {told[1]}")
    return found


def _end(reason: str) -> str:
    lines = [line for line in reason.splitlines() if line.startswith("E ")] or reason.splitlines()[-1:]
    return " ".join(" ".join(lines).split())[:300]


def main() -> int:
    """Run as the command line says; the last line is the summary."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--suite", choices=list(SUITES), default="all")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--tests", action="append", help="a module or class below keystone/tests instead")
    arguments = parser.parse_args()
    chosen = [(each,) for each in arguments.tests or ()] or SUITES[arguments.suite]
    plain, captured = compare(chosen, arguments.processes)
    found = differences(plain, captured)
    print("\n".join(found))
    return _summarise(",".join(arguments.tests or [arguments.suite]), plain, captured, bool(found))


def _summarise(suite: str, plain: Result, captured: Result, differing: bool) -> int:
    """Print the figures; the exit status."""
    marks = captured.marks.total()
    print(f"databases={captured.databases} triggers={sorted(captured.triggers)} marks={marks}")
    print(" ".join(f"{kind}={number}" for kind, number in sorted(captured.marks.items())))
    without, having = (
        [count(side.outcomes, name) for name in ("passed", "skipped", "failed")] for side in (plain, captured)
    )
    passed, skipped, failed = having
    print("without: passed={} skipped={} failed={}".format(*without))
    same = "no" if differing else "yes"
    print(f"suite={suite} passed={passed} skipped={skipped} failed={failed} same={same}")
    return 1 if differing or not marks or failed else 0


if __name__ == "__main__":
    sys.exit(main())
