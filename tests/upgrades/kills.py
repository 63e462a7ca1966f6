"""``make test-upgrade-kills``: the runner is killed at random moments, again and again, on every engine.

Each story is an upgrade to its contract, or to its rollback, of a table to which old code writes. A runner is
a process; it gets SIGKILL after a random time, and the next one goes on. The last line is ``kills=N
violations=0``; ``--kills`` counts per engine.
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

from keystone_viaduct.upgrade.expression import Scalar, same
from keystone_viaduct.upgrade.operations import ReplaceColumns
from keystone_viaduct.upgrade.steps import State
from tests.bridges.declared import DECLARED
from tests.support.databases import Databases
from tests.support.servers import MissingServer, Servers, new_run_folder
from tests.support.upgrades import make_table, seeded, site

DECLARED_BRIDGE = next(item for item in DECLARED if item.operation == "split")
BRIDGE = DECLARED_BRIDGE.bridge
ROWS = 40
MOST_RUNS = 60


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
    make_table(url, BRIDGE, seeded(BRIDGE, DECLARED_BRIDGE.values, ROWS))
    before = site(url, ReplaceColumns(BRIDGE)).rows("thing")
    for number in range(MOST_RUNS):
        _write(url, number)
        code = _killed_or_done(url, wanted, chance.uniform(0.02, 1.2) if number < MOST_RUNS - 5 else 60.0)
        tally.kills += code == -signal.SIGKILL
        if code not in (0, -signal.SIGKILL):
            tally.violations.append(f"a runner ended with {code}")
            return
        if code == 0:
            break
    _judge(url, wanted, before, tally)


def _killed_or_done(url: str, wanted: State, seconds: float) -> int:
    """A runner in a process of its own; -9 if it was killed, otherwise its exit code."""
    child = os.fork()
    if child == 0:
        try:
            _go_on(url, wanted)
            os._exit(0)
        except BaseException:  # noqa: BLE001 -- whatever it is, this process must end here
            traceback.print_exc()
            os._exit(1)
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
    made = site(url, ReplaceColumns(BRIDGE))
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
    """As old code does, while its column is there."""
    made = site(url, ReplaceColumns(BRIDGE))
    if "socket" in made.columns("thing"):
        made.run(f"UPDATE thing SET socket = 'h:{number}' WHERE id = 'k0001'")
        made.run(f"INSERT INTO thing (id, socket) VALUES ('w{number}', 'w:{number}')")
    made.database.close()


def _judge(url: str, wanted: State, before: dict[str, dict[str, Scalar]], tally: Tally) -> None:
    """The wanted state, no column and no trigger too many, and every row as ``up`` makes it."""
    made = site(url, ReplaceColumns(BRIDGE))
    state, columns = made.journal.state("next"), set(made.columns("thing"))
    side = BRIDGE.new if wanted is State.CONTRACTED else BRIDGE.old
    if state is not wanted or columns != {"id", "note", *(column.name for column in side)}:
        tally.violations.append(f"{state} with {sorted(columns)} instead of {wanted}")
    rows = made.rows("thing")
    for key, row in before.items():
        if key == "k0001":
            continue
        expected = {column.name: row[column.name] for column in BRIDGE.old}
        if wanted is State.CONTRACTED:
            values = zip(BRIDGE.new, BRIDGE.total_up(), strict=True)
            expected = {column.name: value.value(row) for column, value in values}
        if key not in rows or not all(same(rows[key][name], value) for name, value in expected.items()):
            tally.violations.append(f"{key}: {rows.get(key)} instead of {expected}")
    made.database.close()


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
