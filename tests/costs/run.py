"""``make test-costs``: what a page costs, for each kind, on SQLite and PostgreSQL.

The last line is ``pages=N over_budget=0``; the exit code is 1 unless it is zero. ``--n`` is the number of
copies of the small world in a page; the same is done with four times as many.
"""

from __future__ import annotations

import argparse
import os
import sys

from tests.costs.budget import Case
from tests.costs.play import play
from tests.costs.stage import stage
from tests.support.databases import Databases
from tests.support.servers import MissingServer, Servers, new_run_folder


def main() -> int:
    """Play and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=8)
    parser.add_argument("--engine", action="append", help="sqlite, postgresql; may be repeated")
    args = parser.parse_args()
    servers = Servers(new_run_folder(), os.getpid())
    pages = over = 0
    try:
        for engine in args.engine or ("sqlite", "postgresql"):
            try:
                with Databases(servers).scope() as scope, stage(scope, engine) as made:
                    for case in play(made, args.n):
                        pages, over = pages + 2, over + bool(case.over())
                        print(engine.ljust(11), told(case), flush=True)
            except MissingServer as missing:
                print(f"{engine} left out: {missing}", flush=True)
    finally:
        servers.stop_all()
    print(f"pages={pages} over_budget={over}")
    return 1 if over else 0


def told(case: Case) -> str:
    """One line."""
    costs = [
        f"{c.statements:4} statements {c.read:6} read {c.written:6} written {c.bytes:8} bytes"
        for c in (case.small, case.large)
    ]
    wrong = "".join(f"  OVER: {text}" for text in case.over())
    return f"{case.budget.name:8} {case.kind:24} {' | '.join(costs)}{wrong}"


if __name__ == "__main__":
    sys.exit(main())
