"""Forget a site that is gone for good: nothing waits for it any more, and its name is free.

What it alone knew is lost. It is done at the hub; a site that answers is refused, and the hub itself always.
"""

from __future__ import annotations

from keystone_viaduct.cli import _fleet
from keystone_viaduct.cli._options import DRY_RUN, FLEET, OUTPUT, Arguments, argument, flag
from keystone_viaduct.cli._terminal import UNCHANGED, Terminal, moment
from keystone_viaduct.errors import Refused, ViaductError
from keystone_viaduct.sync.model import Retired

HELP = "forget a site that is gone for good"
SECTION = "fleet"
EXAMPLES = ("viaduct retire west --dry-run", "viaduct retire west")


PARAMS = (
    argument("site", metavar="SITE", help="the site that is gone"),
    flag("--force", help="although it answers, or was heard less than an hour ago"),
    DRY_RUN,
    *OUTPUT,
    FLEET,
)


def run(args: Arguments, terminal: Terminal) -> int:
    """Over the hub's API. Raises NotThere, Refused."""
    from keystone_viaduct.sync.agent.topology import read_topology

    is_named = args.site in read_topology(args.config).sites
    hub = _fleet.open_hub(args)
    answers = is_named and args.site != hub.name and _answers(args)
    if answers and not args.force:
        raise Refused(
            f"{args.site} answers", hint="end it for good first, or add --force: its edits since are lost"
        )
    found = hub.retire(args.site, force=args.force, dry_run=args.dry_run)
    terminal.data({**found._asdict(), "answers": answers})
    if args.dry_run:
        return _tried(terminal, found, _last(found, answers=answers))
    terminal.say(f"{found.site} is retired; {_last(found, answers=answers)}")
    terminal.say("  what was done there and never reached the hub is lost")
    terminal.say(f"  {found.waiting} changes from it waited and are settled, {found.lost} of them given up")
    if found.lost:
        terminal.say("  `viaduct conflicts list` has each of them")
    if is_named:
        terminal.say(f"now take {found.site} out of {args.config}: the hub refuses it from now on")
    return 0


def _last(found: Retired, *, answers: bool) -> str:
    """When it was last there. (The hub notes that a site has read there once in a quarter of an hour.)"""
    if answers:
        return "it still answers"
    if not found.heard:
        return "it was never heard"
    return f"it was last heard at {moment(found.heard)}, or up to 15 minutes later"


def _tried(terminal: Terminal, found: Retired, last: str) -> int:
    terminal.say(f"{found.site} would be retired; {last}")
    terminal.say(
        f"  {found.waiting} changes from it wait and would be settled, {found.lost} of them given up"
    )
    terminal.say(UNCHANGED)
    return 0


def _answers(args: Arguments) -> bool:
    try:
        _fleet.open_site(args, args.site).capabilities()
    except ViaductError:
        return False
    return True
