"""What a bridge costs: bulk statements beside a trigger by hand, and backfills with triggers and without.

All variants stand side by side on one server and take turns, statement by statement and batch by batch, so
that what else the machine does meets them all alike. A factor is the median of the turns' own factors; a rate
is that of the median batch. Time is the server's processor time (``--clock wall``: of the clock on the wall).

    .venv/bin/python benchmarks/bridges.py --rows 10000 --rows 100000 --rows 1000000
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from keystone_viaduct.upgrade.backfill import SqlFiller
from keystone_viaduct.upgrade.operations import ReplaceColumns
from keystone_viaduct.upgrade.ports import Progress
from keystone_viaduct.upgrade.shape import Bridge
from keystone_viaduct.upgrade.throttle import Pace
from tests.bridges.declared import DECLARED
from tests.support.databases import Databases
from tests.support.servers import MissingServer, Servers, new_run_folder
from tests.support.upgrades import Site, make_table, site

ENGINES = ("sqlite", "postgresql", "mariadb", "mysql")
BRIDGES = {
    item.operation: item.bridge for item in DECLARED if item.operation in ("rename column", "transform")
}
#: (when, what then, when otherwise, what then): what somebody would write who thinks of no other case.
BY_HAND = {
    "rename column": ("account", "login", "{account}", "{login}"),
    "transform": (
        *("visibility", "is_public", "{visibility} = 'public'"),
        "CASE WHEN {is_public} THEN 'public' ELSE 'shared' END",
    ),
}
STATEMENTS = {
    "rename column": {
        "UPDATE of another": "UPDATE thing SET note = 'n{0}'",
        "UPDATE of the old": "UPDATE thing SET login = 'v{0}'",
        "UPDATE of the new": "UPDATE thing SET account = 'w{0}'",
        "INSERT of the old": "INSERT INTO thing (id, login) SELECT REPLACE(id, 'k', 'i'), login FROM thing",
    },
    "transform": {
        "UPDATE of another": "UPDATE thing SET note = 'n{0}'",
        "UPDATE of the old": "UPDATE thing SET is_public = ({0} % 2 = 0)",
        "UPDATE of the new": "UPDATE thing SET visibility ="
        " CASE WHEN {0} % 2 = 0 THEN 'community' ELSE 'public' END",
        "INSERT of the old": "INSERT INTO thing (id, is_public)"
        " SELECT REPLACE(id, 'k', 'i'), is_public FROM thing",
    },
}
TURNS = ("none", "empty", "by hand", "bridge")


def by_hand(engine: str, operation: str) -> list[str]:
    """The statements that make the triggers: the side that was changed, or given, is copied to the other."""
    new, old, down, up = BY_HAND[operation]
    row = {name: f"NEW.{name}" for name in (new, old)}
    down, up = down.format(**row), up.format(**row)
    if engine == "postgresql":
        return [
            "CREATE FUNCTION by_hand() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF NEW.{new} IS DISTINCT FROM OLD.{new} THEN NEW.{old} := {down};"
            f" ELSIF NEW.{old} IS DISTINCT FROM OLD.{old} THEN NEW.{new} := {up}; END IF; RETURN NEW; END $$",
            "CREATE TRIGGER by_hand BEFORE UPDATE ON thing FOR EACH ROW EXECUTE FUNCTION by_hand()",
            "CREATE FUNCTION by_hand_too() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF NEW.{new} IS NOT NULL THEN NEW.{old} := {down}; ELSE NEW.{new} := {up}; END IF;"
            " RETURN NEW; END $$",
            "CREATE TRIGGER by_hand_too BEFORE INSERT ON thing FOR EACH ROW EXECUTE FUNCTION by_hand_too()",
        ]
    if engine == "sqlite":
        return [
            *(
                f"CREATE TRIGGER by_hand_{side}_too AFTER INSERT ON thing FOR EACH ROW WHEN NEW.{new} {given}"
                f" BEGIN UPDATE thing SET {side} = {value} WHERE id = NEW.id; END"
                for side, given, value in ((old, "IS NOT NULL", down), (new, "IS NULL", up))
            ),
            *(
                f"CREATE TRIGGER by_hand_{side} AFTER UPDATE OF {side} ON thing FOR EACH ROW WHEN {when}"
                f" BEGIN UPDATE thing SET {other} = {value} WHERE id = NEW.id; END"
                for side, other, value, when in (
                    (new, old, down, f"NEW.{new} IS NOT OLD.{new}"),
                    (old, new, up, f"NEW.{old} IS NOT OLD.{old} AND NEW.{new} IS OLD.{new}"),
                )
            ),
        ]
    changed = {name: f"NOT (BINARY NEW.{name} <=> BINARY OLD.{name})" for name in ("login", "account", new)}
    changed["is_public"] = "NOT (NEW.is_public <=> OLD.is_public)"
    return [
        f"CREATE TRIGGER by_hand BEFORE UPDATE ON thing FOR EACH ROW BEGIN IF {changed[new]} THEN"
        f" SET NEW.{old} = {down}; ELSEIF {changed[old]} THEN SET NEW.{new} = {up}; END IF; END",
        f"CREATE TRIGGER by_hand_too BEFORE INSERT ON thing FOR EACH ROW BEGIN IF NEW.{new} IS NOT NULL THEN"
        f" SET NEW.{old} = {down}; ELSE SET NEW.{new} = {up}; END IF; END",
    ]


def empty(engine: str) -> list[str]:
    """A trigger that does nothing."""
    if engine == "postgresql":
        return [
            "CREATE FUNCTION does_nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
            "CREATE TRIGGER does_nothing BEFORE INSERT OR UPDATE ON thing FOR EACH ROW"
            " EXECUTE FUNCTION does_nothing()",
        ]
    time_, body = ("AFTER", "SELECT 1;") if engine == "sqlite" else ("BEFORE", "")
    return [
        f"CREATE TRIGGER does_nothing_{event} {time_} {event} ON thing FOR EACH ROW BEGIN {body} END"
        for event in ("UPDATE", "INSERT")
    ]


def prepared(databases: Databases, engine: str, bridge: Bridge, rows: int) -> Site:
    """The old table with rows. They are made in the server: a million would take long to get there."""
    made = site(databases.empty(engine), ReplaceColumns(bridge))
    make_table(made.url, bridge, [])
    made.pace = Pace()
    joined = "CONCAT({})" if engine in ("mariadb", "mysql") else "{}"
    digits = range(len(str(rows - 1)))
    places = (", " if engine in ("mariadb", "mysql") else " || ").join(["'k'", *(f"d{n}.d" for n in digits)])
    value = "d0.d < 5" if bridge.old[0].name == "is_public" else joined.format(places)
    made.run(
        "CREATE TABLE digits (d INTEGER)",
        f"INSERT INTO digits VALUES {', '.join(f'({n})' for n in range(10))}",
        f"INSERT INTO thing (id, {bridge.old[0].name})"
        f" SELECT {joined.format(places)}, {value} FROM {', '.join(f'digits d{n}' for n in digits)}",
        "DROP TABLE digits",
    )
    return made


_THREADS = {
    "postgresql": "SELECT pid FROM pg_stat_activity WHERE datname = current_database()",
    "mariadb": "SELECT tid FROM information_schema.processlist WHERE db = DATABASE()",
    "mysql": "SELECT thread_os_id FROM performance_schema.threads WHERE processlist_db = DATABASE()",
}


class Clock:
    """Seconds of one site: of the processor time of all its connections in the server, or on the wall."""

    def __init__(self, made: Site, engine: str, kind: str) -> None:
        self._engine = made.database.engine
        self._query = _THREADS.get(engine, "")
        self._kind = kind

    def timed(self, work: Callable[[], object]) -> float:
        """What a piece of work takes."""
        begun = self._now()
        work()
        return self._now() - begun

    def _now(self) -> float:
        if self._kind == "wall":
            return time.monotonic()
        if not self._query:
            return time.process_time()
        with self._engine.connect() as connection:
            threads = connection.exec_driver_sql(self._query).scalars().all()
        found = [next(Path("/proc").glob(f"[0-9]*/task/{thread}/schedstat"), None) for thread in threads]
        return sum(int(path.read_text().split()[0]) for path in found if path is not None) / 1e9


def widened(made: Site, bridge: Bridge) -> None:
    """The new column beside the old one, filled, and nothing that keeps them equal."""
    column = bridge.new[0]
    made.run(f"ALTER TABLE thing ADD COLUMN {column.name} VARCHAR({getattr(column.type, 'length', 16)})")


def bulk(databases: Databases, engine: str, operation: str, args: argparse.Namespace) -> None:
    """Bulk statements without a trigger, with an empty one, one by hand, and the bridge."""
    bridge = BRIDGES[operation].on(engine)
    sites = {name: prepared(databases, engine, bridge, args.bulk_rows) for name in TURNS}
    for name in TURNS[:3]:
        widened(sites[name], bridge)
        up = BY_HAND[operation][3].format(**{bridge.old[0].name: bridge.old[0].name})
        sites[name].run(f"UPDATE thing SET {bridge.new[0].name} = {up}")
    sites["empty"].run(*empty(engine))
    sites["by hand"].run(*by_hand(engine, operation))
    with sites["bridge"].runner() as runner:
        runner.expand()
        runner.migrate()
    clocks = {name: Clock(sites[name], engine, args.clock) for name in TURNS}
    for what, said in STATEMENTS[operation].items():
        took: dict[str, list[float]] = defaultdict(list)
        for turn in range(args.turns):
            for place in range(len(TURNS)):
                name = TURNS[(turn + place) % len(TURNS)]
                took[name].append(clocks[name].timed(lambda: sites[name].run(said.format(turn))))  # noqa: B023
                if what.startswith("INSERT"):
                    sites[name].run("DELETE FROM thing WHERE id LIKE 'i%'")
        print(
            f"{engine:11} {operation:14} {args.bulk_rows:8} rows, {what} column {_factors(took)}", flush=True
        )


def _factors(took: dict[str, list[float]]) -> str:
    """Each beside none, and the bridge beside the one by hand."""

    def factor(one: str, other: str) -> float:
        return statistics.median(a / b for a, b in zip(took[one], took[other], strict=True))

    beside = ", ".join(f"{name} {factor(name, 'none'):.2f}" for name in TURNS[1:])
    return f"none 1, {beside}: bridge/by hand {factor('bridge', 'by hand'):.2f}"


def batches(made: Site, *, armed: bool, batch: int) -> Iterator[Progress]:
    """A backfill, batch by batch, all of one size and without pauses."""
    bridge = BRIDGES["rename column"]
    with made.runner() as runner:
        if armed:
            runner.expand()
        else:
            widened(made, bridge)
            made.journal.begin("next", "benchmark")
        pace = Pace(batch=batch, largest=batch, seconds=3600.0, share=1.0)
        yield from SqlFiller(made.database.engine, made.journal, pace).fill("next", bridge)


def backfill(databases: Databases, engine: str, args: argparse.Namespace) -> None:
    """The same batches with the triggers armed and without, and on tables of all sizes at the same time."""
    sizes, batch = args.rows or [10_000, 100_000], args.batch
    running, clocks, took = {}, {}, defaultdict(list)
    for rows in sizes:
        for armed in (False, True):
            made = prepared(databases, engine, BRIDGES["rename column"], rows)
            clocks[rows, armed] = Clock(made, engine, args.clock)
            running[rows, armed] = batches(made, armed=armed, batch=batch)
    largest = max(sizes)
    for number in range(largest // batch):
        for rows in sizes:
            if number * rows // largest == (number + 1) * rows // largest - 1 or rows == largest:
                for armed in (False, True) if number % 2 else (True, False):
                    took[rows, armed].append(clocks[rows, armed].timed(lambda: next(running[rows, armed])))  # noqa: B023
    for running_one in running.values():
        for _ in running_one:
            pass
    slowest = []
    for rows in sizes:
        # the first of each also counts the rows that are left
        pairs = list(zip(took[rows, False], took[rows, True], strict=True))[1:]
        plain, armed_rate = (batch / statistics.median(side) for side in zip(*pairs, strict=True))
        factor = statistics.median(one / other for one, other in pairs)
        slowest.append(armed_rate)
        print(
            f"{engine:11} {rows:8} rows, backfill in {len(pairs) + 1} batches: without triggers"
            f" {plain:.0f} rows/s, with {armed_rate:.0f} rows/s: {factor:.2f}",
            flush=True,
        )
    print(f"{engine:11} backfill, fastest/slowest size {max(slowest) / min(slowest):.2f}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, action="append", help="may be repeated (default: 10000, 100000)")
    parser.add_argument("--turns", type=int, default=9, help="how often each bulk statement is run")
    parser.add_argument("--batch", type=int, default=500, help="rows of a backfill's batch")
    parser.add_argument("--bulk-rows", type=int, default=20_000)
    parser.add_argument("--engine", action="append", help=f"{', '.join(ENGINES)}; may be repeated")
    parser.add_argument("--clock", choices=("cpu", "wall"), default="cpu")
    parser.add_argument("--only", choices=("bulk", "backfill"))
    args = parser.parse_args()
    servers = Servers(new_run_folder(), os.getpid())
    try:
        for engine in args.engine or ENGINES:
            try:
                if args.only != "backfill":
                    for operation in BRIDGES:
                        with Databases(servers).scope() as scope:
                            bulk(scope, engine, operation, args)
                if args.only != "bulk":
                    with Databases(servers).scope() as scope:
                        backfill(scope, engine, args)
            except MissingServer as missing:
                print(f"{engine:11} left out: {missing}")
    finally:
        servers.stop_all()


if __name__ == "__main__":
    main()
