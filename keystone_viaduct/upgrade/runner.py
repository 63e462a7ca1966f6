"""Plays an upgrade phase by phase: intent, statement, observation. What was cut off goes on without guessing.

Knows ports only. A phase may be asked for again while it is unfinished: what the journal has as done is left
alone, what was begun is looked for in the catalogue first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from keystone_viaduct.errors import UpgradeError, UpgradeRefused, UpgradeState

from .changes import AnyBridge, Arm, Change, DropForeignKey, DropIndex
from .order import changes_of, clashes, confirmed, in_turn
from .ports import (
    MARKED,
    Catalogue,
    Dialect,
    Difference,
    Executor,
    Filler,
    Journal,
    Marks,
    Preflight,
    Progress,
    Scripts,
    Verifier,
)
from .shape import digest
from .steps import Observation, Operation, Phase, Refusal, Seen, State, Statement, Steps, Upgrade
from .turns import BEFORE_NEW_CODE, TURN, next_step

_Place = tuple[str, str]
#: How often both sides are compared again because a mark was open at that moment.
_LOOKS = 20


class LivePort(Catalogue, Executor, Protocol):
    """A database: what it says about itself, and DDL on it."""

    def forget(self) -> None:
        """Facts may have changed."""


@dataclass(frozen=True)
class Planned:
    """What one operation will do: statements by phase, or why it will not.

    None: the service's own migrations (``title`` names them).
    """

    operation: Operation | None
    steps: Steps | None
    refusal: Refusal | None
    statements: dict[Phase, tuple[Statement, ...]] = field(default_factory=dict)
    scripts: str = ""

    @property
    def title(self) -> str:
        """One line for people."""
        return f"scripts of {self.scripts}" if self.operation is None else self.operation.title


@dataclass(frozen=True)
class Hooks:
    """What whoever runs an upgrade wants to hear of, and to do at its turning points.

    ``watch``: the columns that capture must watch have changed. ``old_gone``: raise UpgradeRefused while an
    old release may still run.
    """

    ran: Callable[[Statement], None] = lambda statement: None
    filled: Callable[[AnyBridge, Progress], None] = lambda bridge, progress: None
    watch: Callable[[], None] = lambda: None
    old_gone: Callable[[Sequence[_Place]], None] = lambda columns: None


class Runner:
    """One upgrade on one database."""

    def __init__(
        self,
        upgrade: Upgrade,
        database: LivePort,
        dialect: Dialect,
        journal: Journal,
        filler: Filler,
        verifier: Verifier,
        preflight: Preflight,
        marks: Marks,
        hooks: Hooks | None = None,
        scripts: Scripts | None = None,
    ) -> None:
        self.upgrade = upgrade
        self._database = database
        self._dialect = dialect
        self._journal = journal
        self._filler = filler
        self._verifier = verifier
        self._preflight = preflight
        self._marks = marks
        self._hooks = hooks or Hooks()
        self._scripts = scripts

    def plan(self, phases: Sequence[Phase] = tuple(Phase)) -> list[Planned]:
        """What the service's own migrations and each operation would do here; nothing is changed.

        ``phases``: of the migrations only these are shown, for they are played for it.
        """
        found = []
        if self._scripts is not None:
            wanted = [phase for phase in (Phase.EXPAND, Phase.CONTRACT) if phase in phases]
            statements = {phase: tuple(self._scripts.statements(phase)) for phase in wanted}
            found.append(Planned(None, None, None, statements, self._scripts.release))
        return [*found, *self._planned_operations()]

    def _planned_operations(self) -> list[Planned]:
        return [self._planned(operation) for operation in self.upgrade.operations]

    def expand(self) -> State:
        """New columns and triggers.

        This and the other phases raise UpgradeRefused, UpgradeState, TableBusy, UpgradeError, LeaseHeld.
        """
        steps = self._steps()
        if self._journal.state(self.upgrade.name) in (None, State.PLANNED, State.ROLLED_BACK):
            self._refuse_what_is_known(Phase.EXPAND, steps)
            self._refuse_what_stops(*Phase)
        mirrors = _new_places(steps)
        return self._phase(Phase.EXPAND, lambda: self._change(Phase.EXPAND, steps, mirrors))

    def migrate(self) -> State:
        """Fill the rows that were there before."""
        steps = self._steps()

        def fill() -> None:
            for bridge in _bridges(steps):
                for progress in self._filler.fill(self.upgrade.name, bridge):
                    self._hooks.filled(bridge, progress)
            self._marks.settle(_bridges(steps))

        return self._phase(Phase.MIGRATE, fill)

    def verify(self) -> list[tuple[str, Difference]]:
        """Compare. Only without a fatal difference is the upgrade verified."""
        steps = self._steps()
        state = self._begun()
        if state not in (State.MIGRATED, State.VERIFIED):
            raise self._wrong_turn(Phase.VERIFY, state)
        found = self._differences(steps, written=state is State.VERIFIED)
        if state is State.MIGRATED and not any(item.fatal for _, item in found):
            self._journal.move(self.upgrade.name, State.VERIFIED)
        return found

    def contract(self) -> State:
        """Take the bridge and the old columns away, once nothing needs them."""
        steps = self._steps()
        mirrors = _old_places(steps)

        def change() -> None:
            if self._journal.state(self.upgrade.name) is State.VERIFIED:
                self._refuse_early_contract(steps)
                self._journal.move(self.upgrade.name, State.CONTRACTING)
            self._change(Phase.CONTRACT, steps, mirrors)
            self._marks.clear(_bridges(steps))
            self._refuse_unconfirmed(steps)

        return self._phase(Phase.CONTRACT, change, announce=False)

    def rollback(self, *, accept_loss: bool = False) -> State:
        """Take the bridge and the new columns away. Refused while that would lose what only they hold."""
        steps = self._steps()
        mirrors = _new_places(steps)

        def change() -> None:
            state = self._journal.state(self.upgrade.name)
            if state is not State.ROLLING_BACK:
                self._marks.settle(_bridges(steps))
                if state not in BEFORE_NEW_CODE and not accept_loss:
                    self._refuse_loss(steps)
                self._journal.move(self.upgrade.name, State.ROLLING_BACK)
            self._change(Phase.ROLLBACK, steps, mirrors)
            self._marks.clear(_bridges(steps))

        return self._phase(Phase.ROLLBACK, change, announce=False)

    def resume(self) -> State:
        """Go on with the phase that was cut off; nothing happens if none was."""
        state = self._begun()
        unfinished: dict[State, Callable[[], State]] = {
            State.EXPANDING: self.expand,
            State.MIGRATING: self.migrate,
            State.CONTRACTING: self.contract,
            State.ROLLING_BACK: self.rollback,
        }
        return unfinished[state]() if state in unfinished else state

    def _planned(self, operation: Operation) -> Planned:
        steps = operation.steps(self._database.server())
        if isinstance(steps, Refusal):
            return Planned(operation, None, steps)
        rendered: dict[Phase, tuple[Statement, ...]] = {}
        for phase in (Phase.EXPAND, Phase.CONTRACT, Phase.ROLLBACK):
            found: list[Statement] = []
            for change in changes_of(steps, phase):
                statements = self._dialect.statements(change, self._database.server())
                if isinstance(statements, Refusal):
                    return Planned(operation, None, statements)
                found += statements
            rendered[phase] = tuple(found)
        return Planned(operation, steps, None, rendered)

    def _steps(self) -> list[Steps]:
        """Of every operation. Raises UpgradeRefused, naming the first that can't be done here."""
        found = []
        for planned in self._planned_operations():
            if planned.refusal is not None:
                refusal = planned.refusal
                raise UpgradeRefused(
                    f"{planned.title}: {refusal.engine}: {refusal.reason}", hint=refusal.way_out
                )
            if planned.steps is not None:
                found.append(planned.steps)
        return found

    def _begun(self) -> State:
        return self._journal.begin(self.upgrade.name, digest(self.upgrade))

    def _wrong_turn(self, phase: Phase, state: State) -> UpgradeState:
        return UpgradeState(
            f"{self.upgrade.name} is {state}: it is not the turn of {phase}", hint=f"next: {next_step(state)}"
        )

    def _phase(self, phase: Phase, work: Callable[[], None], *, announce: bool = True) -> State:
        """Check the turn, do the work between its two states. ``announce``: move to the one in -ing first."""
        begin, during, after = TURN[phase]
        state = self._begun()
        if state is after:
            return state
        if state is not during and state not in begin:
            raise self._wrong_turn(phase, state)
        if announce and state is not during:
            self._journal.move(self.upgrade.name, during)
        work()
        self._journal.move(self.upgrade.name, after)
        return after

    def _change(self, phase: Phase, steps: Sequence[Steps], mirrors: Sequence[_Place]) -> None:
        """All changes of a phase; what capture has to look at is settled before a column comes or goes.

        The service's own migrations are the first to expand and the last to contract. They have no way back.
        """
        if phase is Phase.EXPAND:
            self._play_scripts(phase)
        self._journal.mirrors(self.upgrade.name, mirrors)
        self._hooks.watch()
        entries = self._journal.entries(self.upgrade.name)
        done = {entry.step for entry in entries if entry.done_at and entry.phase == phase}
        for change in in_turn(steps, phase):
            self._database.forget()
            for statement in self._rendered(change):
                if step_of(statement) not in done:
                    self._play(phase, statement)
        if phase is Phase.CONTRACT:
            self._play_scripts(phase)
        if phase is not Phase.EXPAND:
            self._journal.mirrors(self.upgrade.name, ())
            self._hooks.watch()

    def _play_scripts(self, phase: Phase) -> None:
        if self._scripts is not None:
            self._scripts.run(self.upgrade.name, phase, self._hooks.ran)

    def _rendered(self, change: Change) -> Sequence[Statement]:
        statements = self._dialect.statements(change, self._database.server())
        if isinstance(statements, Refusal):
            raise UpgradeRefused(f"{statements.engine}: {statements.reason}", hint=statements.way_out)
        return statements

    def _play(self, phase: Phase, statement: Statement) -> None:
        """Intent, statement, observation."""
        name, step = self.upgrade.name, step_of(statement)
        self._journal.intend(name, phase, step, statement.sql)
        if not self._database.observe(statement.done):
            self._database.run(statement)
            if not self._database.observe(statement.done):
                raise UpgradeError(
                    f"the database took {statement.sql}, but it had no effect",
                    hint="look at the table, then go on by resume",
                    sql=statement.sql,
                )
            self._hooks.ran(statement)
        self._journal.observed(name, phase, step)

    def _differences(self, steps: Sequence[Steps], *, written: bool) -> list[tuple[str, Difference]]:
        """By the name of the bridge, or of the table where there is none.

        Writers go on leaving marks: so it is looked again until there is none in the moment that is compared.
        """
        found: list[tuple[str, Difference]] = []
        for _ in range(_LOOKS):
            left = self._marks.settle(_bridges(steps))
            found = self._compared(steps, written=written)
            if left or not any(item.kind == MARKED for _, item in found):
                break
        return found

    def _compared(self, steps: Sequence[Steps], *, written: bool) -> list[tuple[str, Difference]]:
        found: list[tuple[str, Difference]] = []
        for item in steps:
            for bridge in item.bridges:
                rows = [check for check in item.checks if check.holds is not None]
                differences = self._verifier.differences(bridge, rows, written=written)
                found += [(bridge.name, difference) for difference in differences]
            rest = [check for check in item.checks if not item.bridges or check.holds is None]
            checked = [(check.table.name, self._verifier.wrong(check)) for check in rest]
            found += [(name, difference) for name, difference in checked if difference.rows]
        return found

    def _refuse_early_contract(self, steps: Sequence[Steps]) -> None:
        """Triggers gone, rows that differ, or an old release that still runs: then nothing is taken away."""
        for change in (change for item in steps for change in item.expand if isinstance(change, Arm)):
            self._refuse_without_triggers(change)
        wrong = [item for _, item in self._differences(steps, written=True) if item.fatal]
        if wrong:
            said = ", ".join(f"{item.rows} {item.kind} (like {item.example})" for item in wrong)
            raise UpgradeRefused(
                f"{self.upgrade.name}: rows are not as they should be: {said}",
                hint="mend them; verify lists them",
            )
        self._refuse_what_is_known(Phase.CONTRACT, steps)
        self._refuse_what_stops(Phase.CONTRACT)
        self._hooks.old_gone(_old_places(steps))

    def _refuse_what_is_known(self, phase: Phase, steps: Sequence[Steps]) -> None:
        """What would stop the phase halfway stops it now, before anything is changed."""
        bridges = _bridges(steps)
        contract = [change for item in steps for change in item.contract]
        leaving = {item.index.name for item in contract if isinstance(item, DropIndex)}
        leaving |= {item.key.place for item in contract if isinstance(item, DropForeignKey)}
        server = self._database.server()
        found = [*clashes(steps, server.engine), *self._preflight.problems(phase, server, bridges, leaving)]
        if found:
            said = "; ".join(item.reason for item in found)
            ways = "; ".join(dict.fromkeys(item.way_out for item in found))
            raise UpgradeRefused(f"{self.upgrade.name}: {found[0].engine}: {said}", hint=ways)

    def _refuse_what_stops(self, *phases: Phase) -> None:
        """A statement that will not be run is said before the first one is: no phase ends halfway by it."""
        for planned in self.plan(phases):
            for statement in (item for phase in phases for item in planned.statements.get(phase, ())):
                found = self._database.refusal(statement)
                if found is not None:
                    raise UpgradeRefused(
                        f"{planned.title}: {found.engine}: {found.reason}", hint=found.way_out
                    )

    def _refuse_unconfirmed(self, steps: Sequence[Steps]) -> None:
        """Rows that came between verification and a constraint that looked at none."""
        wrong = [self._verifier.wrong(check) for check in confirmed(steps)]
        said = ", ".join(f"{item.rows} {item.kind} (like {item.example})" for item in wrong if item.rows)
        if said:
            raise UpgradeError(
                f"{self.upgrade.name}: the constraint is there, and rows from before it break it: {said}",
                hint="mend them, then resume",
            )

    def _refuse_without_triggers(self, change: Arm) -> None:
        for statement in self._rendered(change):
            if statement.done.seen is Seen.TRIGGER and not self._database.observe(statement.done):
                raise UpgradeRefused(
                    f"trigger {statement.done.name} is gone or was changed: rows may differ since",
                    hint="roll back, or make it again as plan prints it and verify",
                )

    def _refuse_loss(self, steps: Sequence[Steps]) -> None:
        bridges = _bridges(steps)
        lost = [item for item in map(self._verifier.lost, bridges) if item.rows]
        if lost:
            said = ", ".join(f"{item.rows} rows (like {item.example})" for item in lost)
            raise UpgradeRefused(
                f"{self.upgrade.name}: only the new columns can hold what is in {said}",
                hint="--accept-loss goes back to what the old columns say",
            )


def _bridges(steps: Sequence[Steps]) -> list[AnyBridge]:
    return [bridge for item in steps for bridge in item.bridges]


def _new_places(steps: Sequence[Steps]) -> list[_Place]:
    """The columns that only the new release knows: until contract nobody else hears of them."""
    bridged = [place for item in steps for bridge in item.bridges for place in bridge.places("new")]
    return list(dict.fromkeys([*bridged, *(place for item in steps for place in item.appears)]))


def _old_places(steps: Sequence[Steps]) -> list[_Place]:
    """The columns that are to go."""
    bridged = [place for item in steps for bridge in item.bridges for place in bridge.places("old")]
    return list(dict.fromkeys([*bridged, *(place for item in steps for place in item.disappears)]))


def step_of(statement: Statement) -> str:
    """What the statement brings about: the same in every run, and for every release of ours."""
    what: Observation = statement.done
    detail = what.detail if what.detail in ("valid", "idle") else ""
    there = "" if what.there else "no "
    return f"{there}{what.seen.value} {what.table}.{what.name} {detail}".rstrip()
