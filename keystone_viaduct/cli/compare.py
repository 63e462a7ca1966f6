"""Compare a spoke with the hub, record by record, at a cost in proportion to what differs.

Goes over both sites' API; what is named is only where they differ, never what a record holds. What is on its
way is said apart from what the feeds have missed; --mend has the sites show the latter again.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from keystone_viaduct.cli import _fleet
from keystone_viaduct.cli._terminal import Terminal
from keystone_viaduct.errors import ConfigError

if TYPE_CHECKING:
    from keystone_viaduct.sync.agent.upkeep import Comparison, Difference

HELP = "compare a spoke with the hub"
ERROR_EXIT_CODE = 2
#: Differences that are named one by one to a person.
NAMED = 20


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("site", metavar="SITE", help="the spoke")
    parser.add_argument("--kind", action="append", metavar="KIND", help="this kind only; may be repeated")
    parser.add_argument("--mend", action="store_true", help="have both sites show what was missed")
    parser.add_argument("--json", action="store_true", help="print as JSON")
    _fleet.add_arguments(parser)


def run(args: argparse.Namespace, terminal: Terminal) -> int:
    """Exit code 0 when they are equal, 1 when not, 2 when they can't be compared."""
    from keystone_viaduct.kinds.registry import get
    from keystone_viaduct.sync.agent.upkeep import compare, show

    kinds = frozenset(get(kind).name for kind in args.kind) if args.kind else None
    hub, spoke = _fleet.open_hub(args), _fleet.open_site(args, args.site)
    if hub.name == spoke.name:
        raise ConfigError(f"{hub.name} is the hub", hint="name the spoke that it is to be compared with")
    found = compare(hub, spoke, kinds)
    shown = show(found) if args.mend else 0
    terminal.json(_report(found, shown))
    _show(terminal, found, shown)
    return 1 if found.differences else 0


def _report(found: Comparison, shown: int) -> dict[str, Any]:
    missed = {item.ref for item in found.missed}
    return {
        "hub": found.hub.name,
        "spoke": found.spoke.name,
        "records": found.records,
        "differences": len(found.differences),
        "kinds": found.by_kind,
        "missed": len(missed),
        "shown": shown,
        "list": [
            {"kind": item.ref.kind, "key": item.ref.key, "at": _where(item), "missed": item.ref in missed}
            for item in found.differences
        ],
    }


def _where(item: Difference) -> str:
    if item.hub is None:
        return "spoke"
    return "hub" if item.spoke is None else "both"


def _show(terminal: Terminal, found: Comparison, shown: int) -> None:
    hub, spoke = found.hub.name, found.spoke.name
    if not found.differences:
        terminal.say(f"{spoke} and {hub} are equal: {found.records} records")
        return
    missed = {item.ref for item in found.missed}
    terminal.say(f"{len(found.differences)} of {found.records} records differ, {len(missed)} were missed")
    names = {"hub": f"{hub} only", "spoke": f"{spoke} only", "both": "differs"}
    rows = [
        [item.ref.kind, item.ref.key, names[_where(item)], "missed" if item.ref in missed else "on its way"]
        for item in found.differences[:NAMED]
    ]
    terminal.table("Differences", ["kind", "key", "where", ""], rows)
    terminal.table("By kind", ["kind", "records"], [[kind, n] for kind, n in found.by_kind.items()])
    if shown:
        terminal.say(f"{shown} shown again: the agent carries them with the next page")
    elif missed:
        terminal.say("`viaduct compare --mend` has the sites show what was missed")
