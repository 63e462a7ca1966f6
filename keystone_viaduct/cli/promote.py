"""Make a site the hub: in good order while the present one answers, else by force.

Everything between the two is carried first. The sites are those of viaduct.yaml; agents find the new hub by
themselves, and `hub:` there should be changed at leisure, which the command says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keystone_viaduct.cli import _fleet
from keystone_viaduct.cli._options import DRY_RUN, FLEET, OUTPUT, Arguments, argument, flag
from keystone_viaduct.cli._terminal import UNCHANGED, Terminal
from keystone_viaduct.errors import LeaseHeld, Refused, ViaductError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keystone_viaduct.sync.agent.topology import Topology
    from keystone_viaduct.sync.client import HttpSite
    from keystone_viaduct.sync.wire.office import Office

HELP = "make a site the hub"
SECTION = "fleet"
EXAMPLES = (
    "viaduct promote west --dry-run",
    "viaduct promote west",
    "viaduct promote west --force",
)


PARAMS = (
    argument("site", help="the site that is to be the hub"),
    flag("--force", help="although the present hub does not answer, or something waits"),
    DRY_RUN,
    *OUTPUT,
    FLEET,
)


def run(args: Arguments, terminal: Terminal) -> int:
    """Over the API. Raises Refused."""
    from keystone_viaduct.sync.agent.topology import read_topology
    from keystone_viaduct.sync.wire.office import office_to_json

    topology = read_topology(args.config)
    successor = _fleet.open_site(args, args.site)
    sites = _fleet.open_sites(args)
    views = _views(sites, args.site, terminal)
    mine = views[args.site]
    if mine.obstacle:
        raise Refused(f"{args.site} can't be promoted: {mine.obstacle}", hint="promote another site")
    last = max(views.values(), key=lambda view: (view.term, view.hub))
    if args.dry_run:
        return _tried(args, sites, last, views, terminal)
    if last.hub == args.site:  # appointed before, but not promoted
        found = successor.promote(last.term - 1)
    elif last.hub in views and views[last.hub].hub == last.hub:
        if not args.force:
            _drain(sites, topology, last.hub, args.site, terminal)
        sites[last.hub].resign(args.site)
        found = successor.promote(last.term)
    elif args.force:
        found = successor.promote(last.term)
    else:
        raise _lost(last.hub)
    terminal.data(office_to_json(found))
    terminal.say(f"{found.site} is the hub of term {found.term}; agents follow by themselves")
    if topology.hub != found.site:
        terminal.say(f"now set `hub: {found.site}` in {args.config}")
    return 0


def _tried(
    args: Arguments,
    sites: Mapping[str, HttpSite],
    last: Office,
    views: Mapping[str, Office],
    terminal: Terminal,
) -> int:
    """How it would go, by what the sites say; nothing is carried. Raises Refused."""
    is_hub, answers = last.hub == args.site, last.hub in views and views[last.hub].hub == last.hub
    if not (is_hub or answers or args.force):
        raise _lost(last.hub)
    lacks = _lacks(sites, last.hub, args.site) if answers and not is_hub else {}
    term = last.term if is_hub else last.term + 1
    terminal.data({"site": args.site, "hub": last.hub, "term": term, "forced": not answers, "lacks": lacks})
    if is_hub:
        terminal.say(f"{args.site} was appointed already, for term {term}")
    elif answers:
        terminal.say(f"{last.hub} would hand over, and {args.site} be the hub of term {term}")
    else:
        terminal.say(f"{last.hub} does not answer: {args.site} would be the hub of term {term} without it")
    for name, number in lacks.items():
        if number:
            terminal.say(f"  first some {number} positions of the other's feed would be carried to {name}")
    terminal.say(UNCHANGED)
    return 0


def _lacks(sites: Mapping[str, HttpSite], hub: str, successor: str) -> dict[str, int]:
    """For each of the two how far it is behind the other's feed, without reading that."""
    behind: dict[str, int] = {}
    for source, target in ((hub, successor), (successor, hub)):
        head = sites[source].capabilities().head
        known = sites[target].standing(source).checkpoint
        same = known is not None and known.incarnation == head.incarnation
        behind[target] = max(0, head.seq - known.seq) if known is not None and same else head.seq
    return behind


def _lost(hub: str) -> Refused:
    return Refused(
        f"{hub}, the hub, does not answer",
        hint="if it is lost, add --force: what it alone has comes back when it returns",
    )


def _views(sites: Mapping[str, HttpSite], needed: str, terminal: Terminal) -> dict[str, Office]:
    """What each site that answers says of the hub; ``needed`` has to."""
    views: dict[str, Office] = {}
    for name, site in sites.items():
        try:
            views[name] = site.office()
            terminal.say(f"{name}: takes {views[name].hub} for the hub, term {views[name].term}")
        except ViaductError as error:
            if name == needed:
                raise
            terminal.say(f"{name}: {error.message}")
    return views


def _drain(
    sites: Mapping[str, HttpSite], topology: Topology, hub: str, successor: str, terminal: Terminal
) -> None:
    """Carry what there is, or see that an agent has. Raises Refused when the successor lacks anything."""
    from keystone_viaduct.sync.agent.agent import make_agent
    from keystone_viaduct.sync.agent.post import Post

    try:
        failures = make_agent(dict(sites), Post(hub, topology.hub), topology.agent).once()
    except LeaseHeld:
        failures = []  # an agent is at work
    for failure in failures:
        terminal.say_error(f"{failure.lane}: {failure.error}")
    for source, target in ((hub, successor), (successor, hub)):
        if _is_behind(sites[source], sites[target]):
            raise Refused(
                f"{target} has not got all that {source} has",
                hint="let the agent carry it, then try again; or --force",
            )
    if sites[successor].office().pending:
        raise Refused(f"changes from {hub} wait at {successor}", hint="`viaduct status` says why; or --force")


def _is_behind(source: HttpSite, target: HttpSite) -> bool:
    """Whether there is anything in the feed of ``source`` that the other has not applied."""
    place = target.standing(source.name)
    page = source.read(place.origin, place.checkpoint, 1, place.fence)
    return bool(page.changes) or not page.at_head
