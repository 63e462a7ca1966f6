"""Upgrade a schema while old and new releases write to it, phase by phase.

The operations are declared in a Python file. `plan` shows each statement and what it locks; `expand` adds
the new columns and the triggers that keep both sides equal; `migrate` fills what is there; `verify` compares.
Then the new release is started. Once no old one runs, `contract` takes the old columns away; until then
`rollback` goes back. Between tables, and where only Python can compute a value, `repair` runs all the
while. What was cut off goes on with `resume`. Exit code 1: verification found rows that differ, or a table
stayed busy; 2: nothing was done.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from keystone_viaduct.cli._options import KEYSTONE, OUTPUT, Arguments, argument, flag, option
from keystone_viaduct.cli._terminal import Terminal, moment
from keystone_viaduct.clock import SystemClock

if TYPE_CHECKING:
    from keystone_viaduct.cli._upgrading import Place
    from keystone_viaduct.upgrade.releases import Named
    from keystone_viaduct.upgrade.runner import Runner

HELP = "upgrade a schema while old and new releases write to it"
SECTION = "storage"
EXAMPLES = (
    "viaduct upgrade plan upgrade.py",
    "viaduct upgrade expand upgrade.py",
    "viaduct upgrade status",
)
EXIT_CODES = {1: "rows differ, or a table stayed busy"}
PHASES = ("plan", "expand", "migrate", "verify", "contract", "rollback", "status", "resume", "repair")


def _share(text: str | float) -> float:
    value = float(text)
    if not 0 < value <= 1:
        raise click.BadParameter("a share is more than 0 and at most 1")
    return value


PARAMS = (
    argument("phase", choices=PHASES, metavar="PHASE", help=" | ".join(PHASES)),
    argument(
        "file", metavar="FILE", help="the declaration; all but status need it or --upstream", required=False
    ),
    option(
        "--upstream", metavar="PYTHON", help="run Keystone's own migrations too: of the release that is there"
    ),
    option("--database", metavar="URL", help="another database than Keystone's"),
    flag("--accept-loss", help="rollback: lose what only new columns hold"),
    flag("--once", help="repair: what is marked now, then end"),
    option("--sample", type=_share, default=1.0, metavar="SHARE", help="verify: a part of the rows"),
    *(
        option(
            f"--{release}-{kind}",
            default="",
            metavar="NAME",
            help=f"contract: the {kind} by which the {release} release connects",
        )
        for release in ("old", "new")
        for kind in ("program", "account")
    ),
    option("--also-at", metavar="URL", help="contract: another node of the cluster; repeatable", many=True),
    flag("--lock-old-account", help="contract: let nobody come back by the old account"),
    flag("--unobserved", help="contract: I know that no old release runs"),
    flag("--allow-stopping", help="also what makes writers stand still"),
    option(
        "--patience", type=float, default=120.0, metavar="SECONDS", help="how long a busy table is tried for"
    ),
    *OUTPUT,
    *KEYSTONE,
)


def _named(args: Arguments) -> Named:
    from keystone_viaduct.upgrade.releases import Named
    from keystone_viaduct.upgrade.sessions import Identity

    old = Identity(args.old_account, args.old_program)
    new = Identity(args.new_account, args.new_program)
    return Named(old, new, tuple(args.also_at or ()), lock=args.lock_old_account)


def run(args: Arguments, terminal: Terminal) -> int:
    """One phase."""
    from keystone_viaduct.cli._upgrading import open_place, open_runner, watch
    from keystone_viaduct.upgrade.releases import Leaving, refuse_while_old_runs
    from keystone_viaduct.upgrade.runner import Hooks

    with open_place(args) as place:
        if args.phase == "status":
            return _status(place, terminal)
        if args.phase == "repair":
            return _repair(args, place, terminal)

        def old_gone(columns: Sequence[tuple[str, str]]) -> None:
            if not args.unobserved:
                leaving = Leaving(columns, runner.upgrade.scripts)
                engine, clock = place.database.engine, SystemClock()
                terminal.say(refuse_while_old_runs(engine, _named(args), leaving, clock))

        hooks = Hooks(
            ran=lambda statement: terminal.say(f"done: {statement.sql}"),
            filled=_Filling(terminal).say,
            watch=lambda: watch(place),
            old_gone=old_gone,
        )
        with open_runner(args, place, hooks) as runner:
            if args.phase == "plan":
                return _plan(runner, place, terminal)
            if args.phase == "verify":
                return _verify(runner, terminal)
            return _move(args, runner, terminal)


def _repair(args: Arguments, place: Place, terminal: Terminal) -> int:
    """Until a signal comes. Exit code 1 where ``--once`` leaves something."""
    from keystone_viaduct.cli._upgrading import repairer

    worker = repairer(args, place)
    if args.once:
        left = worker.settle()
        failed = worker.once().failed if left else {}
        worker.close()
        for record, said in failed.items():
            terminal.say(f"{record}: {said}")
        terminal.data({"left": left, "failed": failed})
        terminal.say(f"{left} marks are left" if left else "no mark is left")
        return 1 if left else 0
    stop, told = threading.Event(), dict[str, str]()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    def tell(failed: dict[str, str]) -> None:
        for record in (item for item in failed if told.get(item) != failed[item]):
            terminal.say(f"{record}: {failed[record]}")
        told.clear()
        told.update(failed)

    terminal.say("settling marks until a signal comes")
    worker.run(stop, lambda done: tell(done.failed))
    return 0


class _Filling:
    """Tells of a backfill at each tenth of it, with the time that is left."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._clock = SystemClock()
        self._begun: dict[str, tuple[int, int]] = {}
        self._told: dict[str, int] = {}

    def say(self, bridge: Any, progress: Any) -> None:
        """A batch is done."""
        now = self._clock.now()
        since, before = self._begun.setdefault(bridge.name, (now, progress.rows))
        whole = progress.rows + progress.total
        tenth = 10 if not progress.total else 10 * progress.rows // whole
        if self._told.get(bridge.name) == tenth:
            return
        self._told[bridge.name] = tenth
        done = progress.rows - before
        left = (
            f", {progress.total * (now - since) // done // 1_000_000} s left" if done and tenth < 10 else ""
        )
        self._terminal.say(f"{bridge.name}: {progress.rows} of {whole} rows filled{left}")


