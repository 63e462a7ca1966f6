"""What a bridge costs: bulk statements beside a trigger by hand, and backfills with triggers and without.

One run on one server, side by side; each bulk figure is the best of ``--repeat``.

    .venv/bin/python benchmarks/bridges.py --rows 100000
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from keystone_viaduct.upgrade.backfill import SqlFiller
from keystone_viaduct.upgrade.operations import ReplaceColumns
from keystone_viaduct.upgrade.throttle import Pace
from tests.bridges.declared import DECLARED
from tests.support.databases import Databases
from tests.support.servers import MissingServer, Servers, new_run_folder
from tests.support.upgrades import Site, make_table, site

BRIDGE = next(item.bridge for item in DECLARED if item.operation == "rename column")
BY_HAND = {
    "postgresql": (
        "CREATE FUNCTION by_hand() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NEW.account IS DISTINCT FROM OLD.account THEN NEW.login := NEW.account;"
        " ELSIF NEW.login IS DISTINCT FROM OLD.login THEN NEW.account := NEW.login; END IF;"
        " RETURN NEW; END $$",
        "CREATE TRIGGER by_hand BEFORE UPDATE ON thing FOR EACH ROW EXECUTE FUNCTION by_hand()",
    ),
    "mysql": (
        "CREATE TRIGGER by_hand BEFORE UPDATE ON thing FOR EACH ROW BEGIN"
        " IF NOT (BINARY NEW.account <=> BINARY OLD.account) THEN SET NEW.login = NEW.account;"
        " ELSEIF NOT (BINARY NEW.login <=> BINARY OLD.login) THEN SET NEW.account = NEW.login; END IF; END",
    ),
    "sqlite": (
        "CREATE TRIGGER by_hand AFTER UPDATE ON thing FOR EACH ROW"
        " WHEN NEW.login IS NOT OLD.login AND NEW.account IS OLD.account BEGIN"
        " UPDATE thing SET account = NEW.login WHERE id = NEW.id; END",
    ),
}
OTHER = "UPDATE thing SET note = '{}'"
BRIDGED = "UPDATE thing SET login = '{}'"


def timed(work: Callable[[], None]) -> float:
    """Seconds."""
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def best(made: Site, statement: str, repeat: int) -> float:
    """The shortest of several runs, each with another value."""
    return min(timed(lambda n=n: made.run(statement.format(f"v{n}"))) for n in range(repeat))  # type: ignore[misc]


def prepared(databases: Databases, engine: str, rows: int, *, column: bool) -> Site:
    """The old table with rows, and with ``column`` the new one beside the old."""
    url = databases.empty(engine)
    make_table(url, BRIDGE, [{"id": f"k{n:08}", "login": f"l{n}"} for n in range(rows)])
    made = site(url, ReplaceColumns(BRIDGE))
    if column:
        made.run("ALTER TABLE thing ADD COLUMN account VARCHAR(16)")
    return made


def bulk(databases: Databases, engine: str, rows: int, repeat: int) -> None:
    """Bulk statements without a trigger, with one by hand, and with the bridge."""
    plain = prepared(databases, engine, rows, column=True)
    by_hand = prepared(databases, engine, rows, column=True)
    by_hand.run(*BY_HAND["mysql" if engine == "mariadb" else engine])
    bridged = prepared(databases, engine, rows, column=False)
    with bridged.runner() as runner:
        bridged.pace = Pace()
        runner.expand()
        runner.migrate()
    by_hand.run("UPDATE thing SET account = login")
    for what, statement in (("another column", OTHER), ("the old column", BRIDGED)):
        took = [best(made, statement, repeat) for made in (plain, by_hand, bridged)]
        print(
            f"{engine:11} {rows:8} rows, UPDATE of {what:15} none {took[0]:.2f} s, by hand {took[1]:.2f} s,"
            f" bridge {took[2]:.2f} s: bridge/by hand {took[2] / took[1]:.2f}",
            flush=True,
        )


def backfill(databases: Databases, engine: str, rows: int) -> None:
    """The same batches with the triggers armed and without."""
    took = []
    for armed in (False, True):
        made = prepared(databases, engine, rows, column=not armed)
        made.pace = replace(Pace(), share=1.0)
        with made.runner() as runner:
            if armed:
                runner.expand()
            filler = SqlFiller(made.database.engine, made.journal, made.pace)
            if not armed:
                made.journal.begin("next", "benchmark")
            begun = time.monotonic()
            for _ in filler.fill("next", BRIDGE):
                pass
            took.append(time.monotonic() - begun)
    print(
        f"{engine:11} {rows:8} rows, backfill: without triggers {rows / took[0]:.0f} rows/s,"
        f" with {rows / took[1]:.0f} rows/s: {took[0] / took[1]:.2f}",
        flush=True,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, action="append", help="may be repeated (default: 10000, 100000)")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument(
        "--engine", action="append", help="sqlite, postgresql, mariadb, mysql; may be repeated"
    )
    args = parser.parse_args()
    servers = Servers(new_run_folder(), os.getpid())
    try:
        for engine in args.engine or ("sqlite", "postgresql", "mariadb", "mysql"):
            try:
                for rows in args.rows or (10_000, 100_000):
                    backfill(Databases(servers), engine, rows)
                    bulk(Databases(servers), engine, rows, args.repeat)
            except MissingServer as missing:
                print(f"{engine:11} left out: {missing}")
    finally:
        servers.stop_all()


if __name__ == "__main__":
    main()
