"""Runs Keystone's own suites on one engine, with the drivers wrapped and the request memo on.

``python -m tests.upstream.run --engine postgresql --suite drivers``. A test that fails, that is skipped
without being on the list of expected skips, that is on the list and was not skipped, or an entry of the list
that names no test is reported and ends the run with status 1. Status 3: the engine, or the release of
Keystone, is not to be had here.

``--unwrapped`` runs the same on the same database with nothing of ours around Keystone.
``--compare-stock`` runs the suite twice, listed tests too, and compares test by test: on SQLite with upstream
as it is, fixtures included, elsewhere with ``--unwrapped``.
``--memo-per-test`` lets the memo live for a whole test: harder on what it forgets than any request is.
``--state FOLDER`` keeps outcomes there: a run that is broken off goes on by test id where it stopped, as
long as the sources are the same. A run that comes to its end removes the folder.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import sys
import time
from pathlib import Path

from tests.support.servers import MissingServer
from tests.upstream import processes, skips, suites
from tests.upstream.engines import ENGINES, missing
from tests.upstream.outcomes import Outcome, count, differing, summary
from tests.upstream.processes import RELEASE, REPOSITORY, Result, Run, execute

UNEXPECTED, UNAVAILABLE = 1, 3


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--engine", choices=list(ENGINES), default="sqlite")
    parser.add_argument("--suite", choices=list(suites.SUITES), default="all")
    parser.add_argument("--release", type=int, default=RELEASE, help="of Keystone, from .venvs/RELEASE")
    parser.add_argument("--processes", type=int, default=2)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--unwrapped", action="store_true", help="without wrapping, memo and hooks")
    how.add_argument("--compare-stock", action="store_true", help="with and without, test by test")
    how.add_argument("--memo-per-test", action="store_true", help="one memo for a whole test, not a request")
    parser.add_argument("--state", type=Path, help="go on from there, if an earlier run was broken off")
    parser.add_argument("--report", type=Path, help="write all outcomes there, as JSON lines")
    parser.add_argument(
        "--against", type=Path, help="compare stock with this report instead of a run of ours"
    )
    return parser.parse_args(arguments)


def main() -> int:
    """Run as the command line says; the last line is the summary."""
    arguments = parse()
    reason = missing(ENGINES[arguments.engine])
    if reason is not None:
        return _unavailable(reason)
    elsewhere = other_environment(arguments)
    if elsewhere is not None:
        return _run_in(elsewhere)
    run = Run(
        arguments.engine,
        arguments.suite,
        mode(arguments),
        skips.expected(ENGINES[arguments.engine], RELEASE),
        arguments.processes,
        skips.not_of(ENGINES[arguments.engine], RELEASE),
        None if arguments.compare_stock else arguments.state,
    )
    try:
        if arguments.compare_stock:
            return compare(run, arguments.against)
        return check(run, arguments.report)
    except MissingServer as absent:
        return _unavailable(str(absent))


def _unavailable(reason: str) -> int:
    print(f"not run: {reason}", file=sys.stderr)
    return UNAVAILABLE


def mode(arguments: argparse.Namespace) -> str:
    """See :class:`Run`."""
    if arguments.memo_per_test:
        return "remembering"
    return "unwrapped" if arguments.unwrapped else "wrapped"


def other_environment(arguments: argparse.Namespace) -> Path | None:
    """Where the engine's dialect, or the release of Keystone, is, when it is not here."""
    name = ENGINES[arguments.engine].environment
    if name is None and arguments.release != RELEASE:
        name = str(arguments.release)
    place = REPOSITORY / ".venvs" / (name or "")
    return None if name is None or place.resolve() == Path(sys.prefix).resolve() else place


def _run_in(place: Path) -> int:
    """Run in that environment; the exit status."""
    python = place / "bin" / "python"
    if not python.exists():
        return _unavailable(f"there is no .venvs/{place.name}; `make venv-{place.name}` makes it")
    command = [str(python), "-W", "ignore", "-m", "tests.upstream.run", *sys.argv[1:]]
    return subprocess.run(command, cwd=REPOSITORY, check=False).returncode


def check(run: Run, report: Path | None = None) -> int:
    """Run once and compare with the lists; the exit status."""
    begun = time.monotonic()
    result = execute(run)
    if report:
        report.write_text("".join(json.dumps(vars(one)) + "\n" for one in result.outcomes))
    found = skips.unexpected(result.outcomes, run.skips, suites.modules(run.suite), run.apart)
    if run.suite == "all":
        found += skips.too_many(result.outcomes)
    _print(found, begun)
    print(told(result))
    print(f"engine={run.engine} suite={run.suite} {summary(result.outcomes)}")
    return UNEXPECTED if found else 0


def compare(run: Run, report: Path | None = None) -> int:
    """Run stock and ours, both without lists, and compare; the exit status.

    With a ``report`` of an earlier run of ours, only stock is run; listed tests were skipped in it.
    """
    begun = time.monotonic()
    ours = execute(dataclasses.replace(run, skips={})) if report is None else _reported(report, run.suite)
    without = "stock" if run.engine == "sqlite" else "unwrapped"
    stock = execute(dataclasses.replace(run, skips={}, mode=without))
    different = differing(stock.outcomes, ours.outcomes)
    found = different + needless(ours.outcomes, run.skips)
    _print(found, begun)
    print(f"stock: {summary(stock.outcomes)}")
    print(f"ours: {summary(ours.outcomes)} {told(ours)}")
    same = len(ours.outcomes) - len(different)
    print(f"engine={run.engine} suite={run.suite} same={same} different={len(different)}")
    return UNEXPECTED if found or not count(ours.outcomes, "passed") else 0


def _reported(report: Path, suite: str) -> Result:
    """What was run of the suite, from the report."""
    lines = [Outcome(**json.loads(line)) for line in report.read_text().splitlines()]
    modules = suites.modules(suite)
    return Result([one for one in lines if one.name.partition("::")[0] in modules])


def told(result: Result) -> str:
    """What was counted while the tests ran."""
    return " ".join(f"{name}={result.tally[name]}" for name in ("calls", "requests", "remembered"))


def needless(outcomes: list[Outcome], listed: dict[str, str]) -> list[str]:
    """Tests that are listed as skips and pass when they are run."""
    return [
        f"{one.name}: passes, but is listed"
        for one in outcomes
        if one.outcome == "passed" and one.name in listed
    ]


def _print(found: list[str], begun: float) -> None:
    for line in found:
        print(line)
    print(f"keystone={processes.RELEASE} seconds={time.monotonic() - begun:.0f}")


if __name__ == "__main__":
    sys.exit(main())
