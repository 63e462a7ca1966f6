"""``make test-upgrade-kills``: the runner is killed at random moments, again and again, on every engine.

Each story is an upgrade of all operations that the engine has, to its contract or to its rollback, of a
table to which old code writes. A runner is a process; it gets SIGKILL after a random time, and the next one
goes on; now and then two are there at once. The last line is ``kills=N violations=0``; ``--kills`` counts
per engine.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import time
import traceback
from dataclasses import dataclass, field

import sqlalchemy as sa

from keystone_viaduct.errors import LeaseHeld
from keystone_viaduct.triggers.compiler import target_of
from keystone_viaduct.upgrade.expression import AsInteger, Field, Scalar, same
from keystone_viaduct.upgrade.operations import (
    AddColumn,
    AddComputedColumn,
    AddConstraint,
    ChangeKey,
    ChangeType,
    DropColumn,
    RenameColumn,
    RenameTable,
    ReplaceColumns,
)
from keystone_viaduct.upgrade.shape import PREFIX, Column
from keystone_viaduct.upgrade.steps import Operation, State
from keystone_viaduct.upgrade.types import Integer, Text
from tests.bridges.declared import DECLARED, TABLE
from tests.support.databases import Databases
from tests.support.servers import MissingServer, Servers, new_run_folder
from tests.support.upgrades import Site, make_table, seeded, site

DECLARED_BRIDGE = next(item for item in DECLARED if item.operation == "split")
BRIDGE = DECLARED_BRIDGE.bridge
LOGIN, GONE = (Column(name, Text(8), nullable=False) for name in ("login", "gone"))
LABEL, TITLE = (Column(name, Text(8)) for name in ("label", "title"))
FURTHER = (LOGIN, LABEL, TITLE, GONE)
NUMBER = AsInteger(Field("label"))
OLD = {"id", "note", "socket", *(column.name for column in FURTHER)}
NEW = {"id", "note", "address", "port", "account", "label", "number", "title", "locale"}
#: Those that SQLite refuses are left out there. The table's other name comes last.
OPERATIONS: tuple[Operation, ...] = (
    ReplaceColumns(BRIDGE),
    RenameColumn(TABLE, LOGIN, "account"),
    AddColumn(TABLE, Column("locale", Text(8), nullable=False, default="en")),
    AddComputedColumn(TABLE, Column("number", Integer(), nullable=False), NUMBER, (LABEL,), fallback=0),
    ChangeType(TABLE, TITLE, Text(16)),
    DropColumn(TABLE, GONE, meanwhile="m"),
    AddConstraint(TABLE, "one_title", unique=("id", "title")),
    ChangeKey(TABLE, Column("uuid", Text(32), nullable=False)),
    RenameTable(TABLE, "item", (*sorted(NEW), "uuid")),
)
ROWS = 40
MOST_RUNS = 90
#: Old code is there.
_EARLY = frozenset(State) - {State.CONTRACTING, State.CONTRACTED} | {None}


def made_of(url: str) -> Site:
    """The upgrade, of what its database takes."""
    left_out = (ChangeKey, RenameTable) if url.startswith("sqlite") else ()
    return site(url, *(item for item in OPERATIONS if not isinstance(item, left_out)))


@dataclass
class Tally:
    """What came of the stories of one engine."""

    kills: int = 0
    stories: int = 0
    violations: list[str] = field(default_factory=list)


def play(databases: Databases, engine: str, kills: int, chance: random.Random) -> Tally:
    """Stories until so many runners were killed."""
    tally = Tally()
    while tally.kills < kills:
        wanted = chance.choice((State.CONTRACTED, State.CONTRACTED, State.ROLLED_BACK))
        with databases.scope() as scope:
            _story(scope.empty(engine), wanted, tally, chance)
        tally.stories += 1
    return tally


def _story(url: str, wanted: State, tally: Tally, chance: random.Random) -> None:
    rows = seeded(BRIDGE, DECLARED_BRIDGE.values, ROWS)
    for number, row in enumerate(rows):
        row.update(
            login=f"l{number}", label=("7", "007", "x", None)[number % 4], title=f"t{number}", gone="g"
        )
    make_table(url, BRIDGE, rows, *FURTHER)
    before = made_of(url).rows("thing")
    for number in range(MOST_RUNS):
        _write(url, number)
        patient = number >= MOST_RUNS - 5
        second = None if patient or chance.random() < 0.8 else _begun(url, wanted)
        code = _killed_or_done(_begun(url, wanted), 120.0 if patient else chance.uniform(0.02, 2.5))
        others = [] if second is None else [_killed_or_done(second, chance.uniform(0.02, 0.5))]
        tally.kills += sum(one == -signal.SIGKILL for one in (code, *others))
        if wrong := [one for one in (code, *others) if one not in (0, _HELD, -signal.SIGKILL)]:
            tally.violations.append(f"a runner ended with {wrong[0]}")
            return
        if 0 in (code, *others):
            break
    _judge(url, wanted, before, tally)


#: The exit code of a runner that found another one at work.
_HELD = 75


def _begun(url: str, wanted: State) -> int:
    """A runner in a process of its own; its pid."""
    child = os.fork()
    if child == 0:
        try:
            _go_on(url, wanted)
            os._exit(0)
        except LeaseHeld:
            os._exit(_HELD)
        except BaseException:  # noqa: BLE001 -- whatever it is, this process must end here
            traceback.print_exc()
            os._exit(1)
    return child


def _killed_or_done(child: int, seconds: float) -> int:
    """-9 if the runner was killed, otherwise its exit code."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _go_on(url: str, wanted: State) -> None:
    """Phase after phase, as ``status`` tells."""
    made = made_of(url)
    with made.runner() as runner:
        if made.journal.state("next") is not wanted:
            state = runner.resume()
            while state is not wanted:
                if state is State.PLANNED:
                    state = runner.expand()
                elif state is State.EXPANDED:
                    state = runner.migrate()
                elif wanted is State.ROLLED_BACK:
                    state = runner.rollback(accept_loss=True)
                elif state is State.MIGRATED:
                    runner.verify()
                    state = State.VERIFIED
                else:
                    state = runner.contract()


