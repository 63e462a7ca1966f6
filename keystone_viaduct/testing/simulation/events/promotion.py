"""Spokes are promoted to hub; the old hub returns, or goes on as if nothing had happened."""

from __future__ import annotations

from keystone_viaduct.errors import OldTerm, Refused
from keystone_viaduct.sync.link.link import Link
from keystone_viaduct.sync.site.promote import obstacle
from keystone_viaduct.testing.simulation.events.event import Event
from keystone_viaduct.testing.simulation.fleet import Fleet


def promote(fleet: Fleet, spoke: str) -> list[str]:
    """The operator gives up the hub, which may be gone, cut off from the others, or alive."""
    old = fleet.hub
    if not _take_office(fleet, spoke, fleet.term):
        return []
    if fleet.chance.random() < 0.6:
        fleet.cut.add(old)
        fleet.counts["hubs cut off"] += 1
    fate = "is cut off" if old in fleet.cut else "lives"
    fleet.tell(f"{spoke} is promoted in term {fleet.term}, {old} {fate}")
    return [spoke, old]


def hand_over(fleet: Fleet, spoke: str) -> list[str]:
    """The operator moves the hub in good order."""
    old = fleet.hub
    why_not = obstacle(fleet.nodes[spoke].store.data.state)
    if not fleet.may_lead(spoke):
        return []
    if spoke in fleet.cut or why_not:
        fleet.tell(f"{old} can't hand over to {spoke}: {why_not or 'it is cut off'}")
        return []
    ends = fleet.link(spoke)
    for replicator in (ends.up, ends.down, ends.up):
        replicator.limit = 50
        for _ in range(3):
            ends.step(replicator)
    try:
        fleet.nodes[old].site.resign(spoke)
    except Refused as error:
        fleet.tell(f"{old} can't hand over to {spoke}: {error}")
        return []
    if fleet.chance.random() < 0.5:
        _take_office(fleet, spoke, fleet.nodes[spoke].store.data.state.term)
    fleet.tell(f"{old} hands over to {spoke}")
    fleet.counts["hand-overs"] += 1
    return [spoke, old]


def rival(fleet: Fleet, spoke: str) -> list[str]:
    """Another operator promotes a spoke without knowing of the present hub's term."""
    if _take_office(fleet, spoke, 0):
        fleet.tell(f"{spoke} is promoted, too; the hub is {fleet.hub}")
        fleet.counts["rivals"] += 1
    return [spoke]


def old_agent(fleet: Fleet, site: str) -> list[str]:
    """The agent of a hub that has been replaced goes on with its work."""
    outdated = [
        node.name for node in fleet.nodes.values() if node.store.data.state.is_hub and node.name != fleet.hub
    ]
    if not outdated or site in fleet.cut:
        return []
    hub = fleet.chance.choice(outdated)
    if hub == site:
        return []
    fleet.acquaint(hub, site)
    ends = Link(fleet.nodes[hub].site, fleet.nodes[site].site, fleet.chance.choice((1, 3, 50)))
    try:
        for _ in range(2):
            ends.step(fleet.one_way(ends))
        fleet.tell(f"{hub}, replaced, still works with {site}")
    except (OldTerm, Refused) as error:
        fleet.tell(f"{hub}, replaced: {error.message}")
    fleet.past_restarts += 1
    fleet.counts["old agents"] += 1
    return [hub, site]


def _take_office(fleet: Fleet, site: str, beyond: int) -> bool:
    if not fleet.may_lead(site):
        return False
    old, unmet = fleet.hub, fleet.unmet_life(fleet.hub)
    try:
        fleet.nodes[site].site.promote(beyond)
    except Refused as error:
        fleet.tell(f"{site} can't be promoted: {error.message}")
        return False
    fleet.counts["promotions"] += 1
    fleet.elect()
    if unmet:
        _excuse_branches(fleet, old)
    return True


def _excuse_branches(fleet: Fleet, old: str) -> None:
    """The hub is given up before it has found out that it was restored: what it has done since its backup may
    bear the numbers of what was lost, and nobody is left to tell which is which. The docs name this residue.
    """
    since = min(backup.step for backup in fleet.put_back if backup.site == old)
    edits = [*fleet.ledger.edits, *fleet.ledger.deleted]
    fleet.excused.update(edit for edit in edits if edit.site == old and edit.step >= since)


EVENTS = (
    Event("promote", 1.0, promote, spokes=True, shares={"promotions": 0.3}),
    Event("hand_over", 0.5, hand_over, spokes=True),
    Event("rival", 0.2, rival, spokes=True),
    Event("old_agent", 2, old_agent),
)
