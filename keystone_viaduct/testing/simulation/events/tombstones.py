"""Tombstones are purged."""

from __future__ import annotations

from dataclasses import replace

from keystone_viaduct.sync.model import Peer, Record, Ref
from keystone_viaduct.testing.simulation.broken import Broken
from keystone_viaduct.testing.simulation.events.event import Event
from keystone_viaduct.testing.simulation.fleet import SECOND, Backup, Fleet, Node


def purge(fleet: Fleet, site: str) -> list[str]:
    """A site drops tombstones; the hub's operator may have given up on sites that are cut off."""
    node = fleet.nodes[site]
    dead = {ref for ref, record in node.store.data.records.items() if record.deleted}
    fleet.put_back = [backup for backup in fleet.put_back if not _all_met(fleet, backup)]
    if any(_alive(backup, dead) for backup in fleet.put_back):
        return []  # the retention is longer than a backup is old, and until all have met that site
    if any(ref in dead for other in fleet.nodes.values() for _, ref in other.store.data.pending):
        return []  # nothing waits, nor goes to the hub once more, for as long as tombstones are kept
    away = (
        {spoke for spoke in sorted(fleet.cut) if fleet.chance.random() < 0.5} if site == fleet.hub else set()
    )
    if site == fleet.hub:
        _give_up(node, away)
    before, read = node.store.data.records, dict(node.store.data.checkpoints)
    dropped = node.site.purge(fleet.chance.choice((0, 60 * SECOND)))
    fleet.counts["purges"] += dropped
    if any(read[other] and not node.store.data.checkpoints.get(other) for other in read):
        fleet.past_restarts += 1  # who is away is read from the start
    if dropped:
        _check_safe(node, before)
        _outdate_backups(fleet, fleet.note_purged(site, before))
        fleet.tell(f"{site}: {dropped} tombstones purged, away: {sorted(away)}")
    return [site]


def _give_up(node: Node, away: set[str]) -> None:
    for peer in node.store.data.peers.values():
        _save(node, replace(peer, live=peer.site not in away))


def _all_met(fleet: Fleet, backup: Backup) -> bool:
    """Whether all that sync with the restored site have gone on with its new life."""
    life = fleet.nodes[backup.site].store.data.state.incarnation
    others = fleet.spokes if backup.site == fleet.hub else [fleet.hub]
    stands = [fleet.nodes[other].store.data.checkpoints.get(backup.site) for other in others]
    if life == backup.data.state.incarnation:
        return False
    return all(checkpoint is not None and checkpoint.incarnation == life for checkpoint in stands)


def _outdate_backups(fleet: Fleet, dropped: set[Ref]) -> None:
    """Nobody puts back a backup that is older than the retention of tombstones."""
    fleet.backups = [backup for backup in fleet.backups if not _alive(backup, dropped)]


def _alive(backup: Backup, refs: set[Ref]) -> bool:
    records = backup.data.records
    return any(ref in backup.data.rows or not (ref in records and records[ref].deleted) for ref in refs)


def _save(node: Node, peer: Peer) -> None:
    node.store.run(lambda tx: tx.save_peer(peer))


def _check_safe(node: Node, before: dict[Ref, Record]) -> None:
    data = node.store.data
    for ref in set(before) - set(data.records):
        record = before[ref]
        if not record.deleted or not data.state.all_knowledge.covers(record.version):
            raise Broken("purge_safe", f"{node.name} dropped {ref} at {record.version}")


EVENTS = (Event("purge", 6, purge, shares={"purges": 0.15}),)
