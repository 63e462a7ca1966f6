"""Look after the sweep of a site: what it has found, and the deletions that wait for a person.

A sweep compares the rows of Keystone's tables with their records. Where many rows are gone and no trigger saw
it (a table emptied, a partial restore), the deletions are held: `confirm` numbers them, `discard` has the
records brought back from the other side. Putting the rows back by hand settles it, too.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from keystone_viaduct.cli import _fleet
from keystone_viaduct.cli._options import DRY_RUN, FLEET, OUTPUT, Arguments, argument, option
from keystone_viaduct.cli._terminal import UNCHANGED, Terminal
from keystone_viaduct.errors import ConfigError

if TYPE_CHECKING:
    from keystone_viaduct.sync.wire.upkeep import Report

HELP = "show the sweep of a site, and decide what it has held"
SECTION = "waiting"
EXAMPLES = (
    "viaduct sweep west",
    "viaduct sweep west confirm --kind user --dry-run",
    "viaduct sweep west confirm --kind user",
)
EXIT_CODES = {1: "deletions wait for a person", 2: "the site can't be asked"}
ERROR_EXIT_CODE = 2
BATCH = 500
MICROSECONDS = 1_000_000


PARAMS = (
    argument("site", metavar="SITE", help="the site"),
    argument(
        "action",
        choices=("status", "run", "confirm", "discard"),
        default="status",
        help="status (the default); run: go through a whole round now; confirm: the deletions were meant; "
        "discard: they were not, bring the records back",
    ),
    option("--kind", metavar="KIND", help="decide this kind only; may be repeated", many=True),
    DRY_RUN,
    *OUTPUT,
    FLEET,
)


def run(args: Arguments, terminal: Terminal) -> int:
    """Exit code 1 while deletions wait for a person, 2 when the site can't be asked."""
    from keystone_viaduct.kinds.registry import get

    kinds = frozenset(get(kind).name for kind in args.kind) if args.kind else None
    if kinds is not None and args.action in ("status", "run"):
        raise ConfigError("--kind goes with confirm and discard", hint="leave it out")
    if args.dry_run and args.action in ("status", "run"):
        raise ConfigError("--dry-run goes with confirm and discard", hint="leave it out")
    site = _fleet.open_site(args, args.site)
    if args.action == "run":
        while site.sweep(BATCH).kind:
            pass
    decided = 0
    if args.action in ("confirm", "discard") and not args.dry_run:
        decided = site.decide_held(kinds, confirm=args.action == "confirm")
    report = site.swept()
    if args.dry_run:
        decided = sum(number for kind, number in report.held.items() if kinds is None or kind in kinds)
    held = [{"kind": i.ref.kind, "key": i.ref.key, "reason": str(i.reason)} for i in report.records]
    terminal.data(
        {"sweep": asdict(report.place), "held": dict(report.held), "records": held, "decided": decided}
    )
    _show(terminal, args, report, decided)
    return 1 if report.held else 0


def _show(terminal: Terminal, args: Arguments, report: Report, decided: int) -> None:
    if args.dry_run:
        what = "numbered, and go" if args.action == "confirm" else "undone: the records come"
        terminal.say(f"{decided} deletions would be {what} to all sites")
        terminal.say(UNCHANGED)
    elif args.action == "confirm":
        terminal.say(f"{decided} deletions are on their way to the other sites")
    elif args.action == "discard":
        terminal.say(f"{decided} records are brought back with the agent's next pages")
    place = report.place
    now = f"at {place.kind} {place.key}" if place.kind else "between two rounds"
    terminal.say(f"{args.site}: {now}, {place.checked} checked, {place.found} found, {place.deleted} deleted")
    terminal.say(f"last round ended: {_time(place.finished)}")
    rows = [[kind, number] for kind, number in report.held.items()]
    if rows:
        terminal.table("Deletions that wait", ["kind", "records"], rows)
        terminal.say("`confirm` if they were meant, `discard` to have the records brought back")


def _time(stamp: int) -> str:
    if not stamp:
        return "never"
    return datetime.fromtimestamp(stamp / MICROSECONDS, UTC).isoformat(sep=" ", timespec="seconds")
