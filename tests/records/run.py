"""``make test-records``: as many records as asked for, on every pair of engines, one fleet after the other.

The last line is ``records=N quarantined=Q stopped=0 unnamed=0 lost=0``; the exit code is 0 if it says so.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import sys
import tempfile
from pathlib import Path

from tests.records.play import Verdict, fleet, play
from tests.support.databases import Databases
from tests.support.servers import Servers, new_run_folder

ENGINES = ("postgresql", "mariadb", "sqlite", "mysql")
#: MySQL, which is not installed everywhere, is played where it is asked for.
PAIRS = list(itertools.permutations(ENGINES[:3], 2))


def main(arguments: list[str] | None = None) -> int:
    """Play the fleets and say what was found."""
    asked = _parse(arguments)
    servers = Servers(new_run_folder(), os.getpid())
    total = Verdict(0)
    try:
        pairs = [asked.engines] if asked.engines else PAIRS
        each = -(-asked.records // len(pairs))
        for number, pair in enumerate(pairs):
            _add(total, _run(servers, pair, asked.seed + number, each))
    finally:
        servers.stop_all()
    print(total.line())
    return 0 if total.well else 1


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make test-records", description=__doc__)
    parser.add_argument("--records", type=int, default=3000, help="of all fleets together (%(default)s)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument(
        "--engines", type=_pair, help="one pair only: the hub's and the spoke's, with a comma"
    )
    return parser.parse_args(arguments)


def _pair(text: str) -> tuple[str, ...]:
    found = tuple(text.split(","))
    if len(found) != 2 or not {*found} <= {*ENGINES}:
        raise argparse.ArgumentTypeError(f"two of {', '.join(ENGINES)}")
    return found


def _run(servers: Servers, engines: tuple[str, ...], seed: int, records: int) -> Verdict:
    with (
        Databases(servers).scope() as scope,
        tempfile.TemporaryDirectory(prefix="viaduct-records-") as folder,
    ):
        with fleet(Path(folder), [scope.empty(engine) for engine in engines]) as pair:
            found = play(pair, seed, records)
    print(f"{' and '.join(engines)}, seed {seed}: {found.line()}")
    for problem in (*found.stopped, *found.unnamed, *found.lost):
        print(f"  {problem}")
    sys.stdout.flush()
    return found


def _add(total: Verdict, found: Verdict) -> None:
    total.records += found.records
    total.named.update(found.named)
    total.stopped += found.stopped
    total.unnamed += found.unnamed
    total.lost += found.lost


if __name__ == "__main__":
    sys.exit(main())
