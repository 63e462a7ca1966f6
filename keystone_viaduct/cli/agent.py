"""Carry changes between the sites of a fleet.

Runs beside the hub until it gets SIGTERM or SIGINT; any number of them may run, one works. The sites tell
which of them is the hub, should another one have been promoted. What it needs to know is in viaduct.yaml (the
sites) and clouds.yaml (how to log in there: system-scoped administrators).
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from keystone_viaduct.cli import _access
from keystone_viaduct.cli._logging import FORMATS, log_to_stderr
from keystone_viaduct.cli._options import ACCESS, FLEET, OUTPUT, Arguments, flag, option
from keystone_viaduct.cli._terminal import Tenths, Terminal
from keystone_viaduct.errors import AccessUndecided, ConfigError

if TYPE_CHECKING:
    from keystone_viaduct.dashboard.serve import Dashboard
    from keystone_viaduct.sync.adopt import Choices
    from keystone_viaduct.sync.agent.agent import Agent, Failure
    from keystone_viaduct.sync.agent.following import Following
    from keystone_viaduct.sync.agent.joining import Choosing
    from keystone_viaduct.sync.agent.topology import Topology
    from keystone_viaduct.sync.model import Ref

HELP = "carry changes between the sites"
SECTION = "fleet"
EXAMPLES = (
    "viaduct agent --config viaduct.yaml",
    "viaduct agent --check --connect",
    "viaduct agent --first-load --access both,hub",
)
EXIT_CODES = {
    1: "a site could not be reached, or a change not carried",
    3: "joining a site would change somebody's access, and nobody has chosen how",
}
LOG = logging.getLogger(__name__)


PARAMS = (
    FLEET,
    flag("--once", help="carry what there is, then end"),
    flag("--first-load", help="fill new sites, with progress bars, then end"),
    flag("--check", help="read the configuration, change nothing"),
    flag("--connect", help="with --check: also log in at each site, and ask what it is"),
    *ACCESS,
    *OUTPUT,
    flag("-v", "--verbose", help="say more in the log"),
    option("--log-format", choices=FORMATS, default="text", help="how the log is written, to standard error"),
)
EXCLUSIVE = (("once", "first_load", "check"),)


def run(args: Arguments, terminal: Terminal) -> int:
    """Read the fleet's file and work."""
    from keystone_viaduct.sync.agent.following import follow_hub
    from keystone_viaduct.sync.agent.topology import read_topology

    log_to_stderr(args.log_format, verbose=args.verbose)
    topology = read_topology(args.config)
    following = follow_hub(topology, _choosing(args, topology), strict=len(topology.spokes) == 1)
    if args.connect and not args.check:
        raise ConfigError("--connect goes with --check", hint="`viaduct agent --check --connect`")
    if args.check:
        return _check(args, topology, terminal)
    if not (args.once or args.first_load):
        return _serve(following, topology)
    agent = following.settle()
    failures = agent.once() if args.once else _first_load(agent, terminal, everything=args.all)
    return _report(agent, failures, terminal)


def _check(args: Arguments, topology: Topology, terminal: Terminal) -> int:
    """What the files say, and what the sites say to that."""
    from keystone_viaduct.cli import _connecting
    from keystone_viaduct.sync.agent.agent import doubts_of, open_site

    terminal.say(f"{args.config}: hub {topology.hub}, spokes {', '.join(topology.spokes)}")
    for doubt in (warnings := doubts_of(topology)):
        terminal.say(f"! {doubt}")
    told: dict[str, object] = {"hub": topology.hub, "spokes": topology.spokes, "warnings": warnings}
    reached: list[_connecting.Reached] = []
    if args.connect:
        reached = _connecting.reach(topology.sites, lambda name: open_site(topology, name), topology.hub)
        told["sites"] = _connecting.as_data(reached)
    for one in reached:
        if one.error:
            terminal.say_error(f"✗ {one.site}: {one.error}\n  hint: {one.hint}")
        else:
            terminal.say(f"✓ {one.site}: {one.says}")
    terminal.data(told)
    return 1 if any(one.error for one in reached) else 0


