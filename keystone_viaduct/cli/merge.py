"""Merge two records of one person, project, group or role that two sites made apart under different ids."""

from __future__ import annotations

from keystone_viaduct.cli import _fleet
from keystone_viaduct.cli._options import FLEET, OUTPUT, Arguments, argument
from keystone_viaduct.cli._terminal import Terminal
from keystone_viaduct.kinds.registry import REGISTRY, UNITABLE

HELP = "merge two ids of one user, group, project or role"
SECTION = "waiting"
EXAMPLES = ("viaduct merge user 0c1d… 9a8b…",)


PARAMS = (
    argument("kind", choices=UNITABLE, metavar="KIND", help=f"one of {', '.join(UNITABLE)}"),
    argument("id", metavar="ID", help="which of the two goes"),
    argument("into", metavar="INTO-ID", help="which stays, with all that refers to either"),
    *OUTPUT,
    FLEET,
)


def run(args: Arguments, terminal: Terminal) -> int:
    """Over the hub's API."""
    key, into = (_key(args.kind, text) for text in (args.id, args.into))
    found = _fleet.open_hub(args).merge(args.kind, key, into)
    terminal.data(found)
    terminal.say(f"{args.kind}/{key} is {args.kind}/{into} now, at every site once it is carried there")
    terminal.say(f"  {found['moved']} records refer to it instead, {found['equal']} it had already")
    if found["given_up"]:
        terminal.say(f"  {found['given_up']} only one of the two could have: `viaduct conflicts list`")
    terminal.say(f"  what the other was: `viaduct conflicts show {found['conflict']['id']}`")
    return 0


def _key(kind: str, identifier: str) -> str:
    """An id as it stands in a key."""
    return REGISTRY[kind].make_key(identifier)
