"""Merge two records of one person, project, group or role that two sites made apart under different ids."""

from __future__ import annotations

import argparse

from keystone_viaduct.cli import _fleet
from keystone_viaduct.cli._terminal import Terminal
from keystone_viaduct.kinds.registry import REGISTRY, UNITABLE

HELP = "merge two ids of one user, group, project or role"


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("kind", choices=UNITABLE, metavar="KIND", help=f"one of {', '.join(UNITABLE)}")
    parser.add_argument("id", metavar="ID", help="which of the two goes")
    parser.add_argument("into", metavar="INTO-ID", help="which stays, with all that refers to either")
    parser.add_argument("--json", action="store_true", help="print as JSON")
    _fleet.add_arguments(parser)


def run(args: argparse.Namespace, terminal: Terminal) -> int:
    """Over the hub's API."""
    key, into = (_key(args.kind, text) for text in (args.id, args.into))
    found = _fleet.open_hub(args).merge(args.kind, key, into)
    terminal.json(found)
    terminal.say(f"{args.kind}/{key} is {args.kind}/{into} now, at every site once it is carried there")
    terminal.say(f"  {found['moved']} records refer to it instead, {found['equal']} it had already")
    if found["given_up"]:
        terminal.say(f"  {found['given_up']} only one of the two could have: `viaduct conflicts list`")
    terminal.say(f"  what the other was: `viaduct conflicts show {found['conflict']['id']}`")
    return 0


def _key(kind: str, identifier: str) -> str:
    """An id as it stands in a key."""
    return REGISTRY[kind].make_key(identifier)
