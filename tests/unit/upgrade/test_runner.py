"""The runner against fakes that stop at any line: whatever is cut off goes on to its end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import pytest

from keystone_viaduct.errors import UpgradeError, UpgradeRefused, UpgradeState
from keystone_viaduct.upgrade.changes import AnyBridge
from keystone_viaduct.upgrade.ddl import dialect_for
from keystone_viaduct.upgrade.expression import Field, IsNull, Not
from keystone_viaduct.upgrade.operations import AddConstraint, RenameTable, ReplaceColumns
from keystone_viaduct.upgrade.ports import Difference, Entry, Place, Progress
from keystone_viaduct.upgrade.runner import Hooks, Runner
from keystone_viaduct.upgrade.steps import (
    Check,
    Observation,
    Phase,
    Refusal,
    Server,
    State,
    Statement,
    Steps,
    Upgrade,
)
from keystone_viaduct.upgrade.turns import next_step
from tests.bridges.declared import DECLARED

TRANSFORM = next(item.bridge for item in DECLARED if item.operation == "transform")
UPGRADE = Upgrade("next", (ReplaceColumns(TRANSFORM),))
ENGINES = ("sqlite", "postgresql", "mariadb", "mysql")


class Crash(BaseException):
    """The process is gone."""


class World:
    """What outlives a runner: the catalogue, the journal, the rows. ``crash`` counts down to the end."""

    def __init__(self, engine: str) -> None:
        self._server = Server(engine, (15, 0))
        self.facts: dict[tuple[str, str, str], str] = {("column", "thing", "is_public"): ""}
        self.states: dict[str, State] = {}
        self.digests: dict[str, str] = {}
        self.lines: dict[tuple[str, str], Entry] = {}
        self.ran: list[str] = []
        self.filled = 0
        self.found: list[Difference] = []
        self.mirrored: list[tuple[str, str]] = []
        self.refusals: list[Refusal] = []
        self.stopping: Refusal | None = None
        self.crash = -1

    def tick(self) -> None:
        """One line of the runner's outside."""
        self.crash -= 1
        if self.crash == 0:
            raise Crash

    # the database
    def server(self) -> Server:
        return self._server

    def forget(self) -> None:
        self.tick()

    def rows(self, table: str) -> int:
        return 3

    def observe(self, what: Observation) -> bool:
        self.tick()
        there = self.facts.get((what.seen.value, what.table, what.name))
        return (there is not None and what.detail in ("", there)) is what.there

    def refusal(self, statement: Statement) -> Refusal | None:
        return self.stopping if statement.lock.stops else None

    def run(self, statement: Statement) -> None:
        self.tick()
        what = statement.done
        self.ran.append(statement.sql)
        if what.there:
            self.facts[what.seen.value, what.table, what.name] = what.detail
        else:
            self.facts.pop((what.seen.value, what.table, what.name), None)
        self.tick()

    def problems(
        self, phase: Phase, server: Server, bridges: Sequence[AnyBridge], leaving: Collection[str] = ()
    ) -> Sequence[Refusal]:
        return self.refusals

    # the journal
    def acquire(self) -> None:
        self.tick()

    def release(self) -> None:
        self.tick()

    def begin(self, name: str, digest: str) -> State:
        self.tick()
        state = self.states.setdefault(name, State.PLANNED)
        if self.digests.setdefault(name, digest) != digest:
            raise UpgradeState("another declaration")
        return state

    def state(self, name: str) -> State | None:
        return self.states.get(name)

    def move(self, name: str, state: State) -> None:
        self.tick()
        self.states[name] = state
        self.tick()

    def intend(self, name: str, phase: str, step: str, sql: str) -> None:
        self.tick()
        self.lines.setdefault((phase, step), Entry(phase, step, sql, 1, 0))

    def observed(self, name: str, phase: str, step: str) -> None:
        self.tick()
        self.lines[phase, step] = Entry(phase, step, self.lines[phase, step].sql, 1, 1)
        self.tick()

    def entries(self, name: str) -> Sequence[Entry]:
        return list(self.lines.values())

    def mirrors(self, name: str, columns: Iterable[tuple[str, str]]) -> None:
        self.tick()
        self.mirrored = list(columns)

    def place(self, name: str, bridge: str) -> Place:
        return Place()

    def reached(self, name: str, bridge: str, place: Place) -> None:
        self.tick()

    # the rows
    def fill(self, upgrade: str, bridge: AnyBridge) -> Iterator[Progress]:
        while self.filled < 3:
            self.tick()
            self.filled += 1
            yield Progress(self.filled, 3 - self.filled)

    def differences(
        self, bridge: AnyBridge, checks: Sequence[Check] = (), *, written: bool = False
    ) -> Sequence[Difference]:
        self.tick()
        return self.found

    def wrong(self, check: Check) -> Difference:
        return Difference(check.kind, 0, "", True)

    def lost(self, bridge: AnyBridge) -> Difference:
        return Difference("lost", 0, "", True)

    # the marks
    def settle(self, bridges: Sequence[AnyBridge]) -> int:
        self.tick()
        return 0

    def clear(self, bridges: Sequence[AnyBridge]) -> None:
        self.tick()


def runner(world: World, hooks: Hooks | None = None, upgrade: Upgrade = UPGRADE) -> Runner:
    return Runner(upgrade, world, dialect_for(world.server()), world, world, world, world, world, hooks)


def to_contract(world: World) -> None:
    made = runner(world)
    made.expand()
    made.migrate()
    made.verify()
    made.contract()


