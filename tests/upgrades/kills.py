"""``make test-upgrade-kills``: the runner is killed at random moments, again and again, on every engine.

Each story is an upgrade of all operations that the engine has (``mix``), to its contract or to its rollback,
of tables to which old code writes. A runner is a process. It gets SIGKILL after a random time, soon after one
of its next steps, or when it comes to the operation that was met least, and the next one goes on; now and
then two are there at once. A kill met the operation that was at work. The last line is ``kills=N
violations=0`` and what was met; ``--kills`` counts per engine.
"""

from __future__ import annotations

import argparse
import mmap
import os
import random
import signal
import struct
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import sqlalchemy as sa

from keystone_viaduct.clock import SystemClock
from keystone_viaduct.errors import LeaseHeld
from keystone_viaduct.triggers.compiler import target_of
from keystone_viaduct.upgrade.journal import SqlJournal
from keystone_viaduct.upgrade.marks import MARKS
from keystone_viaduct.upgrade.ports import Place
from keystone_viaduct.upgrade.runner import step_of
from keystone_viaduct.upgrade.shape import PREFIX
from keystone_viaduct.upgrade.steps import State
from tests.support.databases import Databases
from tests.support.servers import MissingServer, Servers, new_run_folder
from tests.support.upgrades import Site
from tests.upgrades.mix import OPERATIONS, made_of, make, named, old_code, wrong

MOST_RUNS = 90
#: A runner is killed soon after one of so many steps, or after at most so many seconds.
_STEPS, _SECONDS = 25, 2.5
#: Whatever it does, a runner that is not done by then hangs.
_PATIENCE = 300.0
#: Old code is there.
_EARLY = frozenset(State) - {State.CONTRACTING, State.CONTRACTED} | {None}


@dataclass
class Tally:
    """What came of the stories of one engine."""

    kills: int = 0
    stories: int = 0
    violations: list[str] = field(default_factory=list)
    met: Counter[str] = field(default_factory=Counter)
    """By operation: the kills of runners that were at work on it."""


