"""Merge two records of one person, project, group or role that two sites made apart under different ids."""

from __future__ import annotations

from typing import Any

from keystone_viaduct.cli import _fleet
from keystone_viaduct.cli._options import DRY_RUN, FLEET, OUTPUT, Arguments, argument
from keystone_viaduct.cli._terminal import UNCHANGED, Terminal
from keystone_viaduct.kinds.registry import REGISTRY, UNITABLE

HELP = "merge two ids of one user, group, project or role"
SECTION = "waiting"
EXAMPLES = ("viaduct merge user 0c1d… 9a8b… --dry-run", "viaduct merge user 0c1d… 9a8b…")


PARAMS = (
    argument("kind", choices=UNITABLE, metavar="KIND", help=f"one of {', '.join(UNITABLE)}"),
    argument("id", metavar="ID", help="which of the two goes"),
    argument("into", metavar="INTO-ID", help="which stays, with all that refers to either"),
    DRY_RUN,
    *OUTPUT,
    FLEET,
)


def run(args: Arguments, terminal: Terminal) -> int:
    """Over the hub's API."""
    key, into = (_key(args.kind, text) for text in (args.id, args.into))
    found = _fleet.open_hub(args).merge(args.kind, key, into, dry_run=args.dry_run)
    terminal.data(found)
    if args.dry_run:
        return _tried(terminal, args.kind, found)
    terminal.say(f"{args.kind}/{key} is {args.kind}/{into} now, at every site once it is carried there")
    terminal.say(f"  {found['moved']} records refer to it instead, {found['equal']} it had already")
    if found["given_up"]:
        terminal.say(f"  {found['given_up']} only one of the two could have: `viaduct conflicts list`")
    terminal.say(f"  what the other was: `viaduct conflicts show {found['conflict']['id']}`")
    return 0


def _tried(terminal: Terminal, kind: str, found: dict[str, Any]) -> int:
    terminal.say(f"{kind}/{found['conflict']['key']} would be {kind}/{found['conflict']['into']}")
    terminal.say(f"  {found['moved']} records would refer to it instead, {found['equal']} it has already")
    terminal.say(f"  {found['given_up']} would be given up, and listed")
    for write in found["writes"]:
        terminal.say(f"  would {write['does']} {write['kind']}/{write['key']}")
    if found["written"] > len(found["writes"]):
        terminal.say(f"  and {found['written'] - len(found['writes'])} more")
    terminal.say(UNCHANGED)
    return 0


def _key(kind: str, identifier: str) -> str:
    """An id as it stands in a key."""
    return REGISTRY[kind].make_key(identifier)
