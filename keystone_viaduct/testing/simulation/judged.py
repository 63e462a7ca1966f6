"""At rest: whatever lets a limited site act as somebody who holds more today, or shut him out, is listed."""

from __future__ import annotations

from functools import partial

from keystone_viaduct.sync.model import JUDGED, Checkpoint, Page, Ref, Version
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.applying import Applying
from keystone_viaduct.sync.site.content import contents
from keystone_viaduct.sync.site.delegation import RULES, Act, Court, Unread
from keystone_viaduct.sync.site.delegation.pageworld import PageWorld
from keystone_viaduct.sync.site.delegation.ways import WAYS_OF, against
from keystone_viaduct.sync.site.made import act_of, made_by
from keystone_viaduct.testing.simulation.broken import Broken
from keystone_viaduct.testing.simulation.fleet import Fleet


def check_judged(fleet: Fleet) -> None:
    """All of the hub's records are asked about, whatever has been noted of them."""
    hub = fleet.nodes[fleet.hub]
    while hub.site.judge():
        pass
    fleet.note_conflicts()
    rows = [row for row in fleet.listed.values() if row.sort == JUDGED]
    fleet.counts["judged again"] += len(rows)
    listed = {(row.site, row.ref) for row in rows}
    for site in sorted(hub.site.charter().limited):
        found = hub.store.run(partial(_refusable, site=site))
        missing = sorted(ref for ref in found if (site, ref) not in listed)
        if missing:
            raise Broken("judged_again", f"{site} may act as somebody who holds more by {missing[:3]}")


def _refusable(tx: Transaction, site: str) -> list[Ref]:
    state = tx.state()
    refs = [Ref(kind, key) for kind in sorted(WAYS_OF) for key in tx.live_keys(kind, "", 10**6)]
    records = tx.records(refs)
    found = contents(tx, refs, records)
    nothing = Page(site, state.term, None, Checkpoint("", 0, ""), False, Version(), ())
    run = Applying(tx, state, nothing, 0, lambda kind, scope: "hub", records=records)
    world = PageWorld(run)
    court = Court(state.charter.delegation_of(site), world, RULES)
    acts = [
        act_of(site, names, records[ref], found[ref])
        for ref in found
        if (names := made_by(frozenset({site}), records[ref]).get(site))
    ]
    return [act.ref for act in acts if act is not None and _stands_against(court, world, act)]


def _stands_against(court: Court, world: PageWorld, act: Act) -> bool:
    while True:
        try:
            return next(against(court, act), None) is not None
        except Unread:
            world.read()
