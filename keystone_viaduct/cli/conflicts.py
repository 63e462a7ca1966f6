"""Look at the hub's decisions: list them, explain one, keep or reverse it."""

from __future__ import annotations

import argparse
from typing import Any

from keystone_viaduct.cli import _fleet
from keystone_viaduct.cli._terminal import Terminal, moment
from keystone_viaduct.errors import ConfigError
from keystone_viaduct.sync.model import JUDGED

HELP = "list, explain, keep or reverse the hub's decisions"


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("action", choices=("list", "show", "resolve"), nargs="?", default="list")
    parser.add_argument("id", nargs="?", metavar="ID", help="which conflict to show or resolve")
    parser.add_argument("--open", action="store_true", help="list only those that wait for an operator")
    parser.add_argument("--limit", type=int, default=100, help="list at most so many")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--keep", action="store_true", help="leave it as it was decided")
    how.add_argument("--restore", action="store_true", help="bring back what was lost")
    how.add_argument(
        "--withdraw", action="store_true", help="take back what a limited site might not make today"
    )
    parser.add_argument(
        "--as", dest="name", default="", metavar="NAME", help="with --restore: under this name"
    )
    parser.add_argument(
        "--all-refused",
        default="",
        metavar="SITE",
        help="with resolve --keep: all that was refused to this site",
    )
    parser.add_argument("--json", action="store_true", help="print as JSON")
    _fleet.add_arguments(parser)


def run(args: argparse.Namespace, terminal: Terminal) -> int:
    """Over the hub's API."""
    _check(args)
    hub = _fleet.open_hub(args)
    if args.all_refused:
        kept = hub.keep_refused(args.all_refused)
        terminal.json({"site": args.all_refused, "records": kept})
        terminal.say(f"{kept} refused changes of {args.all_refused} are left as decided")
        return 0
    if args.action == "list":
        found = hub.conflicts(args.limit, open_only=args.open)
        terminal.json({"conflicts": found})
        rows = [[c["id"], moment(c["at"]), f"{c['kind']}/{c['key']}", c["sort"], _state(c)] for c in found]
        terminal.table("Conflicts", ["id", "when", "record", "sort", "state"], rows)
        return 0
    if args.action == "show":
        conflict = hub.conflict(args.id)
    else:
        action = "restore" if args.restore else "withdraw" if args.withdraw else "keep"
        conflict = hub.resolve(args.id, action, args.name)
    terminal.json(conflict)
    _show(terminal, conflict)
    return 0


def _check(args: argparse.Namespace) -> None:
    if args.name and not (args.action == "resolve" and args.restore):
        raise ConfigError(
            "--as names what is restored", hint="`viaduct conflicts resolve ID --restore --as NAME`"
        )
    if args.all_refused:
        if args.action != "resolve" or args.id or not args.keep:
            raise ConfigError(
                "--all-refused closes what was refused to a site",
                hint="`viaduct conflicts resolve --all-refused SITE --keep`",
            )
        return
    if args.action == "list":
        if args.id or args.keep or args.restore or args.withdraw:
            raise ConfigError("`list` takes no conflict", hint="`viaduct conflicts show ID` or `resolve ID`")
        return
    if not args.id:
        raise ConfigError("no conflict is named", hint="`viaduct conflicts list` shows their ids")
    if args.action == "resolve" and not (args.keep or args.restore or args.withdraw):
        raise ConfigError("how shall it be resolved?", hint="say --keep, --restore or --withdraw")
    if args.action == "show" and (args.keep or args.restore or args.withdraw):
        raise ConfigError("`show` changes nothing", hint="`viaduct conflicts resolve ID`")


def _show(terminal: Terminal, conflict: dict[str, Any]) -> None:
    terminal.say(
        f"{conflict['kind']}/{conflict['key']}: {conflict['sort']}, decided by {conflict['decided']}"
    )
    terminal.say(f"  {conflict['explanation']}")
    terminal.say(f"  state: {_state(conflict)}")
    if conflict["sort"] == JUDGED:
        terminal.say(f"  judged again at {moment(conflict['at'])}; made by {conflict['site']}:")
        for name in conflict["fields"]:
            terminal.say(f"    {name}")
        return
    terminal.say(f"  lost at {moment(conflict['at'])}, from {conflict['site']}:")
    for name, value in sorted(conflict["lost"].items()):
        terminal.say(f"    {name}: {value}")
    for name in conflict.get("lost_secrets", []):
        terminal.say(f"    {name}: (kept, not shown)")


def _state(conflict: dict[str, Any]) -> str:
    if conflict["sort"] == JUDGED and conflict["resolution"] == "restored":
        return "withdrawn"
    return conflict["resolution"] or ("open" if conflict["open"] else "decided")
