"""Look at a record of a site as it stands there, change it, or delete it.

A change is an edit of that site: it is numbered, travels, and shows in Keystone at once. It can do what
Keystone's own API can't say: a record that a site carries beside its tables is mended so. It does nothing
besides the record, as Keystone's API would (revoke tokens, delete what hangs on it). What somebody else
changes meanwhile is not overwritten. Secrets are not shown, and are changed by FILE only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from keystone_viaduct.cli import _fleet
from keystone_viaduct.cli._options import DRY_RUN, FLEET, OUTPUT, Arguments, argument, option
from keystone_viaduct.cli._terminal import UNCHANGED, Terminal, moment
from keystone_viaduct.errors import ConfigError, NotThere
from keystone_viaduct.sync.model import Ref

if TYPE_CHECKING:
    from keystone_viaduct.sync.client import HttpSite

HELP = "look at a record of a site, change it, or delete it"
SECTION = "waiting"
EXAMPLES = (
    "viaduct record show west service nova",
    "viaduct record edit west service 0c1d… --unset extra.weight --dry-run",
    "viaduct record edit west service 0c1d… --set description=Compute --set enabled=true",
    "viaduct record show west service 0c1d… --format json > service.json",
    "viaduct record edit west service 0c1d… --file service.json",
    "viaduct record delete west endpoint 9a8b… --dry-run",
)
EXIT_CODES = {
    1: "the site refuses it, or there is no such record",
    2: "nothing could be done: arguments, files",
}
EXCLUSIVE = (("file", "set"), ("file", "unset"))


PARAMS = (
    argument(
        "action",
        choices=("show", "edit", "delete"),
        help="show: what it holds, but its secrets; edit: change fields, or all of it; delete: if nothing "
        "needs it",
    ),
    argument("site", metavar="SITE", help="the site"),
    argument("kind", metavar="KIND", help="such as service, user, role (`viaduct kinds`)"),
    argument("record", metavar="ID|NAME", help="its id, or what it is called if just one is"),
    option(
        "--set",
        many=True,
        metavar="FIELD=VALUE",
        help="with edit: give a field this value (JSON, else text); may be repeated",
    ),
    option("--unset", many=True, metavar="FIELD", help="with edit: take a field away; may be repeated"),
    option(
        "--file",
        metavar="FILE",
        help="with edit: all of it, in the form of `show --format json`; - reads standard input",
    ),
    DRY_RUN,
    *OUTPUT,
    FLEET,
)


def run(args: Arguments, terminal: Terminal) -> int:
    """Over the site's API."""
    from keystone_viaduct.kinds.registry import get

    _check(args)
    site = _fleet.open_site(args, args.site)
    ref, found = _found(site, get(args.kind).name, args.record)
    if args.action == "show":
        return _show(terminal, args.site, ref, found)
    if found["deleted"]:
        raise NotThere(f"{ref} was deleted at {args.site}", hint="make it anew by Keystone's own API")
    if args.action == "delete":
        return _delete(terminal, site, ref, found, dry_run=args.dry_run)
    return _edit(args, terminal, site, ref, found)


def _check(args: Arguments) -> None:
    if args.action != "edit" and (args.set or args.unset or args.file):
        raise ConfigError("--set, --unset and --file go with edit", hint="leave them out")
    if args.action == "edit" and not (args.set or args.unset or args.file):
        raise ConfigError("what is to be changed?", hint="--set FIELD=VALUE, --unset FIELD, or --file FILE")
    if args.action == "show" and args.dry_run:
        raise ConfigError("`show` changes nothing", hint="leave out --dry-run")


def _found(site: HttpSite, kind: str, text: str) -> tuple[Ref, dict[str, Any]]:
    """By id where the site knows it, else by name. Raises NotThere, ConfigError: several have that name."""
    ref = Ref(kind, text)
    try:
        return ref, site.record(ref)
    except NotThere:
        named = site.named(text, kind)
        if not named:
            raise
    if len(named) > 1:
        raise ConfigError(
            f"{len(named)} records are called {text}: {', '.join(one.key for one in named)}",
            hint="name one by its id",
        )
    return named[0], site.record(named[0])


def _show(terminal: Terminal, site: str, ref: Ref, found: Mapping[str, Any]) -> int:
    from keystone_viaduct.cli._editing import shown_fields

    terminal.data(found)
    state = "deleted" if found["deleted"] else f"position {found['seq']}"
    terminal.say(f"{ref} at {site}: {state}, digest {found['digest']}")
    stamps = found["stamps"]
    rows = [
        [name, value, moment(stamps[name]) if isinstance(stamps.get(name), int) else ""]
        for name, value in shown_fields(found).items()
    ]
    rows += [[name, "(secret)", ""] for name in found["secret"]]
    terminal.table("", ["field", "value", "changed"], rows)
    return 0


def _edit(args: Arguments, terminal: Terminal, site: HttpSite, ref: Ref, found: Mapping[str, Any]) -> int:
    from keystone_viaduct.cli import _editing

    if args.file:
        content, digest = _editing.read(args.file, ref, found)
    else:
        content, digest = _editing.edited(ref, found, args.set, args.unset), found["digest"]
    told = site.put_record(ref, content, digest, dry_run=args.dry_run)
    terminal.data(told)
    if args.dry_run:
        names = [name for write in told["writes"] for name in write["fields"]]
        _tell(terminal, f"{ref} would be changed at {site.name}", _editing.table(found, content, names))
        terminal.say(UNCHANGED)
    else:
        names = _editing.differing(found, told)
        _tell(terminal, f"{ref} is changed at {site.name}", _editing.table(found, told, names))
        terminal.say("an edit travels to the other sites like any other")
    return 0


def _tell(terminal: Terminal, said: str, rows: Sequence[Sequence[str]]) -> None:
    if rows:
        terminal.say(said)
        terminal.table("", ["field", "was", "is"], rows)
    else:
        terminal.say("it says so already")


def _delete(terminal: Terminal, site: HttpSite, ref: Ref, found: Mapping[str, Any], *, dry_run: bool) -> int:
    site.delete_record(ref, found["digest"], dry_run=dry_run)
    terminal.data({"kind": ref.kind, "key": ref.key, "site": site.name, "deleted": not dry_run})
    terminal.say(
        f"{ref} would be deleted at {site.name}, and then everywhere"
        if dry_run
        else f"{ref} is deleted at {site.name}; its deletion travels to the other sites"
    )
    if dry_run:
        terminal.say(UNCHANGED)
    return 0