def _move(args: Arguments, runner: Runner, terminal: Terminal) -> int:
    from keystone_viaduct.upgrade.turns import next_step

    if args.phase == "rollback":
        state = runner.rollback(accept_loss=args.accept_loss)
    else:
        state = getattr(runner, args.phase)()
    terminal.data({"upgrade": runner.upgrade.name, "state": state.value, "next": next_step(state)})
    terminal.say(f"{runner.upgrade.name} is {state}; next: {next_step(state)}")
    return 0


def _plan(runner: Runner, place: Place, terminal: Terminal) -> int:
    """Statements with their locks. Exit code 1 when something is refused."""
    found: list[dict[str, Any]] = []
    refused = False
    for planned in runner.plan():
        title = planned.title
        if planned.refusal is not None:
            refused = True
            terminal.say(f"{title}: refused on {planned.refusal.engine}: {planned.refusal.reason}")
            terminal.say(f"  way out: {planned.refusal.way_out}")
            found.append({"operation": title, "refused": planned.refusal.reason})
        for phase, statements in planned.statements.items():
            for item in statements:
                rows = place.database.rows(item.table)
                terminal.say(f"{title}, {phase}, locks: {item.lock}, {item.table} has about {rows} rows")
                terminal.say(f"  {item.sql}")
                entry = {"operation": title, "phase": phase.value, "sql": item.sql}
                found.append({**entry, "lock": item.lock.value, "table": item.table, "rows": rows})
    terminal.data({"upgrade": runner.upgrade.name, "plan": found})
    return 1 if refused else 0


def _verify(runner: Runner, terminal: Terminal) -> int:
    """Differences by kind. Exit code 1 when one stands in the way of contract."""
    found = runner.verify()
    terminal.data(
        {
            "differences": [
                {
                    "bridge": name,
                    "kind": item.kind,
                    "rows": item.rows,
                    "example": item.example,
                    "fatal": item.fatal,
                }
                for name, item in found
            ]
        }
    )
    rows = [(name, item.kind, item.rows, item.example, "yes" if item.fatal else "no") for name, item in found]
    if rows:
        terminal.table("Differences", ("bridge", "kind", "rows", "like", "in the way of contract"), rows)
    wrong = any(item.fatal for _, item in found)
    terminal.say("rows differ" if wrong else "both sides agree: the new release may be started")
    return 1 if wrong else 0


def _status(place: Place, terminal: Terminal) -> int:
    from keystone_viaduct.cli._upgrading import marks_of
    from keystone_viaduct.upgrade.turns import next_step

    states = place.journal.states() if place.journal.is_prepared() else []
    terminal.data(
        {"upgrades": [{"name": name, "state": state.value, "since": since} for name, state, since in states]}
    )
    if not states:
        terminal.say("no upgrade has been begun on this database")
        return 0
    rows = [(name, state, moment(since), next_step(state)) for name, state, since in states]
    terminal.table("Upgrades", ("name", "state", "since", "next"), rows)
    waiting = marks_of(place)
    if waiting:
        terminal.say(f"{waiting} marks wait for `viaduct upgrade repair`")
    for name, _, _ in states:
        for entry in (item for item in place.journal.entries(name) if not item.done_at):
            terminal.say(f"{name}: begun and not seen to be done: {entry.sql}")
    return 0
