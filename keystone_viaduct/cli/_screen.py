"""A fleet on one screen: what ``viaduct status`` and ``viaduct doctor`` print."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from keystone_viaduct.cli._options import Arguments
from keystone_viaduct.cli._terminal import Terminal, inert, moment
from keystone_viaduct.health.backlog import backlog, totals
from keystone_viaduct.health.finding import SIGNS, Finding, Verdict

if TYPE_CHECKING:
    from keystone_viaduct.health.view import FleetView, LinkView, SiteView
    from keystone_viaduct.sync.agent.topology import Topology

#: Seconds that an agent on this machine gets to answer, and bytes of its answer.
PATIENCE, MOST = 2.0, 64 * 1024 * 1024
#: Sites, findings and records that are named to a person; programs get all.
NAMED, RECORDS = 40, 10
STYLES = {
    Verdict.OK: "green",
    Verdict.UNKNOWN: "dim",
    Verdict.WARNING: "yellow",
    Verdict.PROBLEM: "bold red",
}


def is_fleet(args: Arguments) -> bool:
    """Whether the fleet is meant: Keystone's configuration is not named, and there is a fleet."""
    if args.config_file or args.config_dir:
        return False
    return args.config != Path("viaduct.yaml") or bool(args.config.exists())


def look_at(args: Arguments) -> FleetView:
    """The fleet of ``--config`` as its sites tell it, and the agent here. Raises ConfigError."""
    from keystone_viaduct.clock import MICROSECONDS
    from keystone_viaduct.health.view import KeysView
    from keystone_viaduct.sync.agent.agent import open_sites
    from keystone_viaduct.sync.agent.looking import look
    from keystone_viaduct.sync.agent.topology import read_topology

    topology = read_topology(args.config)
    sites = open_sites(topology)

    def keys(hub: str) -> tuple[KeysView, ...]:
        held = sites[hub].keys.held_keys().repositories
        return tuple(
            KeysView(
                name,
                found.generation,
                len(found.known),
                found.promoted_at / MICROSECONDS,
                found.wanted,
                tuple(found.missing),
            )
            for name, entry in held.items()
            if (found := entry.fleet) is not None
        )

    try:
        return look(sites, topology.hub, keys=keys, status=agent_status(topology))
    finally:
        for site in sites.values():
            site.close()


def agent_status(topology: Topology) -> Mapping[str, Any] | None:
    """What the agent on this machine says of itself; None if none answers where viaduct.yaml says."""
    if topology.agent.listen is None:
        return None
    host, port = topology.agent.listen
    local = "127.0.0.1" if host in ("0.0.0.0", "::", "") else host
    url = f"http://[{local}]:{port}/status" if ":" in local else f"http://{local}:{port}/status"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=PATIENCE) as answer:
            found = json.loads(answer.read(MOST))
    except (OSError, ValueError, urllib.error.URLError):
        return None
    return found if isinstance(found, dict) else None


def tell_status(terminal: Terminal, view: FleetView, found: Iterable[Finding]) -> None:
    """The sites in a table, what waits, and what is wrong."""
    terminal.say(f"hub {view.hub}, term {view.term}; {_agent(view)}")
    sites = list(view.sites.values())
    worst = _worst_by_site(found)
    order = sorted(
        sites, key=lambda site: (not site.is_hub, -worst.get(site.name, Verdict.OK).rank, site.name)
    )
    rows = [_row(view, site, worst.get(site.name, Verdict.OK)) for site in order[:NAMED]]
    columns = ["site", "", "state", "keystone", "viaduct", "feed", "lacks", "owes", "waiting", "conflicts"]
    terminal.table("", columns, rows)
    if len(order) > NAMED:
        terminal.say(f"and {len(order) - NAMED} more, of which nothing worse is known")
    counts = {state: number for state, number in totals(view).items() if number}
    if counts:
        terminal.say("waiting: " + ", ".join(f"{number} {state}" for state, number in counts.items()))
        named = [
            [entry.site, str(entry.record.ref), entry.record.name, entry.record.state, entry.record.reason]
            for entry in backlog(view)[:RECORDS]
        ]
        terminal.table("", ["site", "record", "name", "state", "reason"], named)
    for keys in view.keys or ():
        since = f"in use since {moment(int(keys.used_since * 1e6))}" if keys.used_since else "not rotated yet"
        terminal.say(f"{keys.repository}: generation {keys.generation}, {since}")


def tell_findings(terminal: Terminal, found: Iterable[Finding], *, everything: bool) -> None:
    """Each on a line, the worst first, its hint below it."""
    if not terminal.for_people:
        return
    shown = sorted(found, key=lambda one: (-one.verdict.rank, one.check, one.subject))
    for one in shown:
        if one.verdict is Verdict.OK and not everything:
            continue
        line = Text(f"{SIGNS[one.verdict]} ", style=STYLES[one.verdict])
        line.append(f"{one.check}: ", style="bold")
        line.append(inert(one.message), style="default")
        terminal.out.print(line, soft_wrap=True)
        if one.hint and one.verdict is not Verdict.OK:
            terminal.out.print(Text(f"    {inert(one.hint)}", style="dim"), soft_wrap=True)


def _agent(view: FleetView) -> str:
    agent = view.agent
    if agent is None:
        return "no agent answers on this machine"
    if agent.working:
        return f"the agent {agent.holder} works"
    return (
        f"the agent {agent.holder} stands by"
        if agent.stands_by
        else f"the agent {agent.holder} does not work"
    )


def _worst_by_site(found: Iterable[Finding]) -> dict[str, Verdict]:
    worst: dict[str, Verdict] = {}
    for one in found:
        for name in filter(None, (one.site, one.target)):
            worst[name] = max(worst.get(name, Verdict.OK), one.verdict, key=lambda verdict: verdict.rank)
    return worst


def _row(view: FleetView, site: SiteView, worst: Verdict) -> list[str]:
    down, up = view.link(view.hub, site.name), view.link(site.name, view.hub)
    role = "hub" if site.is_hub else "limited" if site.limited else ""
    state = _state(site)
    backlog_ = "?" if site.backlog is None else str(site.backlog)
    open_ = str(site.conflicts) if site.is_hub and site.conflicts is not None else ""
    return [
        site.name,
        SIGNS[worst],
        f"{role}, {state}" if role else state,
        site.release or "?",
        site.product or "?",
        str(site.head) if site.reached else "?",
        "" if site.is_hub else _behind(down),
        "" if site.is_hub else _behind(up),
        backlog_,
        open_,
    ]


def _state(site: SiteView) -> str:
    if site.reached is False:
        return "no answer"
    return "not joined" if site.joined is False else "up"


def _behind(link: LinkView | None) -> str:
    if link is None or link.behind is None:
        return "?"
    lag = f" ({link.lag:.0f} s)" if link.lag else ""
    return f"{link.behind}{lag}" + (" loading" if link.loading else "") + (" failing" if link.error else "")
