"""Many clients at the same rows, over HTTP: stock Keystone and ours, on PostgreSQL, MariaDB and Galera.

One command: ``python benchmarks/storm.py``. For each place (PostgreSQL at SERIALIZABLE and MariaDB with one
Keystone; a Galera cluster of three sites, at several distances, with a Keystone each at two of them) and each
wrapping (upstream's own WSGI entry, then ours) it makes a new database, serves it with gunicorn (2 workers of
8 threads a Keystone) and lets 16 clients loose on it (``tests/support/storm.py`` says what they do and how it
is judged). Then one client does the same alone, for the time of requests that nobody is in the way of.
Galera needs root.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

ROOT = Path(__file__).resolve().parent.parent
sys.path[:] = [str(ROOT)] + [place for place in sys.path if Path(place).resolve() != ROOT / "benchmarks"]

from keystone_viaduct.drivers import counters  # noqa: E402
from keystone_viaduct.testing import galera  # noqa: E402
from tests.support.databases import Databases  # noqa: E402
from tests.support.served import ADMIN_PASSWORD, OUR_WSGI, UPSTREAM_WSGI, serving  # noqa: E402
from tests.support.servers import Servers, new_run_folder  # noqa: E402
from tests.support.storm import Report, Storm  # noqa: E402

ENGINES = ["postgresql", "mariadb", "galera"]
COLUMNS = ("place", "Keystone", "requests", "5xx", "wrong", "lost", "retries", "ms p50 / p95 / p99")
COLUMNS += ("calm p50 / p95", "per second")
WRAPPINGS = {"stock": UPSTREAM_WSGI, "viaduct": OUR_WSGI}


@dataclass(frozen=True)
class Place:
    """A new database: its URL as each Keystone sees it, and what to do before the storm."""

    name: str
    urls: list[str]
    begin: Any = lambda: None


@dataclass(frozen=True)
class Result:
    """What one storm came to."""

    place: str
    wrapping: str
    storm: Report
    calm: Report
    counts: counters.Counts


def measure(place: Place, wrapping: str, arguments: argparse.Namespace) -> Result:
    """One storm and one calm."""
    with tempfile.TemporaryDirectory(prefix="viaduct-storm-") as name:
        folder = Path(name)
        counted = folder / "counters"
        options = {"viaduct": {"counters_folder": str(counted)}}  # a stock one passes over it
        with serving(folder, place.urls, options, wsgi=WRAPPINGS[wrapping], between=place.begin) as sites:
            urls = [site.url for site in sites]
            storm = Storm(urls, ADMIN_PASSWORD, arguments.clients, arguments.rounds).run()
            calm = Storm(urls[:1], ADMIN_PASSWORD, 1, arguments.rounds, name="calm").run()
        return Result(place.name, wrapping, storm, calm, counters.collect(counted))


def databases_of(exits: ExitStack) -> Databases:
    """Servers of our own, which end with ``exits``."""
    servers = Servers(new_run_folder(), os.getpid())
    exits.callback(servers.stop_all)
    return Databases(servers)


def mariadb(exits: ExitStack) -> Iterator[Place]:
    """Databases of a MariaDB server as it comes: REPEATABLE READ."""
    databases = databases_of(exits)
    while True:
        yield Place("MariaDB", [databases.empty("mariadb")])


def postgresql(exits: ExitStack) -> Iterator[Place]:
    """Databases of a PostgreSQL server whose transactions are SERIALIZABLE."""
    databases = databases_of(exits)
    while True:
        url = databases.empty("postgresql")
        name = sa.engine.make_url(url).database
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
        with engine.connect() as connection:
            statement = f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'"
            connection.exec_driver_sql(statement)
        yield Place("PostgreSQL SERIALIZABLE", [url])


def galera_at(rtt: float, exits: ExitStack) -> Iterator[Place]:
    """Databases of one cluster, seen from two of its three sites; ``rtt`` in milliseconds."""
    cluster = exits.enter_context(galera.Galera(3))
    number = 0
    while True:
        cluster.set_rtt(0.0)
        number += 1
        cluster.create(f"storm{number}")
        urls = [cluster.url(site, f"storm{number}") for site in (1, 2)]
        yield Place(f"Galera, RTT {rtt:g} ms", urls, lambda: cluster.set_rtt(rtt / 1000))


def places(engine: str, rtts: Sequence[float], exits: ExitStack) -> Iterator[Iterator[Place]]:
    """For each place of an engine, as many new databases there as one asks for."""
    if engine == "galera":
        for rtt in rtts:
            yield galera_at(rtt, exits)
    else:
        yield {"postgresql": postgresql, "mariadb": mariadb}[engine](exits)


def row(result: Result) -> str:
    """One line of the table."""
    storm = result.storm
    percentiles = " / ".join(f"{storm.percentile(percent):.0f}" for percent in (50, 95, 99))
    calm = " / ".join(f"{result.calm.percentile(percent):.0f}" for percent in (50, 95))
    retries = sum(result.counts.retries.values()) if result.wrapping != "stock" else "-"
    cells: Sequence[Any] = (
        *(result.place, result.wrapping, len(storm.samples), storm.failed, len(storm.wrong)),
        *(len(storm.lost), retries, percentiles, calm, f"{len(storm.samples) / storm.seconds:.0f}"),
    )
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def as_json(result: Result) -> dict[str, Any]:
    """Everything about one storm, for programs."""
    storm = result.storm
    operations = sorted({sample.operation for sample in storm.samples})
    return {
        "place": result.place,
        "wrapping": result.wrapping,
        "requests": len(storm.samples),
        "failed": storm.failed,
        "statuses": storm.statuses(),
        "wrong": storm.wrong,
        "lost": storm.lost,
        "seconds": storm.seconds,
        "p50 by operation, ms": {name: storm.percentile(50, name) for name in operations},
        "p95 by operation, ms": {name: storm.percentile(95, name) for name in operations},
        "counts": result.counts.as_json(),
    }


def main() -> int:
    """Measure every place; 1 if a request to a wrapped Keystone failed or an update was lost."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--engine", action="append", choices=ENGINES, help="default: all")
    parser.add_argument("--rtt", type=float, action="append", help="Galera's, ms; default: 0 and 30")
    parser.add_argument("--wrapping", action="append", choices=list(WRAPPINGS), help="default: both")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=8, help="of nine or so requests per client")
    parser.add_argument("--json", type=Path, help="write everything to this file too")
    arguments = parser.parse_args()
    engines = arguments.engine or ENGINES
    results = []
    print("| " + " | ".join(COLUMNS) + " |\n" + "| --- " * len(COLUMNS) + "|", flush=True)
    for engine in engines:
        with ExitStack() as exits:
            for place in places(engine, arguments.rtt or [0.0, 30.0], exits):
                for wrapping in arguments.wrapping or WRAPPINGS:
                    result = measure(next(place), wrapping, arguments)
                    results.append(result)
                    print(row(result), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps([as_json(result) for result in results], indent=1))
    ours = [result.storm for result in results if result.wrapping == "viaduct"]
    return 1 if any(storm.failed or storm.lost or storm.wrong for storm in ours) else 0


if __name__ == "__main__":
    sys.exit(main())
