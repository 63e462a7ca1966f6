"""First load and lag of engines beside each other, in one run: MySQL beside MariaDB, unless others are named.

One command: ``python benchmarks/engines.py``. For each engine, by turns, the first load of
``benchmarks/load.py`` (hub and spoke on that engine, ``--users`` users with all that theirs is), then the lag
of ``benchmarks/latency.py`` over a road of ``--rtt`` milliseconds. ``--rounds`` times (3), each round the
other way round, so that neither engine has the quieter half hour; the table shows medians of the rounds.
MySQL runs as its packages have it, with a binary log; MariaDB has none unless its configuration says so.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# without this folder: its file requests.py would hide the library
sys.path[:] = [str(ROOT)] + [place for place in sys.path if Path(place).resolve() != ROOT / "benchmarks"]

from benchmarks import latency, load  # noqa: E402
from tests.support.databases import ENGINES, Databases  # noqa: E402
from tests.support.servers import Servers, new_run_folder  # noqa: E402

HUB, SPOKE = latency.HUB, latency.SPOKE
Figures = dict[str, list[float]]


def first_load(servers: Servers, engine: str, users: int) -> tuple[int, float]:
    """How many records the product's own command carried, and how many of them in a second."""
    with load.fleet(Databases(servers), users, engine) as keystones:
        outcome = load.measure(keystones, users)
    return outcome.changes, outcome.rate


def lags(servers: Servers, engine: str, rtt: float, samples: int) -> dict[tuple[str, str], list[float]]:
    """Milliseconds until a client's GET at the other site shows a change, each way."""
    with Databases(servers).scope() as scope:
        urls = {name: scope.keystone(engine) for name in (HUB, SPOKE)}
        with latency.joined(rtt, dict.fromkeys(urls) if engine == "sqlite" else dict(urls)) as places:
            return latency.measure(places, samples)


def one_round(servers: Servers, engine: str, arguments: argparse.Namespace, figures: Figures) -> None:
    """Measure an engine once, and say what was measured."""
    changes, rate = first_load(servers, engine, arguments.users)
    figures["records/s"].append(rate)
    found = lags(servers, engine, arguments.rtt, arguments.samples)
    told = []
    for (here, there), values in found.items():
        ordered = sorted(values)
        middle, high = statistics.median(ordered), ordered[max(0, round(len(ordered) * 0.95) - 1)]
        figures[f"{here} -> {there} p50"].append(middle)
        figures[f"{here} -> {there} p95"].append(high)
        told.append(f"{here} -> {there} {middle:.0f} / {high:.0f} ms")
    load_average = os.getloadavg()[0]
    print(
        f"{engine}: {changes} records, {rate:.0f}/s; {', '.join(told)}; load {load_average:.1f}", flush=True
    )


def main() -> None:
    """Measure by turns and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--engine", choices=ENGINES, action="append", help="default: mariadb and mysql")
    parser.add_argument("--users", type=int, default=5000)
    parser.add_argument("--rtt", type=float, default=80.0, help="milliseconds")
    parser.add_argument("--samples", type=int, default=40, help="changes each way")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    engines = arguments.engine or ["mariadb", "mysql"]
    figures: dict[str, Figures] = {engine: defaultdict(list) for engine in engines}
    servers = Servers(new_run_folder(), os.getpid())
    try:
        for number in range(arguments.rounds):
            for engine in engines if number % 2 == 0 else reversed(engines):
                one_round(servers, engine, arguments, figures[engine])
    finally:
        servers.stop_all()
    columns = list(figures[engines[0]])
    print(f"\n| engine | {' | '.join(columns)} |\n|{' --- |' * (len(columns) + 1)}")
    for engine in engines:
        cells = [f"{statistics.median(figures[engine][name]):.0f}" for name in columns]
        print(f"| {engine} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
