"""``make test-records``: as many records as asked for, on every pair of engines, one fleet after the other.

Each fleet plays one round: records of every kind at both sites, by the API and by SQL; then changes, names,
moves and deletions, some of them of the same record at both sites at once. With ``--state FILE`` the rounds
that were played are kept there, and a run that was broken off goes on where it was.

The last line is ``records=N quarantined=Q stopped=0 unnamed=0 lost=0``; the exit code is 0 if it says so.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.records.judge import Verdict
from tests.records.play import fleet, play
from tests.records.rounds import Kept, Round
from tests.support.databases import ENGINES, Databases
from tests.support.servers import MissingServer, Servers, new_run_folder

#: Records of one fleet at most.
ROUND = 2500


def main(arguments: list[str] | None = None) -> int:
    """Play the fleets and say what was found."""
    asked = _parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # all is taken down
    servers = Servers(new_run_folder(), os.getpid())
    kept = Kept(asked.state)
    found: list[Verdict] = []
    try:
        pairs = [asked.engines] if asked.engines else pairs_of(servers)
        for one in rounds(pairs, asked.records, asked.seed):
            verdict = kept.found(one)
            if verdict is None:
                verdict = _run(servers, one)
                kept.keep(one, verdict)
            found.append(verdict)
    finally:
        servers.stop_all()
    total = Verdict.of(found)
    print("deeds: " + " ".join(f"{name}={number}" for name, number in sorted(total.deeds.items())))
    print(total.line())
    return 0 if total.well else 1


def pairs_of(servers: Servers) -> list[tuple[str, ...]]:
    """Every hub's engine with every other one for its spoke, of those that can be started here."""
    engines = list(ENGINES)
    for engine in ENGINES[1:]:
        try:
            servers.get(engine)
        except MissingServer as missing:
            print(f"without {engine}: {missing}", file=sys.stderr)
            engines.remove(engine)
    return list(itertools.permutations(engines, 2))


def rounds(pairs: Sequence[tuple[str, ...]], records: int, seed: int) -> Iterator[Round]:
    """Each pair by turns, each round with a seed of its own, until there are so many records."""
    number = max(len(pairs), -(-records // ROUND))
    for place in range(number):
        yield Round(pairs[place % len(pairs)], seed + place, -(-records // number))


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make test-records", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--records", type=int, default=3000, help="of all fleets together (%(default)s)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument(
        "--engines", type=_pair, help="one pair only: the hub's and the spoke's, with a comma"
    )
    parser.add_argument("--state", type=Path, help="a file with the rounds that were played before")
    return parser.parse_args(arguments)


def _pair(text: str) -> tuple[str, ...]:
    found = tuple(text.split(","))
    if len(found) != 2 or not {*found} <= {*ENGINES}:
        raise argparse.ArgumentTypeError(f"two of {', '.join(ENGINES)}")
    return found


def _run(servers: Servers, one: Round) -> Verdict:
    begun = time.monotonic()
    with (
        Databases(servers).scope() as scope,
        tempfile.TemporaryDirectory(prefix="viaduct-records-") as folder,
    ):
        with fleet(Path(folder), [scope.keystone(engine) for engine in one.engines]) as pair:
            found = play(pair, one.seed, one.records)
    deeds = " ".join(f"{name}={number}" for name, number in sorted(found.deeds.items()))
    print(f"{one}: {found.line()} {deeds} seconds={time.monotonic() - begun:.0f}")
    for problem in (*found.stopped, *found.unnamed, *found.lost):
        print(f"  {json.dumps(problem)}")
    sys.stdout.flush()
    return found


if __name__ == "__main__":
    sys.exit(main())
