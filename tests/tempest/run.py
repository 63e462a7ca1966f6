"""``make test-tempest``: Tempest and its plug-in for Keystone at a spoke, twice in a row on one database.

A fleet of three engines runs, joined by the agent; the tests run at the spoke ``west``, while people work at
the other two sites. Then the sites come to rest, and are compared field by field. ``--rounds`` (2) times, on
the same databases: what a round leaves behind must not hurt the next one.

The last line is ``rounds=2 passed=N skipped=N failed=0 differences=0 waiting=0``; the exit code is 0 if it
says so. Status 3: there is no environment with Tempest here.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.support.databases import ENGINES, Databases
from tests.support.fleets import RunningFleet, running_fleet
from tests.support.servers import MissingServer, Servers, new_run_folder
from tests.tempest.neighbours import working
from tests.tempest.workspace import BIN, EVERYTHING, Outcome, Workspace

UNAVAILABLE = 3
HUB, TARGET, OTHER = "east", "west", "south"
#: Seconds: a round, and until the sites have nothing more for each other after it.
ROUND_SECONDS, REST_SECONDS = 3 * 3600.0, 900.0


def main(arguments: list[str] | None = None) -> int:
    """Run the rounds, and say what was found after each."""
    asked = _parse(arguments)
    if not (BIN / "tempest").exists():
        print("not run: there is no .venvs/tempest; `make test-tempest` makes it", file=sys.stderr)
        return UNAVAILABLE
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # all is taken down
    servers = Servers(new_run_folder(), os.getpid())
    total: Counter[str] = Counter()
    try:
        with (
            Databases(servers).scope() as databases,
            tempfile.TemporaryDirectory(prefix="viaduct-tempest-") as folder,
            running_fleet(Path(folder), asked.engines, databases) as fleet,
        ):
            workspace = Workspace(Path(folder) / "tempest", fleet.keystones[TARGET])
            for number in range(1, asked.rounds + 1):
                total.update(play(fleet, workspace, number, asked))
    except MissingServer as missing:
        print(f"not run: {missing}", file=sys.stderr)
        return UNAVAILABLE
    finally:
        servers.stop_all()
    told = " ".join(f"{name}={total[name]}" for name in ("passed", "skipped", "failed", *_WRONG))
    print(f"rounds={total['rounds']} {told}")
    return 0 if total["passed"] and not any(total[name] for name in ("failed", *_WRONG)) else 1


_WRONG = ("differences", "waiting")


def play(fleet: RunningFleet, workspace: Workspace, number: int, asked: argparse.Namespace) -> dict[str, int]:
    """One round."""
    begun = time.monotonic()
    with working([fleet.places[HUB], fleet.places[OTHER]], f"round{number}") as neighbours:
        outcome = workspace.run(asked.tests, asked.concurrency, ROUND_SECONDS)
    if asked.logs is not None:
        asked.logs.mkdir(parents=True, exist_ok=True)
        shutil.copy(workspace.log, asked.logs / f"round-{number}.log")
    rested = fleet.settle(REST_SECONDS)
    compared = fleet.compare()
    _tell(number, outcome, compared.lines(20) if compared.differences else [])
    for what, count in neighbours.failed.items():
        print(f"  at a neighbour, {count} times: {what}")
    counts = {
        "passed": outcome.passed,
        "skipped": outcome.skipped,
        "failed": outcome.failed + neighbours.failed.total(),
        "differences": len(compared.differences),
        "waiting": 0 if rested else 1,
    }
    told = " ".join(f"{name}={value}" for name, value in counts.items())
    records = sum(compared.records.values())
    print(
        f"round={number} {told} records={records} neighbours={neighbours.done.total()} "
        f"seconds={time.monotonic() - begun:.0f}",
        flush=True,
    )
    return {"rounds": 1, **counts}


def _tell(number: int, outcome: Outcome, lines: list[str]) -> None:
    for name in outcome.failures:
        print(f"  round {number}: FAILED {name}")
    for line in lines:
        print(f"  round {number}: {line}")


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make test-tempest", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--tests", default=EVERYTHING, help="a regular expression of names")
    parser.add_argument("--concurrency", type=int, default=2)
    parser.add_argument("--logs", type=Path, help="a folder for what Tempest says of each test, by round")
    parser.add_argument(
        "--engines",
        type=_engines,
        default=_engines("postgresql,mariadb,sqlite"),
        help="of the hub, of the spoke that is tested, and of the other spoke (%(default)s)",
    )
    return parser.parse_args(arguments)


def _engines(text: str) -> dict[str, str]:
    found = text.split(",")
    if len(found) != 3 or not {*found} <= {*ENGINES}:
        raise argparse.ArgumentTypeError(f"three of {', '.join(ENGINES)}")
    return dict(zip((HUB, TARGET, OTHER), found, strict=True))


if __name__ == "__main__":
    sys.exit(main())
