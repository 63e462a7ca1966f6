"""What a bridge costs: bulk statements, backfills and the requests of a Keystone, beside the same without.

Bulk statements stand beside a trigger written by hand, an empty one, and none; backfills beside the same
batches without triggers, on tables of all sizes; requests beside a Keystone whose database has no bridge.
All stand side by side on one server and take turns, statement by statement, batch by batch, request by
request, so that what else the machine does meets them all alike. A factor is the median of the turns' own
factors. Bulk statements and batches are measured by two clocks: the server's processor time, and the clock
on the wall, which also counts the client, the network and the disk. The last line of an engine says the
worst of each by processor time, and what it must not be worse than.

    .venv/bin/python benchmarks/bridges.py --engine postgresql
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

ROOT = Path(__file__).resolve().parents[1]
sys.path[:] = [str(ROOT)] + [place for place in sys.path if Path(place).resolve() != ROOT / "benchmarks"]

from benchmarks import bridged_requests  # noqa: E402
from benchmarks.clocks import Clock, Took, factor  # noqa: E402
from keystone_viaduct.upgrade.backfill import SqlFiller  # noqa: E402
from keystone_viaduct.upgrade.operations import ReplaceColumns  # noqa: E402
from keystone_viaduct.upgrade.ports import Progress  # noqa: E402
from keystone_viaduct.upgrade.shape import Bridge  # noqa: E402
from keystone_viaduct.upgrade.throttle import Pace  # noqa: E402
from tests.bridges.declared import DECLARED  # noqa: E402
from tests.support.databases import Databases, DatabaseScope  # noqa: E402
from tests.support.servers import MissingServer, Servers, new_run_folder  # noqa: E402
from tests.support.upgrades import Site, make_table, site  # noqa: E402

ENGINES = ("sqlite", "postgresql", "mariadb", "mysql")
#: Rows to fill on each side: a smaller table is taken several times, or its batches were too few to tell.
_FEWEST = 100_000
#: Bytes of InnoDB's buffer pool: all tables fit. The tests' servers have so little that small tables would be
#: read again from their files after each turn of the large one.
_POOL = 1 << 30
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


def prepared(databases: DatabaseScope, engine: str, bridge: Bridge, rows: int) -> Site:
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
        f" SELECT {joined.format(places)}, {value} FROM {', '.join(f'digits d{n}' for n in digits)}"
        " ORDER BY 1",  # or a table's pages are as full as its size happens to make them
        "DROP TABLE digits",
    )
    return made


def widened(made: Site, bridge: Bridge) -> None:
    """The new column beside the old one, filled, and nothing that keeps them equal."""
    column = bridge.new[0]
    made.run(f"ALTER TABLE thing ADD COLUMN {column.name} VARCHAR({getattr(column.type, 'length', 16)})")


def bulk(databases: DatabaseScope, engine: str, operation: str, args: argparse.Namespace) -> float:
    """Bulk statements without a trigger, with an empty one, one by hand, and the bridge.

    How many times the one's by hand the bridge takes at worst.
    """
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
    clocks = {name: Clock(sites[name].database.engine, engine) for name in TURNS}
    worst = 0.0
    for what, said in STATEMENTS[operation].items():
        took: dict[str, list[Took]] = defaultdict(list)
        for turn in range(args.turns):
            for place in range(len(TURNS)):
                name = TURNS[(turn + place) % len(TURNS)]
                took[name].append(clocks[name].timed(lambda: sites[name].run(said.format(turn))))  # noqa: B023
                if what.startswith("INSERT"):
                    sites[name].run("DELETE FROM thing WHERE id LIKE 'i%'")
        beside = ", ".join(f"{name} {factor(took[name], took['none'], 'cpu'):.2f}" for name in TURNS[1:])
        cpu, wall = (factor(took["bridge"], took["by hand"], kind) for kind in ("cpu", "wall"))
        worst = max(worst, cpu)
        print(
            f"{engine:11} {operation:14} {args.bulk_rows:8} rows, {what} column: none 1, {beside};"
            f" bridge/by hand {cpu:.2f} (wall {wall:.2f})",
            flush=True,
        )
    return worst


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


def timed(tables: list[Site], engine: str, *, armed: bool, batch: int, number: int) -> Iterator[Took]:
    """What each of so many batches of each table takes."""
    for made in tables:
        clock, filling = Clock(made.database.engine, engine), batches(made, armed=armed, batch=batch)
        for _ in range(number):
            yield clock.timed(lambda: next(filling))  # noqa: B023
        for _ in filling:
            pass


def backfill(databases: DatabaseScope, engine: str, args: argparse.Namespace) -> tuple[float, float]:
    """The same batches with the triggers armed and without, and on tables of all sizes at the same time.

    The rate with triggers beside that without, at worst; and what a batch takes beside one of the largest
    table at the same moment, or the other way round, at worst.
    """
    sizes, batch = args.rows or [10_000, 100_000, 1_000_000], args.batch
    if engine in ("mariadb", "mysql"):
        with sa.create_engine(databases.empty(engine)).connect() as connection:
            connection.exec_driver_sql(f"SET GLOBAL innodb_buffer_pool_size = {_POOL}")
    tables = {rows: max(1, _FEWEST // rows) for rows in sizes}
    running, took = {}, defaultdict(list)
    for rows in sizes:
        for armed in (False, True):
            made = [prepared(databases, engine, BRIDGES["rename column"], rows) for _ in range(tables[rows])]
            running[rows, armed] = timed(made, engine, armed=armed, batch=batch, number=-(-rows // batch))
    largest, moments = max(sizes), defaultdict(list)
    for number in range(largest // batch):
        for rows in sizes:
            whole = rows * tables[rows]
            if rows == largest or number * whole // largest == (number + 1) * whole // largest - 1:
                moments[rows].append(number)
                for armed in (False, True) if number % 2 else (True, False):
                    took[rows, armed].append(next(running[rows, armed]))
    for running_one in running.values():
        for _ in running_one:
            pass
    least, spread = 1e9, 1.0
    for rows in sizes:
        counting = -(-rows // batch)  # the first batch of each table also counts its rows
        later = [place for place in range(len(moments[rows])) if place % counting]
        plain, armed_ = ([took[rows, armed][place] for place in later] for armed in (False, True))
        cpu, wall = (factor(plain, armed_, kind) for kind in ("cpu", "wall"))
        least = min(least, cpu)
        beside = [took[largest, True][moments[rows][place]] for place in later]  # of the same moments
        size = factor(armed_, beside, "cpu")
        spread = max(spread, size, 1 / size)
        cost = 1e6 * statistics.median(one.cpu for one in armed_) / batch
        rates = [batch / statistics.median(one.wall for one in side) for side in (plain, armed_)]
        print(
            f"{engine:11} {rows:8} rows, backfill in {len(moments[rows])} batches: without triggers"
            f" {rates[0]:.0f} rows/s, with {rates[1]:.0f} rows/s, {cost:.1f} us of the server's a row"
            f" ({size:.2f} of what the largest takes): {cpu:.2f} (wall {wall:.2f})",
            flush=True,
        )
    return least, spread


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rows", type=int, action="append", help="may be repeated (default: 10000, 100000, 1000000)"
    )
    parser.add_argument("--turns", type=int, default=9, help="how often each bulk statement is run")
    parser.add_argument("--batch", type=int, default=500, help="rows of a backfill's batch")
    parser.add_argument("--bulk-rows", type=int, default=20_000)
    parser.add_argument("--repetitions", type=int, default=40, help="how often each request is sent")
    parser.add_argument("--engine", action="append", help=f"{', '.join(ENGINES)}; may be repeated")
    parser.add_argument("--only", choices=("bulk", "backfill", "requests"))
    args = parser.parse_args()
    servers = Servers(new_run_folder(), os.getpid())
    try:
        for engine in args.engine or ENGINES:
            try:
                print(f"{engine:11} load {os.getloadavg()[0]:.1f}", flush=True)
                print(f"{engine:11} worst: {', '.join(judged(servers, engine, args))}", flush=True)
            except MissingServer as missing:
                print(f"{engine:11} left out: {missing}")
    finally:
        servers.stop_all()


def judged(servers: Servers, engine: str, args: argparse.Namespace) -> Iterator[str]:
    """Measure what is wanted on one engine: the worst of each beside what it must keep to."""
    if args.only in (None, "bulk"):
        worst = 0.0
        for operation in BRIDGES:
            with Databases(servers).scope() as scope:
                worst = max(worst, bulk(scope, engine, operation, args))
        yield f"bulk {worst:.2f} (<= 1.15)"
    if args.only in (None, "backfill"):
        with Databases(servers).scope() as scope:
            least, spread = backfill(scope, engine, args)
        yield f"backfill {least:.2f} (>= 0.80), sizes {spread:.2f} (<= 1.15)"
    if args.only in (None, "requests"):
        with Databases(servers).scope() as scope:
            slowest = bridged_requests.measure(scope, engine, args.repetitions)
        yield f"requests {slowest:.2f} (<= 1.05)"


if __name__ == "__main__":
    main()
