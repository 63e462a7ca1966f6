"""``make test-bridges``: generated workloads on every engine that is here.

The last line is ``cases=N inconsistent=0 errors=0``; the exit code is 1 unless both are zero. ``--cases`` is
the number of cases for each operation on each engine.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time

from keystone_viaduct.errors import UpgradeRefused
from tests.bridges.across import computed, workload
from tests.bridges.across.computed import Sealed
from tests.bridges.across.declared import MOVED, Moved
from tests.bridges.declared import WORKLOADS
from tests.bridges.shaped import SHAPED
from tests.bridges.workload import Outcome, Workload, connect, play
from tests.support.databases import Databases
from tests.support.servers import MissingServer, Servers, new_run_folder

AnyDeclared = Workload | Moved | Sealed


def main() -> int:
    """Play and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=2000, help="for each operation on each engine")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument(
        "--engine", action="append", help="sqlite, postgresql, mariadb, mysql; may be repeated"
    )
    parser.add_argument(
        "--operation", action="append", help="only operations whose name has this in it; may be repeated"
    )
    args = parser.parse_args()
    every: list[AnyDeclared] = [*WORKLOADS, *SHAPED, *MOVED, Sealed()]
    chosen = [item for item in every if any(part in item.operation for part in args.operation or [""])]
    servers = Servers(new_run_folder(), os.getpid())
    total = Outcome()
    print(f"seed {args.seed}", flush=True)
    try:
        for engine in args.engine or ("sqlite", "postgresql", "mariadb", "mysql"):
            try:
                for declared in chosen:
                    total.add(_play(Databases(servers), engine, declared, args))
            except MissingServer as missing:
                print(f"{engine:12} left out: {missing}", flush=True)
    finally:
        servers.stop_all()
    print(f"cases={total.cases} inconsistent={total.inconsistent} errors={total.errors}")
    return 1 if total.inconsistent or total.errors else 0


def played(url: str, declared: AnyDeclared, *, cases: int, seed: int) -> Outcome:
    """On an empty database."""
    if isinstance(declared, Moved):
        return workload.play(url, declared, cases=cases, seed=seed)
    if isinstance(declared, Sealed):
        return computed.play(url, declared, cases=cases, seed=seed)
    with connect(url) as connection:
        return play(connection, declared, cases=cases, seed=seed)


def _play(databases: Databases, engine: str, declared: AnyDeclared, args: argparse.Namespace) -> Outcome:
    begun = time.monotonic()
    with databases.scope() as scope:
        try:
            outcome = played(scope.empty(engine), declared, cases=args.cases, seed=args.seed)
        except UpgradeRefused as refused:
            print(f"{engine:12} {declared.operation:24} refused: {refused.message}", flush=True)
            return Outcome()
    print(
        f"{engine:12} {declared.operation:24} cases={outcome.cases} statements={outcome.statements}"
        f" refused={outcome.failed} marked={outcome.marked}"
        f" inconsistent={outcome.inconsistent} errors={outcome.errors}"
        f" ({time.monotonic() - begun:.0f} s)",
        *outcome.stories,
        sep="\n",
        flush=True,
    )
    return outcome


if __name__ == "__main__":
    sys.exit(main())
