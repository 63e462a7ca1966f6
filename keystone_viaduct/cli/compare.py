"""Compare a spoke with the hub, or two spokes, record by record, at a cost in proportion to what differs.

Goes over both sites' API; what is named is only where they differ, never what a record holds. What is on its
way is said apart from what the feeds have missed; --mend has the sites show the latter again. Two spokes are
each compared with the hub, and then with one another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keystone_viaduct.cli import _fleet
from keystone_viaduct.cli._options import FLEET, OUTPUT, Arguments, argument, flag, option
from keystone_viaduct.cli._terminal import Terminal
from keystone_viaduct.errors import ConfigError

if TYPE_CHECKING:
    from keystone_viaduct.sync.agent.upkeep import Comparison, Difference

HELP = "compare a spoke with the hub, or two spokes"
SECTION = "fleet"
EXAMPLES = (
    "viaduct compare west",
    "viaduct compare west south user",
    "viaduct compare west --kind user --mend",
)
EXIT_CODES = {0: "they are equal", 1: "they differ", 2: "they can't be compared"}
ERROR_EXIT_CODE = 2
#: Differences that are named one by one to a person.
NAMED = 20


PARAMS = (
    argument("site", metavar="SITE", help="the spoke"),
    argument(
        "more",
        nargs=-1,
        required=False,
        metavar="[SITE] [KIND]…",
        help="another site to compare it with, instead of the hub; kinds to compare, instead of all",
    ),
    option("--kind", metavar="KIND", help="this kind only; may be repeated", many=True),
    flag("--mend", help="have both sites show what was missed"),
    *OUTPUT,
    FLEET,
)


def run(args: Arguments, terminal: Terminal) -> int:
    """Exit code 0 when they are equal, 1 when not, 2 when they can't be compared."""
    from keystone_viaduct.kinds.registry import get
    from keystone_viaduct.sync.agent.upkeep import compare, show

    sites = _fleet.open_sites(args)
    left, *others = [args.site, *(name for name in args.more if name in sites)]
    named = [*args.kind, *(name for name in args.more if name not in sites)]
    kinds = frozenset(get(kind).name for kind in named) if named else None
    hub = _fleet.open_hub(args)
    spokes = [_fleet.open_site(args, name) for name in (left, *others) if name != hub.name]
    if len(others) > 1 or (left, *others) in ((hub.name,), (hub.name, hub.name)):
        raise ConfigError(
            "that is no pair of sites", hint=f"name a spoke, or two of them; {hub.name} is the hub"
        )
    if len(spokes) == 2:
        if args.mend:
            raise ConfigError("--mend goes with one spoke", hint="mend each with the hub")
        return _two(terminal, *(compare(hub, spoke, kinds) for spoke in spokes))
    (spoke,) = spokes
    found = compare(hub, spoke, kinds)
    shown = show(found) if args.mend else 0
    terminal.data(_report(found, shown))
    _show(terminal, found, shown)
    return 1 if found.differences else 0


def _two(terminal: Terminal, left: Comparison, right: Comparison) -> int:
    """Two spokes, by what sets each apart from the hub."""
    mine = {item.ref: item for item in left.differences}
    theirs = {item.ref: item for item in right.differences}
    names = (left.spoke.name, right.spoke.name)
    listed = []
    for ref in sorted({*mine, *theirs}):
        hubs = (mine.get(ref) or theirs[ref]).hub
        here = mine[ref].spoke if ref in mine else hubs
        there = theirs[ref].spoke if ref in theirs else hubs
        if (here and here.fingerprint) != (there and there.fingerprint):
            at = "both" if here and there else names[0] if here else names[1]
            listed.append({"kind": ref.kind, "key": ref.key, "at": at})
    terminal.data({"sites": [*names], "differences": len(listed), "list": listed})
    if not listed:
        terminal.say(f"{names[0]} and {names[1]} are equal: {max(left.records, right.records)} records")
        return 0
    terminal.say(f"{len(listed)} records differ between {names[0]} and {names[1]}")
    rows = [
        [item["kind"], item["key"], "differs" if item["at"] == "both" else f"{item['at']} only"]
        for item in listed[:NAMED]
    ]
    terminal.table("Differences", ["kind", "key", "where"], rows)
    return 1


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