def back_again(world: World) -> None:
    made = runner(world)
    made.expand()
    made.migrate()
    made.rollback()


def go_on(world: World, wanted: State) -> None:
    """What an operator does after a crash: what ``status`` says, until the end that he wants."""
    for _ in range(10):
        made, state = runner(world), world.states.get("next", State.PLANNED)
        if state is wanted:
            return
        made.resume()
        state = world.states["next"]
        if wanted is State.ROLLED_BACK and state not in (State.PLANNED, State.ROLLED_BACK):
            made.rollback()
        elif state is State.PLANNED:
            made.expand()
        elif state is State.EXPANDED:
            made.migrate()
        elif state is State.MIGRATED:
            made.verify()
        elif state is State.VERIFIED:
            made.contract()
    raise AssertionError(f"it never came to {wanted}")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("story", "wanted"), [(to_contract, State.CONTRACTED), (back_again, State.ROLLED_BACK)]
)
def test_a_runner_that_ends_at_any_line_is_followed_to_the_same_end(
    engine: str, story: Callable[[World], None], wanted: State
) -> None:
    whole = World(engine)
    story(whole)
    crashes = 0
    while True:
        world = World(engine)
        world.crash = crashes + 1
        try:
            story(world)
            break
        except Crash:
            crashes += 1
        world.crash = -1
        go_on(world, wanted)
        assert (world.facts, world.mirrored) == (whole.facts, [])
        assert sorted(world.ran) == sorted(whole.ran), "a statement was run twice, or left out"
    assert crashes > 40


def test_no_statement_of_contract_runs_before_verification() -> None:
    world = World("postgresql")
    made = runner(world)
    made.expand()
    made.migrate()
    before = list(world.ran)
    world.found = [Difference("inconsistent", 1, "k", True)]
    made.verify()
    with pytest.raises(UpgradeState, match="next: verify"):
        made.contract()
    world.found = []
    made.verify()
    world.found = [Difference("inconsistent", 1, "k", True)]
    with pytest.raises(UpgradeRefused, match="1 inconsistent"):
        made.contract()
    assert world.ran == before and world.states["next"] is State.VERIFIED


def test_only_after_verification_an_operator_is_told_to_start_new_code() -> None:
    told = [state for state in State if "start the new release" in next_step(state)]
    assert told == [State.VERIFIED]


def test_contract_is_refused_while_an_old_release_is_seen() -> None:
    world = World("postgresql")

    def seen(columns: Sequence[tuple[str, str]]) -> None:
        raise UpgradeRefused(f"the old release still runs, which knows {columns}")

    made = runner(world, Hooks(old_gone=seen))
    made.expand()
    made.migrate()
    made.verify()
    before = list(world.ran)
    with pytest.raises(UpgradeRefused, match=r"still runs, which knows \[\('thing', 'is_public'\)"):
        made.contract()
    assert world.ran == before and world.states["next"] is State.VERIFIED


def test_a_trigger_for_updates_is_armed_before_the_one_for_inserts_and_both_go_before_a_column() -> None:
    for engine in ENGINES:
        world = World(engine)
        to_contract(world)

        def at(*words: str, ran: list[str] = world.ran) -> int:
            return next(n for n, sql in enumerate(ran) if all(word in sql for word in words))

        assert at("CREATE TRIGGER", "_upd") < at("CREATE TRIGGER", "_ins")
        assert at("DROP TRIGGER", "_ins") < at("DROP COLUMN")
        assert at("DROP TRIGGER", "_upd") < at("DROP COLUMN")
        if engine != "sqlite":
            assert at("SET DEFAULT", "is_public") < at("DROP TRIGGER")


def test_a_statement_without_effect_stops_the_phase() -> None:
    world = World("mariadb")
    world.run = lambda statement: None  # type: ignore[method-assign]
    with pytest.raises(UpgradeError, match="had no effect"):
        runner(world).expand()
    assert world.states["next"] is State.EXPANDING


def test_what_would_stop_writers_at_contract_is_said_before_expand() -> None:
    world = World("mysql")
    world.stopping = Refusal("mysql", "writes wait would stand still", "allow it")
    table = TRANSFORM.table
    check = AddConstraint(table, "some", check=Not(IsNull(Field("id"))), columns=table.key)
    with pytest.raises(UpgradeRefused, match=r"thing: \+ constraint some: mysql: writes wait would stand"):
        runner(world, upgrade=Upgrade("next", (*UPGRADE.operations, check))).expand()
    assert not world.ran and not world.states


def test_a_rollback_undoes_the_last_operation_first() -> None:
    world = World("mariadb")
    rename = RenameTable(TRANSFORM.table, "item", ("id", "visibility"))
    made = runner(world, upgrade=Upgrade("next", (*UPGRADE.operations, rename)))
    made.expand()
    made.rollback()
    assert "DROP VIEW" in next(sql for sql in world.ran if "DROP" in sql)


def test_a_refused_operation_changes_nothing_and_says_the_way_out() -> None:
    class Refusing:
        title = "thing: a check"

        def steps(self, server: Server) -> Steps | Refusal:
            return Refusal(server.engine, "it would stop writers", "leave it out")

    world = World("mariadb")
    with pytest.raises(UpgradeRefused, match="thing: a check: mariadb: it would stop writers") as caught:
        runner(world, upgrade=Upgrade("next", (*UPGRADE.operations, Refusing()))).expand()
    assert caught.value.hint == "leave it out"
    assert not world.ran and not world.states
