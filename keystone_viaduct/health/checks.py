"""The checks of a fleet: each looks at one thing of what was seen and says what it found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from keystone_viaduct.health.backlog import MEANING
from keystone_viaduct.health.finding import Finding, Verdict, worst
from keystone_viaduct.health.view import FleetView, LinkView, SiteView

#: Seconds without a step that succeeded after which a link is taken to stand still.
STILL = 300.0
#: Seconds that a change may be on its way before that is worth a word, and before it is a problem.
LATE, TOO_LATE = 60.0, 600.0
#: Rounds of upkeep that may be missed; seconds, where nobody says how long a round is.
ROUNDS, ROUND = 3, 3600.0
#: Records that only one of two sites has, and that no feed would show: more than so many need a person.
#: Shown, they would be deleted where they are, if the other site's knowledge says that they were there.
ONESIDED = 50
#: Seconds for which a site that was put back to a backup is named.
ANNOUNCED = 86400.0
#: Sites that are named in one message.
NAMED = 5
_START = "start `viaduct agent` beside the hub"

FleetCheck = Callable[[FleetView], Iterable[Finding]]


def examine(view: FleetView) -> list[Finding]:
    """Every check of the fleet, in the order of the catalogue."""
    return [finding for check in FLEET_CHECKS for finding in check(view)]


def verdicts(found: Iterable[Finding]) -> dict[tuple[str, str], Verdict]:
    """The worst verdict by check and site: what the metrics show."""
    grouped: defaultdict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in found:
        grouped[finding.check, finding.target or finding.site].append(finding)
    return {place: worst(findings) for place, findings in grouped.items()}


def check_agent(view: FleetView) -> Iterator[Finding]:
    """Does an agent work?"""
    agent = view.agent
    if agent is None:
        yield Finding("agent", Verdict.UNKNOWN, "no agent was asked", "run this on the agent's machine")
    elif agent.working:
        yield Finding("agent", Verdict.OK, f"{agent.holder} works")
    elif agent.stands_by:
        yield Finding("agent", Verdict.OK, f"{agent.holder} stands by: {agent.lease_error}")
    else:
        message = agent.lease_error or "it has not taken the lease yet"
        hint = "does the hub answer, and may the agent's account take the lease?"
        yield Finding("agent", Verdict.PROBLEM, f"{agent.holder} does not work: {message}", hint)


def check_reach(view: FleetView) -> Iterator[Finding]:
    """Does each site answer?"""
    for site in view.sites.values():
        if site.reached is False:
            hint = site.hint or "does its Keystone run, and is the way there open?"
            yield Finding("reach", Verdict.PROBLEM, f"{site.name}: {site.error}", hint, site.name)
    answered = [site for site in view.sites.values() if site.reached]
    if answered:
        yield Finding("reach", Verdict.OK, f"{len(answered)} of {len(view.sites)} sites answer")


def check_hub(view: FleetView) -> Iterator[Finding]:
    """Do all sites take the same one for the hub?"""
    if view.agent is not None and view.agent.hub_warning:
        yield Finding("hub", Verdict.WARNING, view.agent.hub_warning, "set `hub:` in viaduct.yaml")
    elif view.configured_hub not in ("", view.hub):
        message = f"viaduct.yaml names {view.configured_hub}, the hub is {view.hub} (term {view.term})"
        yield Finding("hub", Verdict.WARNING, message, f"set `hub: {view.hub}` in viaduct.yaml")
    others = [site for site in view.sites.values() if site.hub not in ("", view.hub)]
    for site in others:
        message = f"{site.name} follows {site.hub} (term {site.term}), not {view.hub} (term {view.term})"
        hint = f"the agent tells it, once it reaches both; else `viaduct promote {view.hub}`"
        yield Finding("hub", Verdict.PROBLEM, message, hint, site.name)
    if not others:
        yield Finding("hub", Verdict.OK, f"{view.hub}, term {view.term}")


def check_joined(view: FleetView) -> Iterator[Finding]:
    """Has each site joined?"""
    for site in view.sites.values():
        if site.joined is False:
            yield Finding("joined", Verdict.WARNING, f"{site.name} has not joined yet", _START, site.name)


def check_restored(view: FleetView) -> Iterator[Finding]:
    """Was a site put back to a backup of late?"""
    known = [site for site in view.sites.values() if site.restored_at is not None]
    of_late = [site for site in known if site.restored_at and view.at - site.restored_at < ANNOUNCED]
    for site in of_late:
        ago = _ago(view.at - (site.restored_at or 0.0))
        message = f"{site.name} was put back to a backup: that was noticed {ago} ago, and it was compared"
        hint = f"`viaduct compare {site.name}`, then `viaduct conflicts list --site {site.name}`"
        yield Finding("restored", Verdict.WARNING, message, hint, site.name)
    if known and not of_late:
        yield Finding("restored", Verdict.OK, "no site was put back to a backup of late")


def check_link(view: FleetView) -> Iterator[Finding]:
    """Does each link carry changes?"""
    broken = [link for link in view.links if link.error]
    for link in broken:
        since = "" if not link.succeeded_at else f", last well {_ago(view.at - link.succeeded_at)} ago"
        message = f"{link.source} → {link.target}: {link.error} ({link.failures} times in a row{since})"
        hint = f"docs/reference/errors.md has {link.code}" if link.code else "the agent's log says more"
        yield Finding("link", Verdict.PROBLEM, message, hint, link.source, link.target)
    still = [link for link in view.links if not link.error and _stands_still(view, link)]
    for link in still:
        message = f"{link.source} → {link.target}: nothing was asked for {_ago(view.at - _last(link))}"
        yield Finding("link", Verdict.WARNING, message, "does an agent work?", link.source, link.target)
    carrying = len(view.links) - len(broken) - len(still)
    if carrying:
        yield Finding("link", Verdict.OK, f"{carrying} of {len(view.links)} directions carry changes")


def _last(link: LinkView) -> float:
    return link.succeeded_at or 0.0


def _stands_still(view: FleetView, link: LinkView) -> bool:
    return bool(link.succeeded_at) and view.at - _last(link) > STILL


def check_lag(view: FleetView) -> Iterator[Finding]:
    """Is each site up to date?"""
    late = 0
    for link in view.links:
        if link.loading:
            late += 1
            message = f"{link.target} is being filled from {link.source}: {link.behind} positions to go"
            yield Finding("lag", Verdict.WARNING, message, "it ends by itself", link.source, link.target)
        elif link.lag is not None and link.lag > LATE:
            late += 1
            verdict = Verdict.PROBLEM if link.lag > TOO_LATE else Verdict.WARNING
            message = (
                f"{link.target} lacks {link.behind} positions of {link.source}, and has for {_ago(link.lag)}"
            )
            yield Finding("lag", verdict, message, "does the link carry?", link.source, link.target)
    known = [link for link in view.links if link.behind is not None]
    if known and not late:
        most = max(link.behind or 0 for link in known)
        told = "every site has all" if not most else f"at most {most} positions are on their way"
        yield Finding("lag", Verdict.OK, told)


def check_backlog(view: FleetView) -> Iterator[Finding]:
    """Which records wait, at which site?"""
    quiet = True
    for site in view.sites.values():
        counts = {state: number for state, number in (site.waiting or {}).items() if number}
        for state in [name for name in MEANING if name in counts]:
            quiet = False
            verdict = Verdict.PROBLEM if state == "quarantined" else Verdict.WARNING
            first = [str(item.ref) for item in site.records if item.state == state][:3]
            told = f": {', '.join(first)}" if first else ""
            message = f"{site.name}: {counts[state]} {state}{told}; {MEANING[state][0]}"
            yield Finding("backlog", verdict, message, f"`viaduct quarantine list {site.name}`", site.name)
    if quiet and any(site.waiting is not None for site in view.sites.values()):
        yield Finding("backlog", Verdict.OK, "no record waits")


def check_conflicts(view: FleetView) -> Iterator[Finding]:
    """Do conflicts wait for a decision?"""
    hub = view.sites.get(view.hub)
    if hub is None or hub.conflicts is None:
        return
    if hub.conflicts:
        said = "1 conflict waits" if hub.conflicts == 1 else f"{hub.conflicts} conflicts wait"
        message = f"{said} for a decision"
        yield Finding("conflicts", Verdict.WARNING, message, "`viaduct conflicts list --open`", hub.name)
    else:
        yield Finding("conflicts", Verdict.OK, "no conflict waits for a decision")


def check_differences(view: FleetView) -> Iterator[Finding]:
    """Do the sites have the same records?"""
    compared = [site for site in view.sites.values() if site.differing is not None]
    for site in compared:
        compare = f"`viaduct compare {site.name}`"
        if site.onesided > ONESIDED:
            message = f"{site.onesided} records are at {view.hub} or {site.name} only; nothing is mended"
            yield Finding("differences", Verdict.PROBLEM, message, compare, site.name)
        elif site.missed:
            message = f"{site.name}: the feeds had missed {site.missed} records; they were shown again"
            yield Finding("differences", Verdict.WARNING, message, compare, site.name)
    if compared and not any(site.missed or site.onesided > ONESIDED for site in compared):
        yield Finding("differences", Verdict.OK, f"nothing was missed at {len(compared)} sites")


def check_rotation(view: FleetView) -> Iterator[Finding]:
    """Has every site the present keys of tokens?"""
    if view.agent is not None and view.agent.keys_error:
        yield Finding("rotation", Verdict.PROBLEM, view.agent.keys_error, "`viaduct keys status`", view.hub)
    for keys in view.keys or ():
        if keys.missing:
            message = f"{keys.repository}: {_named(keys.missing)} lacks the present keys; nothing is rotated"
            yield Finding("rotation", Verdict.PROBLEM, message, "`viaduct keys status`", keys.missing[0])
        else:
            under_way = ", rotation under way" if keys.rotating else ""
            message = f"{keys.repository}: generation {keys.generation} is at every site{under_way}"
            yield Finding("rotation", Verdict.OK, message)


def check_upkeep(view: FleetView) -> Iterator[Finding]:
    """Was each site looked at of late?"""
    longest = ROUNDS * ((view.agent.upkeep if view.agent is not None else 0.0) or ROUND)
    late = [site for site in view.sites.values() if _is_overdue(view, site, longest)]
    for site in late:
        last = _ago(view.at - site.looked_at) + " ago" if site.looked_at else "never"
        message = f"{site.name} was last swept and compared: {last}{_because(site)}"
        yield Finding("upkeep", Verdict.WARNING, message, "the agent's log says why", site.name)
    looked = [site for site in view.sites.values() if site.looked_at]
    if looked and not late:
        yield Finding("upkeep", Verdict.OK, f"{len(looked)} sites were swept and compared of late")


def _because(site: SiteView) -> str:
    return f" ({site.upkeep_error})" if site.upkeep_error else ""


def _is_overdue(view: FleetView, site: SiteView, longest: float) -> bool:
    if site.looked_at is None:
        return False
    return bool(site.upkeep_error) or (site.looked_at > 0 and view.at - site.looked_at > longest)


def check_releases(view: FleetView) -> Iterator[Finding]:
    """Do the releases of Viaduct fit together?"""
    by_version: defaultdict[str, list[str]] = defaultdict(list)
    for site in view.sites.values():
        if site.product:
            by_version[site.product].append(site.name)
    told = "; ".join(f"{version} at {_named(names)}" for version, names in sorted(by_version.items()))
    if len(by_version) > 1:
        yield Finding("releases", Verdict.WARNING, f"viaduct {told}", "upgrade the older ones soon")
    elif by_version:
        yield Finding("releases", Verdict.OK, f"viaduct {told}")


def _named(names: Iterable[str]) -> str:
    found = sorted(names)
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return ", ".join(found[:NAMED]) + more


def _ago(seconds: float) -> str:
    """Roughly, for people."""
    for unit, name in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{max(0.0, seconds):.0f} s"


FLEET_CHECKS: tuple[FleetCheck, ...] = (
    check_agent,
    check_reach,
    check_hub,
    check_joined,
    check_restored,
    check_link,
    check_lag,
    check_backlog,
    check_conflicts,
    check_differences,
    check_rotation,
    check_upkeep,
    check_releases,
)
