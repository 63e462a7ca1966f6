"""Databases are backed up and put back."""

from __future__ import annotations

from keystone_viaduct.sync.model import Record
from keystone_viaduct.testing.memory import Data
from keystone_viaduct.testing.simulation.events.event import Event
from keystone_viaduct.testing.simulation.fleet import Backup, Fleet


def backup(fleet: Fleet, site: str) -> list[str]:
    """A copy of a site's database is put aside."""
    store = fleet.nodes[site].store
    taken = Backup(fleet.step, site, store.backup(), store.data.copy())
    fleet.backups.append(taken)
    fleet.line.append(taken)
    fleet.tell(f"{site}: backup taken")
    return []


def restore(fleet: Fleet, _: str) -> list[str]:
    """A site's database is put back to what it was; what nobody else had seen of it since is gone with it.

    One site a run, as often as may be: the loss of two in the same hours is a residue that the docs name.
    """
    usable = [
        copy
        for copy in fleet.backups
        # one whose charter limits the hub of today would never follow it: its operator has to say so
        if fleet.restored in ("", copy.site) and copy.data.state.charter.is_full(fleet.hub)
    ]
    if not usable:
        return []
    chosen = fleet.chance.choice(usable)
    fleet.restored = chosen.site
    fleet.put_back.append(chosen)
    node = fleet.nodes[chosen.site]
    fleet.counts["restores"] += 1
    fleet.restorations += 1
    fleet.note_conflicts()
    _excuse(fleet, chosen)
    if chosen not in fleet.line:  # taken in a past that has been undone: two branches of one life
        fleet.forked.add(chosen.data.state.origin)
    fleet.line = [*fleet.line[: fleet.line.index(chosen)], chosen] if chosen in fleet.line else [chosen]
    if chosen.site == fleet.hub or node.store.data.state.is_hub or chosen.data.state.is_hub:
        fleet.forked |= {node.store.data.state.origin, chosen.data.state.origin}
    node.store.restore(chosen.copy)
    fleet.tell(f"{chosen.site}: restored from its backup")
    return []


def _excuse(fleet: Fleet, chosen: Backup) -> None:
    """What only the restored site knew, and its backup does not, is gone with the disk."""
    lost = fleet.nodes[chosen.site].store.data
    others = [node.store.data for node in fleet.nodes.values() if node.name != chosen.site]
    touched = {ref for ref, record in lost.records.items() if chosen.data.records.get(ref) != record}
    gone = {mark.ref for mark in lost.marks.values()}
    for ref in touched | {ref for ref in chosen.data.records if ref not in lost.records}:
        record = lost.records.get(ref)
        if record is None or not any(_has(fleet, other, record) for other in others):
            gone.add(ref)
    for edit in [*fleet.ledger.edits, *fleet.ledger.deleted]:
        if edit.ref in gone:
            fleet.excused.add(edit)


def held(fleet: Fleet, site: str) -> list[Record]:
    """The records that a site holds, and has not evicted."""
    return [record for record in fleet.nodes[site].store.data.records.values() if not record.evicted]


def excuse_evicted(fleet: Fleet, site: str, before: list[Record]) -> None:
    """A page that was read before its source was restored made the site let go what nobody else has: that is
    lost with what the source has lost.
    """
    now = fleet.nodes[site].store.data.records
    others = [node.store.data for node in fleet.nodes.values() if node.name != site]
    gone = [r for r in before if r.ref in now and now[r.ref].evicted]
    lost = {record.ref for record in gone if not any(_has(fleet, other, record) for other in others)}
    fleet.excused.update(e for e in [*fleet.ledger.edits, *fleet.ledger.deleted] if e.ref in lost)


def _has(fleet: Fleet, data: Data, record: Record) -> bool:
    """Whether another site knows at least this version of a record.

    In lives of the hub that were lost a version may stand for two contents.
    """
    theirs = data.records.get(record.ref)
    if theirs is not None and theirs.evicted:
        return False
    forked = any(origin in fleet.forked for origin in record.version.entries)
    if theirs is None:
        holds = data.state.covered.holds(record.ref.kind, record.scope) and not forked
        return holds and record.ref in fleet.buried and data.state.all_knowledge.covers(record.version)
    same = theirs.digest == record.digest or not forked
    return same and theirs.version.covers(record.version)


EVENTS = (
    Event("backup", 2.5, backup),
    Event("restore", 1.2, restore, shares={"restores": 0.5}),
)