def _write(url: str, number: int) -> None:
    """As old code does, until the last of it is gone before contract."""
    made = site(url, *OPERATIONS)
    made.journal.prepare()
    if made.journal.state("next") in _EARLY:
        made.run(f"UPDATE thing SET socket = 'h:{number}', login = 'w' WHERE id = 'k0001'")
        made.run(
            "INSERT INTO thing (id, socket, login, label, title, gone)"
            f" VALUES ('w{number}', 'w:{number}', 'w', '{number}', 't', 'g')"
        )
    made.database.close()


def _judge(url: str, wanted: State, before: dict[str, dict[str, Scalar]], tally: Tally) -> None:
    """The wanted state, no column and no trigger too many, and every row as the operations make it."""
    made = made_of(url)
    contracted = wanted is State.CONTRACTED
    kinds = {type(item) for item in made.upgrade.operations}
    columns = NEW | ({"uuid"} if ChangeKey in kinds else set()) if contracted else OLD
    table, other = ("item", "thing") if contracted and RenameTable in kinds else ("thing", "item")
    state = made.journal.state("next")
    if state is not wanted or set(made.columns(table)) != columns:
        tally.violations.append(f"{state} with {sorted(made.columns(table))} instead of {wanted}")
        return
    inspector = sa.inspect(made.database.engine)
    if other in (*inspector.get_table_names(), *inspector.get_view_names()):
        tally.violations.append(f"{other} is still there")
    with made.database.engine.connect() as connection:
        left = [item.name for item in target_of(connection.dialect).installed(connection, PREFIX)]
    if left:
        tally.violations.append(f"triggers are left: {left}")
    rows = made.rows(table)
    for key in before.keys() - {"k0001"}:
        expected = _contracted(before[key]) if contracted else before[key]
        if key not in rows or not all(same(rows[key][name], value) for name, value in expected.items()):
            tally.violations.append(f"{key}: {rows.get(key)} instead of {expected}")
    if "uuid" in columns and len({row["uuid"] for row in rows.values()}) != len(rows):
        tally.violations.append("two rows have the same key")
    made.database.close()


def _contracted(row: dict[str, Scalar]) -> dict[str, Scalar]:
    """What becomes of a row of before."""
    pairs = zip(BRIDGE.new, BRIDGE.total_up(), strict=True)
    split = {column.name: value.value(row) for column, value in pairs}
    number = NUMBER.value(row)
    kept = {name: row[name] for name in ("id", "note", "label", "title")}
    return {
        **split,
        **kept,
        "account": row["login"],
        "locale": "en",
        "number": 0 if number is None else number,
    }


def main() -> int:
    """Play and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="runners killed, per engine")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument(
        "--engine", action="append", help="sqlite, postgresql, mariadb, mysql; may be repeated"
    )
    args = parser.parse_args()
    servers = Servers(new_run_folder(), os.getpid())
    kills, violations = 0, 0
    print(f"seed {args.seed}", flush=True)
    try:
        for engine in args.engine or ("sqlite", "postgresql", "mariadb", "mysql"):
            try:
                tally = play(Databases(servers), engine, args.kills, random.Random(f"{args.seed}/{engine}"))
            except MissingServer as missing:
                print(f"{engine:12} left out: {missing}", flush=True)
                continue
            kills, violations = kills + tally.kills, violations + len(tally.violations)
            print(
                f"{engine:12} stories={tally.stories} kills={tally.kills}",
                *tally.violations,
                sep="\n  ",
                flush=True,
            )
    finally:
        servers.stop_all()
    print(f"kills={kills} violations={violations}")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
