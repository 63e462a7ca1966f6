"""Make a site the hub: in good order while the present one answers, else by force.

Checks first, and prints what it has found. The sites are those of viaduct.yaml; afterwards `hub:` there has
to be changed, which the command says.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from keystone_viaduct.cli import _fleet
from keystone_viaduct.cli._terminal import Terminal
from keystone_viaduct.errors import Refused, ViaductError

if TYPE_CHECKING:
    from keystone_viaduct.sync.client import HttpSite
    from keystone_viaduct.sync.wire.office import Office

HELP = "make a site the hub"


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("site", help="the site that is to be the hub")
    parser.add_argument(
        "--force", action="store_true", help="although the present hub does not answer, or something waits"
    )
    parser.add_argument("--json", action="store_true", help="print as JSON")
    _fleet.add_arguments(parser)


def run(args: argparse.Namespace, terminal: Terminal) -> int:
    """Over the API. Raises Refused."""
    from keystone_viaduct.sync.agent.topology import read_topology
    from keystone_viaduct.sync.wire.office import office_to_json

    views: dict[str, Office] = {}
    for name in read_topology(args.config).sites:
        try:
            views[name] = _fleet.open_site(args, name).office()
            terminal.say(f"{name}: takes {views[name].hub} for the hub, term {views[name].term}")
        except ViaductError as error:
            if name == args.site:
                raise
            terminal.say(f"{name}: {error.message}")
    mine = views[args.site]
    if mine.obstacle:
        raise Refused(f"{args.site} can't be promoted: {mine.obstacle}", hint="promote another site")
    last = max(views.values(), key=lambda view: (view.term, view.hub))
    present = views.get(last.hub)
    found = _promote(args, last, present if present and present.hub == last.hub else None)
    terminal.json(office_to_json(found))
    terminal.say(f"{found.site} is the hub of term {found.term}")
    terminal.say(f"now set `hub: {found.site}` in {args.config} wherever an agent runs, and restart it")
    return 0


def _promote(args: argparse.Namespace, last: Office, present: Office | None) -> Office:
    site: HttpSite = _fleet.open_site(args, args.site)
    if present is None:
        if not args.force:
            raise Refused(
                f"{last.hub}, the hub, does not answer",
                hint="if it is lost, add --force: what it alone has comes back when it returns",
            )
        return site.promote(last.term)
    if not args.force and site.office().pending:
        raise Refused(
            f"changes from {last.hub} wait at {args.site}", hint="`viaduct status` says why; or --force"
        )
    _fleet.open_site(args, last.hub).resign(args.site)
    return site.promote(last.term)
