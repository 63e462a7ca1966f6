"""Sites' tables are swept, operators look at what is held, sites are compared."""

from __future__ import annotations

from keystone_viaduct.errors import FenceMismatch, NotYet, OldTerm
from keystone_viaduct.sync.link.compare import Comparison
from keystone_viaduct.testing.simulation import fleet as fleets
from keystone_viaduct.testing.simulation import unseen
from keystone_viaduct.testing.simulation.broken import Broken
from keystone_viaduct.testing.simulation.crashing import Blow, Crashed
from keystone_viaduct.testing.simulation.events.event import Event
from keystone_viaduct.testing.simulation.fleet import Fleet
from keystone_viaduct.testing.simulation.releases import whole

#: Rounds after which nothing may be left of what was done by hand.
ROUNDS = 4


def sweep(fleet: Fleet, site: str) -> list[str]:
    """The agent has a site compare the next of its rows and records; the site's process may die."""
    node = fleet.nodes[site]
    dies = fleet.chance.random() < 0.1
    if dies:
        node.process.arm(Blow(fleet.chance.randrange(10), fleet.chance.choice((None, 1, 3, 7))))
    try:
        for _ in range(fleet.chance.choice((1, 10, 80))):
            node.site.sweep(fleet.chance.choice((1, 3, 50)))
    except Crashed:
        fleet.counts["crashes"] += 1
        fleet.tell(f"{site} dies in a sweep")
    finally:
        node.process.arm(None)
    fleet.counts["sweeps"] += 1
    place = node.store.run(lambda tx: tx.sweep_state())
    fleet.tell(f"{site}: swept up to {place.kind or 'the end'}, {place.found} found, {place.deleted} deleted")
    return [site]


def judge(fleet: Fleet, site: str) -> list[str]:
    """An operator looks at the deletions that wait at a site, this one or another: meant, or not meant."""
    waiting = [name for name in (site, *fleet.nodes) if fleet.nodes[name].store.data.held]
    if not waiting:
        return []
    site = waiting[0]
    held = sorted(fleet.nodes[site].store.data.held)
    kinds = frozenset({held[0].kind}) if fleet.chance.random() < 0.3 else None
    if fleet.chance.random() < 0.3:
        _confirm(fleet, site, kinds)
    else:
        _discard(fleet, site, kinds)
        if fleet.chance.random() < 0.5:
            return [site, *_compare_with_others(fleet, site)]
    return [site]


def compare(fleet: Fleet, spoke: str) -> list[str]:
    """An operator, or the agent now and then, has a spoke compared with the hub."""
    if spoke in fleet.cut:
        return []
    fleet.link(spoke)
    if spoke == fleet.hub:
        return []
    found = Comparison(fleet.nodes[fleet.hub].site, fleet.nodes[spoke].site)
    try:
        found.find()
        for _ in found.showing(found.missed):
            pass
    except (FenceMismatch, NotYet, OldTerm) as error:
        fleet.tell(f"{fleet.hub} and {spoke} can't be compared: {error}")
        return [fleet.hub, spoke]
    fleet.counts["comparisons"] += 1
    fleet.tell(f"{fleet.hub} and {spoke} differ in {len(found.differences)}, {len(found.missed)} missed")
    return [fleet.hub, spoke]


def finish(fleet: Fleet) -> None:
    """Operators end what was begun by hand: all is swept, and nothing is left to be found."""
    if not fleet.unseen.missing:
        return
    for number in range(ROUNDS):
        found = [_whole_sweep(fleet, site) for site in fleet.nodes]
        held = {site: sorted(node.store.data.held) for site, node in fleet.nodes.items()}
        unseen.look(fleet)
        if not any(found) and not any(held.values()):
            return
        for site in [name for name, refs in held.items() if refs]:
            if number or fleet.chance.random() < 0.3:
                _confirm(fleet, site, None)
            else:
                _discard(fleet, site, None)
                _compare_with_others(fleet, site)
            unseen.look(fleet)
        fleets.settle(fleet, rounds=10)  # what is held, or dangling, may wait for the next sweep
        unseen.look(fleet)
    raise Broken("sweep_ends", f"a sweep finds {found} and holds {held} in the last round")


def _whole_sweep(fleet: Fleet, site: str) -> int:
    """How much was found; what hangs on a record that is gone is found once that is numbered."""
    node, found = fleet.nodes[site], 0
    while node.site.sweep(500).kind:  # the rest of one that was begun
        pass
    for _ in range(ROUNDS):
        node.site.state()
        while (place := node.site.sweep(500)).kind:
            pass
        if not place.found + place.deleted:
            return found
        found += place.found + place.deleted
    raise Broken("sweep_ends", f"sweeps of {site} go on finding something")


def _confirm(fleet: Fleet, site: str, kinds: frozenset[str] | None) -> None:
    node = fleet.nodes[site]
    fleet.unseen.confirmed.update((site, ref) for ref in node.store.data.held)
    number = node.site.confirm(kinds)
    fleet.counts["deletions confirmed"] += number
    fleet.tell(f"{site}: {number} held deletions are confirmed")


def _discard(fleet: Fleet, site: str, kinds: frozenset[str] | None) -> None:
    """What no other site has of it can't come back."""
    node = fleet.nodes[site]
    others = [other.store.data for other in fleet.nodes.values() if other is not node]
    refs = [ref for ref in node.store.data.held if kinds is None or ref.kind in kinds]
    for ref in refs:
        for row in fleet.unseen.rows.get((site, ref), []):
            known = [found for data in others if (found := whole(data, ref)) is not None]
            names = sorted({name for found in known for name in found} | row.keys())
            here = [n for n in names if not any(found.get(n) == row.get(n) for found in known)]
            lost = {(ref, name, repr(row.get(name))) for name in here}
            fleet.excused.update(edit for edit in fleet.ledger.edits if edit.what in lost)
    number = node.site.discard(kinds)
    fleet.counts["deletions discarded"] += number
    fleet.tell(f"{site}: {number} held deletions are discarded")


def _compare_with_others(fleet: Fleet, site: str) -> list[str]:
    """A spoke with the hub, the hub with every spoke."""
    fleet.fill_office()
    spokes = fleet.spokes if site == fleet.hub else [site]
    touched = [compare(fleet, spoke) for spoke in spokes]
    return sorted({name for names in touched for name in names})


EVENTS = (
    Event("sweep", 2, sweep, shares={"sweeps": 1}),
    Event("compare", 0.8, compare, spokes=True, shares={"comparisons": 0.3}),
)

#: Only what was done by hand is held.
JUDGEMENTS = (Event("judge", 1.5, judge, shares={"deletions confirmed": 0.02, "deletions discarded": 0.01}),)
