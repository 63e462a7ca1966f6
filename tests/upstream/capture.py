"""Runs suites of Keystone as they are, and again with capture installed and our WSGI entry's wrapping.

``python -m tests.upstream.capture``. Every test must come out the same both ways, and marks must have been
written: a capture that captures nothing proves nothing. Exits with status 1 otherwise. Databases are those
that upstream's own fixtures make (SQLite in memory, a new one for each test).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.upstream import kept
from tests.upstream.outcomes import Outcome, count, differing, summary
from tests.upstream.processes import run_pytest

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
    done = run_pytest("tests.upstream.captured", options, job.tests, place)
    outcomes = kept.read(report)
    if done.returncode not in (0, 1) or not tally.exists():
        outcomes.append(Outcome(job.tests[0], "failed", done.stdout[-4000:] + done.stderr[-4000:]))
        return Result(outcomes)
    seen = json.loads(tally.read_text())
    return Result(outcomes, seen["databases"], set(seen["triggers"]), Counter(seen["marks"]))


def main() -> int:
    """Run as the command line says; the last line is the summary."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--suite", choices=list(SUITES), default="all")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--tests", action="append", help="a module or class below keystone/tests instead")
    arguments = parser.parse_args()
    chosen = [(each,) for each in arguments.tests or ()] or SUITES[arguments.suite]
    plain, captured = compare(chosen, arguments.processes)
    found = differing(plain.outcomes, captured.outcomes)
    print("\n".join(found))
    return _summarise(",".join(arguments.tests or [arguments.suite]), plain, captured, found)


def _summarise(suite: str, plain: Result, captured: Result, found: list[str]) -> int:
    """Print the figures; the exit status."""
    marks = captured.marks.total()
    print(f"databases={captured.databases} triggers={sorted(captured.triggers)} marks={marks}")
    print(" ".join(f"{kind}={number}" for kind, number in sorted(captured.marks.items())))
    print(f"without: {summary(plain.outcomes)}")
    same = "no" if found else "yes"
    print(f"suite={suite} {summary(captured.outcomes)} same={same}")
    return 1 if found or not marks or count(captured.outcomes, "failed") else 0


if __name__ == "__main__":
    sys.exit(main())
