"""Look at the hub's decisions: list them, explain one, keep or reverse it."""

from __future__ import annotations

from typing import Any

from keystone_viaduct.cli import _fleet
from keystone_viaduct.cli._options import DRY_RUN, FLEET, OUTPUT, Arguments, argument, flag, option
from keystone_viaduct.cli._terminal import UNCHANGED, Terminal, moment
from keystone_viaduct.errors import ConfigError
from keystone_viaduct.sync.model import JUDGED

HELP = "list, explain, keep or reverse the hub's decisions"
SECTION = "waiting"
EXAMPLES = (
    "viaduct conflicts list --open",
    "viaduct conflicts show 4f2a",
    "viaduct conflicts resolve 4f2a --restore --as anna2",
)


PARAMS = (
    argument(
        "action",
        choices=("list", "show", "resolve"),
        default="list",
        help="list (the default): the latest first; show: one, with what was lost; "
        "resolve: with --keep, --restore or --withdraw",
    ),
    argument(
        "id",
        metavar="ID",
        help="which to show or resolve; its first characters do",
        required=False,
    ),
    flag("--open", help="list only those that wait for an operator"),
    option("--limit", type=int, default=100, help="list at most so many"),
    flag("--keep", help="leave it as it was decided"),
    flag("--restore", help="bring back what was lost"),
    flag("--withdraw", help="take back what a limited site might not make today"),
    option("--as", "name", default="", metavar="NAME", help="with --restore: under this name"),
    option(
        "--all-refused",
        default="",
        metavar="SITE",
        help="with resolve --keep: all that was refused to this site",
    ),
    option("--kind", default="", metavar="KIND", help="list only those about records of this kind"),
    option("--site", default="", metavar="SITE", help="list only what this site has lost"),
    option("--marker", default="", metavar="ID", help="list what comes after this one"),
    DRY_RUN,
    *OUTPUT,
    FLEET,
)
EXCLUSIVE = (("keep", "restore", "withdraw"),)


def run(args: Arguments, terminal: Terminal) -> int:
    """Over the hub's API."""
    _check(args)
    hub = _fleet.open_hub(args)
    if args.all_refused:
        kept = hub.keep_refused(args.all_refused)
        terminal.data({"site": args.all_refused, "records": kept})
        terminal.say(f"{kept} refused changes of {args.all_refused} are left as decided")
        return 0
    if args.action == "list":
        wanted = {name: value for name in ("kind", "site", "marker") if (value := getattr(args, name))}
        found = hub.conflicts(args.limit, open_only=args.open, **wanted)
        terminal.data({"conflicts": found})
        rows = [[c["id"], moment(c["at"]), c["kind"], _called(c), c["sort"], _state(c)] for c in found]
        terminal.table("Conflicts", ["id", "when", "kind", "record", "sort", "state"], rows)
        if len(found) == args.limit:
            terminal.say(f"there may be more: --marker {found[-1]['id']}")
        return 0
    if args.action == "show":
        conflict = hub.conflict(args.id)
    else:
        action = "restore" if args.restore else "withdraw" if args.withdraw else "keep"
        conflict = hub.resolve(args.id, action, args.name, dry_run=args.dry_run)
    terminal.data(conflict)
    _show(terminal, conflict)
    for write in conflict.get("writes", ()):
        fields = f" ({', '.join(write['fields'])})" if write["fields"] else ""
        does = f"would {write['does']}" if args.dry_run else f"{write['does']}d"
        terminal.say(f"  {does} {write['kind']}/{write['key']}{fields}")
    if args.dry_run:
        terminal.say(UNCHANGED)
    return 0


def _check(args: Arguments) -> None:
    if args.name and not (args.action == "resolve" and args.restore):
        raise ConfigError(
            "--as names what is restored", hint="`viaduct conflicts resolve ID --restore --as NAME`"
        )
    if args.dry_run and (args.action != "resolve" or args.all_refused):
        raise ConfigError("--dry-run goes with `resolve ID`", hint="`viaduct conflicts resolve ID --keep`")
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
        f"{conflict['kind']} {_called(conflict)} ({conflict['key']}): {conflict['sort']}, "
        f"decided by {conflict['decided']}"
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


def _called(conflict: dict[str, Any]) -> str:
    """What people call the record; its id where it has no name."""
    return str(conflict.get("name") or conflict["key"])


def _state(conflict: dict[str, Any]) -> str:
    if conflict["sort"] == JUDGED and conflict["resolution"] == "restored":
        return "withdrawn"
    return conflict["resolution"] or ("open" if conflict["open"] else "decided")
