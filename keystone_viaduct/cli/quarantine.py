"""Show what waits at a site and why, and have it tried again.

A record is *pending* (it needs something that is still to come), *refused* (the site keeps its own until the
hub has decided), *carried* (the site's tables can't hold it, so it is kept beside them), *quarantined* (it
failed in a way that nobody has foreseen) or *held* (a deletion that waits for a person, see `viaduct sweep`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keystone_viaduct.cli import _fleet
from keystone_viaduct.cli._options import DRY_RUN, FLEET, OUTPUT, Arguments, argument, option
from keystone_viaduct.cli._terminal import UNCHANGED, Terminal, moment
from keystone_viaduct.errors import ConfigError, NotThere
from keystone_viaduct.health.view import waiting_as_dict
from keystone_viaduct.sync.model import UNSTORABLE

if TYPE_CHECKING:
    from keystone_viaduct.sync.client import HttpSite
    from keystone_viaduct.sync.model import Waiting

HELP = "show which records wait at a site and why, and have them tried again"
SECTION = "waiting"
EXAMPLES = (
    "viaduct quarantine list west",
    "viaduct quarantine show west user/0c1d…",
    "viaduct quarantine retry west --dry-run",
    "viaduct quarantine retry west",
    "viaduct quarantine forget east --from west --dry-run",
)
EXIT_CODES = {1: "something waits"}
ERROR_EXIT_CODE = 2
COLUMNS = ["record", "name", "state", "reason", "from", "since"]
#: What a retry is about; everything else waits for something that comes by itself.
RETRIED = ("carried", "quarantined")


PARAMS = (
    argument(
        "action",
        choices=("list", "show", "retry", "forget"),
        help="list: all of them; show: one, with the error or obstacle; "
        "retry: try again what is carried or quarantined; "
        "forget: drop what waits from another site, and read all of that site's feed again",
    ),
    argument("site", metavar="SITE", help="the site"),
    argument("record", metavar="KIND/KEY", help="with show: which record", required=False),
    option("--state", metavar="STATE", help="with list: only what is in this state"),
    option("--from", "source", metavar="SITE", help="with forget: the site from which it has come"),
    DRY_RUN,
    *OUTPUT,
    FLEET,
)


def run(args: Arguments, terminal: Terminal) -> int:
    """Exit code 1 from `list` while something waits, 2 when the site can't be asked."""
    _check(args)
    site = _fleet.open_site(args, args.site)
    if args.action == "forget":
        return _forget(terminal, site, args.source, dry_run=args.dry_run)
    if args.dry_run:
        return _tried(terminal, args.site, *site.waiting())
    if args.action == "retry":
        number = site.retry()
        terminal.data({"retried": number})
        terminal.say(f"{args.site}: {number} records were tried again")
        return 0
    counts, found = site.waiting()
    if args.action == "show":
        return _show(terminal, args, found)
    chosen = [item for item in found if args.state in (None, item.state)]
    terminal.data({"counts": counts, "waiting": [waiting_as_dict(item) for item in chosen]})
    total = sum(counts.values())
    terminal.say(
        f"{args.site}: {', '.join(f'{n} {state}' for state, n in counts.items()) or 'nothing waits'}"
    )
    terminal.table("Waiting", COLUMNS, [row(i) for i in chosen])
    if total > len(found):
        terminal.say(f"the first {len(found)} are shown")
    return 1 if chosen else 0


def _check(args: Arguments) -> None:
    if args.action == "show" and "/" not in (args.record or ""):
        raise ConfigError("which record?", hint="`viaduct quarantine show SITE KIND/KEY`")
    if args.record and args.action != "show":
        raise ConfigError(f"`{args.action}` takes no record", hint="leave it out")
    if args.state and args.action != "list":
        raise ConfigError("--state goes with list", hint="leave it out")
    if args.dry_run and args.action not in ("retry", "forget"):
        raise ConfigError("--dry-run goes with retry and forget", hint="leave it out")
    if bool(args.source) is not (args.action == "forget"):
        raise ConfigError(
            "--from goes with forget, and names whose changes",
            hint="`viaduct quarantine forget SITE --from SITE`",
        )


def _forget(terminal: Terminal, site: HttpSite, source: str, *, dry_run: bool) -> int:
    """The two are compared then: what still counts is shown again."""
    found = [item for item in site.waiting()[1] if item.source == source]
    if not dry_run:
        site.forget(source)
    terminal.data({"site": site.name, "from": source, "waiting": [waiting_as_dict(item) for item in found]})
    does = "would read" if dry_run else "reads"
    terminal.say(f"{site.name} {does} all of the feed of {source} again; what still counts comes with it")
    terminal.table(f"What waits from {source}, and is dropped", COLUMNS, [row(item) for item in found])
    if dry_run:
        terminal.say(UNCHANGED)
    return 0


def _tried(terminal: Terminal, site: str, counts: dict[str, int], found: list[Waiting]) -> int:
    """What would be tried again; the first of it by name."""
    number = sum(counts.get(state, 0) for state in RETRIED)
    chosen = [item for item in found if item.state in RETRIED]
    terminal.data({"retried": number, "waiting": [waiting_as_dict(item) for item in chosen]})
    terminal.say(f"{site}: {number} records would be tried again")
    terminal.table("To be tried again", COLUMNS, [row(item) for item in chosen])
    terminal.say(UNCHANGED)
    return 0


def _show(terminal: Terminal, args: Arguments, found: list[Waiting]) -> int:
    chosen = [item for item in found if str(item.ref) == args.record]
    if not chosen:
        raise NotThere(
            f"{args.record} does not wait at {args.site}", hint=f"see `viaduct quarantine list {args.site}`"
        )
    terminal.data({"waiting": [waiting_as_dict(item) for item in chosen]})
    for item in chosen:
        came = f", from {item.source}" if item.source else ""
        terminal.say(f"{item.ref} {item.name!r}: {item.state} ({item.reason}){came}, since {_time(item)}")
        terminal.say(f"  {item.why or 'no more is known'}")
        if item.reason == UNSTORABLE:
            edit = f"viaduct record edit {args.site} {item.ref.kind} {item.ref.key}"
            terminal.say(f"  another value: `{edit} --set FIELD=VALUE`, or `--unset FIELD`")
    return 0


def row(item: Waiting) -> list[str]:
    """For a table."""
    return [str(item.ref), item.name, item.state, item.reason, item.source, _time(item)]


def _time(item: Waiting) -> str:
    return moment(item.since) if item.since else "?"