class Shared:
    """What a runner's process tells of itself, which outlives it: how many steps, and of which operation."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 8)

    def tell(self, operation: int) -> None:
        """One step more; 0: of none."""
        self._memory[:] = struct.pack("=II", self.told()[0] + 1, operation)

    def told(self) -> tuple[int, int]:
        """How many steps, and the operation of the last one."""
        steps, operation = struct.unpack("=II", self._memory[:])
        return steps, operation


class TellingJournal(SqlJournal):
    """A journal that tells at each step of which operation it is, before it is taken."""

    def __init__(self, made: Site, shared: Shared, places: dict[tuple[str, str], int]) -> None:
        super().__init__(made.database.engine, SystemClock(), seconds=2.0)
        self._shared, self._places = shared, places

    def intend(self, name: str, phase: str, step: str, sql: str) -> None:
        """See :class:`keystone_viaduct.upgrade.ports.Journal`."""
        self._shared.tell(self._places.get((phase, step), 0))
        super().intend(name, phase, step, sql)

    def place(self, name: str, bridge: str) -> Place:
        """See :class:`keystone_viaduct.upgrade.ports.Journal`."""
        self._shared.tell(self._places.get(("migrate", bridge), 0))
        return super().place(name, bridge)

    def reached(self, name: str, bridge: str, place: Place) -> None:
        """See :class:`keystone_viaduct.upgrade.ports.Journal`."""
        self._shared.tell(self._places.get(("migrate", bridge), 0))
        super().reached(name, bridge, place)


def play(databases: Databases, engine: str, kills: int, chance: random.Random) -> Tally:
    """Stories until so many runners were killed."""
    tally = Tally()
    while tally.kills < kills:
        wanted = chance.choice((State.CONTRACTED, State.CONTRACTED, State.ROLLED_BACK))
        with databases.scope() as scope:
            _Story(scope.empty(engine), wanted, tally, chance).play()
        tally.stories += 1
    return tally


class _Story:
    def __init__(self, url: str, wanted: State, tally: Tally, chance: random.Random) -> None:
        self.url, self.wanted, self.tally, self.chance = url, wanted, tally, chance

    def play(self) -> None:
        """Runner after runner."""
        make(self.url)
        self.places = _places(made_of(self.url))
        for number in range(MOST_RUNS):
            _write(self.url, number)
            patient = number >= MOST_RUNS - 5
            codes = self._run(patient)
            if wrong_codes := [one for one in codes if one not in (0, _HELD, -signal.SIGKILL)]:
                self.tally.violations.append(f"a runner ended with {wrong_codes[0]}")
                return
            if 0 in codes:
                break
        self._judge()

    def _run(self, patient: bool) -> list[int]:
        """A runner, and now and then a second one; what became of them."""
        runners = [self._begun()]
        if not patient and self.chance.random() > 0.8:
            runners.append(self._begun())
        codes = [self._killed_or_done(child, shared, patient) for child, shared in runners]
        for code, (_, shared) in zip(codes, runners, strict=True):
            _, operation = shared.told()
            self.tally.kills += code == -signal.SIGKILL
            if code == -signal.SIGKILL and operation:
                self.tally.met[named(OPERATIONS[operation - 1])] += 1
        return codes

    def _begun(self) -> tuple[int, Shared]:
        """A runner in a process of its own; its pid."""
        shared = Shared()
        child = os.fork()
        if child == 0:
            try:
                _go_on(self.url, self.wanted, shared, self.places)
                os._exit(0)
            except LeaseHeld:
                os._exit(_HELD)
            except BaseException:  # noqa: BLE001 -- whatever it is, this process must end here
                traceback.print_exc()
                os._exit(1)
        return child, shared

    def _killed_or_done(self, child: int, shared: Shared, patient: bool) -> int:
        """-9 if the runner was killed, otherwise its exit code."""
        chosen, deadline = self._moment(patient), time.monotonic() + _PATIENCE
        last = self.chance.uniform(0, self.chance.choice((0.005, 0.05)))
        begun = time.monotonic()
        while time.monotonic() < deadline:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            if chosen(time.monotonic() - begun, *shared.told()):
                time.sleep(last)
                break
            time.sleep(0.001)
        os.kill(child, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def _moment(self, patient: bool) -> Callable[[float, int, int], bool]:
        """When it is killed, by the seconds and steps that it has had, and the operation that it is at."""
        kind = self.chance.random()
        if patient:
            return lambda seconds, steps, operation: False
        if kind < 0.2:
            most = self.chance.uniform(0.02, _SECONDS)
            return lambda seconds, steps, operation: seconds > most
        if kind < 0.7:
            wanted = self.chance.randint(1, _STEPS)
            return lambda seconds, steps, operation: steps >= wanted
        there = sorted(set(self.places.values()))
        met = [self.tally.met[named(OPERATIONS[number - 1])] for number in there]
        aim = self.chance.choice(
            [number for number, kills in zip(there, met, strict=True) if kills == min(met)]
        )
        return lambda seconds, steps, operation: operation == aim

    def _judge(self) -> None:
        """The wanted state, no trigger and no mark too many, and tables as the operations make them."""
        made = made_of(self.url)
        state = made.journal.state("next")
        if state is not self.wanted:
            self.tally.violations.append(f"{state} instead of {self.wanted}")
            return
        with made.database.engine.connect() as connection:
            left = [item.name for item in target_of(connection.dialect).installed(connection, PREFIX)]
            marks = connection.execute(sa.select(sa.func.count()).select_from(MARKS)).scalar_one()
        if left or marks:
            self.tally.violations.append(f"triggers are left: {left}, and {marks} marks")
        self.tally.violations += wrong(made, contracted=self.wanted is State.CONTRACTED)
        made.database.close()


#: The exit code of a runner that found another one at work.
_HELD = 75


def _places(made: Site) -> dict[tuple[str, str], int]:
    """(phase, step) or (migrate, bridge): of which operation it is, counted from one."""
    found: dict[tuple[str, str], int] = {}
    with made.runner() as runner:
        for planned in runner.plan():
            assert planned.operation is not None and planned.steps is not None
            number = OPERATIONS.index(planned.operation) + 1
            for bridge in planned.steps.bridges:
                found["migrate", bridge.name] = number
            for phase, statements in planned.statements.items():
                for statement in statements:
                    found.setdefault((phase, step_of(statement)), number)
    return found


def _go_on(url: str, wanted: State, shared: Shared, places: dict[tuple[str, str], int]) -> None:
    """Phase after phase, as ``status`` tells."""
    made = made_of(url)
    made.journal = TellingJournal(made, shared, places)
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
    made = made_of(url)
    made.journal.prepare()
    if made.journal.state("next") in _EARLY:
        made.run(*old_code(number))
    made.database.close()


def _told(met: Counter[str]) -> str:
    """How many kills each operation met."""
    return " ".join(f"{name}={met[name]}" for name in map(named, OPERATIONS))


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
    kills, violations, met = 0, 0, Counter[str]()
    print(f"seed {args.seed}", flush=True)
    try:
        for engine in args.engine or ("sqlite", "postgresql", "mariadb", "mysql"):
            try:
                tally = play(Databases(servers), engine, args.kills, random.Random(f"{args.seed}/{engine}"))
            except MissingServer as missing:
                print(f"{engine:12} left out: {missing}", flush=True)
                continue
            kills, violations = kills + tally.kills, violations + len(tally.violations)
            met += tally.met
            print(
                f"{engine:12} stories={tally.stories} kills={tally.kills} {_told(tally.met)}",
                *tally.violations,
                sep="\n  ",
                flush=True,
            )
    finally:
        servers.stop_all()
    print(f"kills={kills} violations={violations} met: {_told(met)}")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
