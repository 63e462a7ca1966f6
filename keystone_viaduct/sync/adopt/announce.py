"""Whose access changes, told: counts first, then the agent's own account, services, and all others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from .access import BOTH, HUB, LOGIN, NAME, ROLES, RULES, SECRET, SITE, Access
from .choices import Settled
from .names import MOVABLE
from .verdict import Plan

SHOWN = 20
"""Accounts of one sort that are named unless all are asked for."""

WARNING, CHOSEN, PLAIN = "bold red", "yellow", ""
"""Styles of a line: somebody has to choose, somebody has chosen, for information."""

Line = tuple[str, str]
_TITLES = {
    LOGIN: "log in differently",
    ROLES: "have other roles",
    NAME: "get another name",
    SECRET: "are a credential of two contents",
    RULES: "decide who is let in",
}
_UNTOLD = (
    "SECRETS WERE NOT COMPARED: the inventory of {hub} holds no digests of them, an older release made it. "
    "Which accounts of both sites log in differently can't be told, so each of them is listed. Make it anew: "
    "viaduct adopt {hub} --export FILE"
)


_TWICE = (
    "{count} of them have one name and two ids: if they are the same thing, adopt {site} first "
    "(viaduct adopt {site} --apply --rekey)"
)


def access_to_json(plan: Plan, settled: Settled) -> list[dict[str, Any]]:
    """All of it, for programs."""
    told = []
    for item in plan.access:
        found = asdict(item)
        found["address"], found["chosen"] = item.addresses[0], settled.chosen.get(item, "")
        told.append(found)
    return told


def access_lines(plan: Plan, settled: Settled, *, everything: bool = False) -> Iterator[Line]:
    """Style and text of each line; words say all that the colour does. Nothing where nothing changes."""
    if not plan.secrets:
        yield WARNING, _UNTOLD.format(hub=plan.hub)
        yield PLAIN, ""
    if not plan.access:
        yield (
            PLAIN,
            f"nobody's access changes by joining {plan.site}" if plan.secrets else "of the rest: none",
        )
        yield from _along(plan)
        return
    style = WARNING if settled.open_ else CHOSEN
    yield style, f"ACCESS CHANGES when {plan.site} is joined: {_counted(plan.access)}"
    state = f"{len(settled.chosen)} chosen, {len(settled.open_)} to be chosen"
    yield style, f"{state}: the hub's ({plan.hub}), this site's ({plan.site}), the newest, or both roles"
    bound = len(plan.access) if everything else SHOWN
    twice = sum(item.sort == NAME and item.kind in MOVABLE for item in plan.access)
    if twice:
        yield style, _TWICE.format(count=twice, site=plan.site)
    for title, found in _parts(plan.access):
        yield PLAIN, ""
        yield style, f"{title} ({len(found)}):"
        for item in found[:bound]:
            yield from _item(item, settled.chosen.get(item, ""), plan)
        if len(found) > bound:
            yield PLAIN, f"  ... and {len(found) - bound} more: see --all or --json"
    yield from _along(plan)


def _along(plan: Plan) -> Iterator[Line]:
    if plan.along:
        told = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in sorted(plan.along.items()))
        yield PLAIN, ""
        yield PLAIN, f"holds at both sites from then on, nothing to choose: {told}"


def _parts(access: Sequence[Access]) -> Iterator[tuple[str, list[Access]]]:
    agents = [item for item in access if item.agent]
    services = [item for item in access if item.service and not item.agent]
    if agents:
        yield "WARNING: the agent's own account", agents
    if services:
        yield "service accounts, by which other services log in", services
    for sort, title in _TITLES.items():
        found = [i for i in access if i.sort == sort and not i.agent and not i.service]
        if found:
            yield title, found


def _counted(access: Sequence[Access]) -> str:
    counts = [(sum(item.sort == sort for item in access), title) for sort, title in _TITLES.items()]
    services = len({item.key for item in access if item.service})
    told = ", ".join(f"{count} {title}" for count, title in counts if count)
    return f"{told}; {services} of them are service accounts" if services else told


def _item(item: Access, choice: str, plan: Plan) -> Iterator[Line]:
    style = CHOSEN if choice else WARNING
    for number, text in enumerate(item.what):
        mark = "-" if number else f"{item.addresses[0]}:"
        yield style, f"  {mark} {text}"
    yield style, f"    {_outcome(item, choice, plan)}"
    if item.agent:
        yield style, f"    {_agent_after(item, choice, plan)}"


def _agent_after(item: Access, choice: str, plan: Plan) -> str:
    """How the agent logs in when the sites are joined."""
    own = "better give it an account of its own at each site"
    if item.sort not in (LOGIN, NAME) or choice not in (HUB, SITE):
        return f"an agent that logs in by it may be locked out: {own}"
    winner, loser = (plan.hub, plan.site) if choice == HUB else (plan.site, plan.hub)
    return (
        f"an agent that logs in by it at {loser} needs {winner}'s password there from then on, which is "
        f"tried before the first load: {own}"
    )


def _outcome(item: Access, choice: str, plan: Plan) -> str:
    """What it will be, or what may be chosen."""
    if not choice:
        newest = f" (newest: the {item.newest}'s)" if item.newest else ""
        return f"TO BE CHOSEN: {' | '.join(item.options)}{newest}"
    winner, loser = (plan.hub, plan.site) if choice == HUB else (plan.site, plan.hub)
    if choice == BOTH:
        return f"chosen, both: all of them at {plan.hub} and {plan.site}"
    after = {
        LOGIN: f"at both sites as at {winner} now; what logs in at {loser} now does not any more",
        ROLES: f"what only {loser} has goes at both sites",
        NAME: f"{winner}'s keeps the name",
        SECRET: f"at both sites as at {winner} now",
        RULES: f"at both sites as at {winner} now",
    }
    return f"chosen, {'the hub' if choice == HUB else 'this site'}'s: {after[item.sort]}"