def _serve(following: Following, topology: Topology) -> int:
    """Work until a signal says to end."""
    from keystone_viaduct.sync.agent.agent import doubts_of
    from keystone_viaduct.sync.agent.listener import Listener

    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    for doubt in doubts_of(topology):
        LOG.warning("%s", doubt)
    dashboard = _dashboard(following, topology)  # what is wrong with it is known before anything works
    address = topology.agent.listen
    listener = (
        Listener(lambda: following.agent, address, open_status=topology.agent.open_status)
        if address
        else None
    )
    if listener is not None:
        listener.start()
        LOG.info("listening on %s:%s", *listener.address)
    following.start()
    if dashboard is not None:
        dashboard.start()
        LOG.info("the dashboard is at %s", dashboard.url)
    done.wait()
    if dashboard is not None:
        dashboard.stop()
    if listener is not None:
        listener.stop()
    ended = following.stop()
    LOG.info("ended" if ended else "ended; a step was still waiting for its site")
    return 0


def _dashboard(following: Following, topology: Topology) -> Dashboard | None:
    """None where viaduct.yaml does not ask for one. Raises ConfigError."""
    settings = topology.agent.dashboard
    if settings is None:
        return None
    try:
        from keystone_viaduct.dashboard.serve import Dashboard
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the dashboard needs {error.name}", hint="pip install 'keystone-viaduct[dashboard]'"
        ) from error
    return Dashboard(topology, lambda: following.agent, settings)


def _choosing(args: Arguments, topology: Topology) -> Choosing:
    """The command line's choices over viaduct.yaml's, and those over what was chosen before."""

    def choose(site: str, stored: Mapping[Ref, str]) -> Choices:
        return _access.choices_of(args, stored, topology.sites[site].access)

    return choose


def _announce(agent: Agent, terminal: Terminal, *, everything: bool) -> None:
    for joining in agent.joinings.values():
        if joining.plan is not None and joining.settled is not None:
            _access.announce(terminal.out, joining.plan, joining.settled, everything=everything)


def _first_load(agent: Agent, terminal: Terminal, *, everything: bool) -> list[Failure]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from keystone_viaduct.sync.agent.loading import Position, first_load

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    watched = terminal.err.is_terminal
    bars = Progress(*columns, console=terminal.err, disable=not (terminal.for_people and watched))
    tasks = {lane.name: bars.add_task(f"{lane.source} → {lane.target}", total=None) for lane in agent.lanes}

    lines = {lane.name: Tenths(f"{lane.source} → {lane.target}", terminal.say_error) for lane in agent.lanes}

    def told(position: Position) -> None:
        bars.update(tasks[position.lane], completed=position.done, total=position.total)
        if terminal.for_people and not watched:
            lines[position.lane].at(position.done, position.total)

    def announced() -> None:
        if terminal.for_people:
            _announce(agent, terminal, everything=everything)
        bars.start()

    try:
        return first_load(agent, told, announced)
    finally:
        bars.stop()


def _report(agent: Agent, failures: list[Failure], terminal: Terminal) -> int:
    from keystone_viaduct.sync.agent.status import snapshot

    for lane in agent.lanes:
        totals = lane.replicator.totals
        terminal.say(
            f"{lane.source} → {lane.target}: {totals.changes} changes, {totals.applied} applied, "
            f"{totals.pending} waiting"
        )
    for failure in failures:
        terminal.say_error(f"{failure.lane}: {failure.error}")
    errors = [
        {
            "link": found.lane,
            "code": found.error.code,
            "message": found.error.message,
            "hint": found.error.hint,
        }
        for found in failures
    ]
    terminal.data({**snapshot(agent), "errors": errors})
    if any(isinstance(failure.error, AccessUndecided) for failure in failures):
        return AccessUndecided.exit_code
    return 1 if failures else 0
