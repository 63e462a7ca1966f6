"""What is done to a site's tables where no trigger sees it, and what becomes of that.

A row that is gone counts as deleted once the site says so (it has a mark, or a tombstone of its own): that is
what an operator is told. Until then nothing was promised to anybody, and the row may come back from
elsewhere. What is written by hand counts from the first moment, as any edit does.
"""

from __future__ import annotations

from keystone_viaduct.sync.model import Document, Record, Ref, site_of
from keystone_viaduct.sync.ports import Write
from keystone_viaduct.sync.site.content import digests
from keystone_viaduct.testing.memory import Data, Violation
from keystone_viaduct.testing.simulation.broken import Broken
from keystone_viaduct.testing.simulation.directories import tell
from keystone_viaduct.testing.simulation.fleet import Fleet, Node
from keystone_viaduct.testing.simulation.releases import visible, whole

#: Of a kind, so many missing records and more than this share of it may not be deleted unless a person says
#: so; nor more than so many of any share. As ``sync.site.guard`` has them, but counted here.
FEW, SHARE, MANY = 3, 0.2, 50


def write_by_hand(fleet: Fleet, site: str, writes: list[Write]) -> bool:
    """Change rows by hand; False if unique values stand against it."""
    node = fleet.nodes[site]
    before = _contents(node.store.data)
    try:
        node.store.by_hand(writes)
    except Violation:
        return False
    fleet.unseen.missing.setdefault(site, {})
    after = _contents(node.store.data)
    for ref in sorted(before.keys() | after.keys()):
        old, new = before.get(ref), after.get(ref)
        if old is not None and new is None:
            fleet.unseen.rows.setdefault((site, ref), []).append(old)
            _take_for_external(fleet, site, ref)
            if not _is_missing(node.store.data, ref):  # it has a mark, or was made by hand
                fleet.ledger.wrote(fleet.step, site, ref, old, None, {})
        elif old != new:
            known = len(fleet.ledger.edits)
            told = fleet.cloud.numbered(node.store, ref, old or {}, new or {})
            fleet.ledger.wrote(fleet.step, site, ref, old, new, told)
            fleet.unseen.edits.setdefault(site, set()).update(fleet.ledger.edits[known:])
    _note(fleet, node)
    return True


def _take_for_external(fleet: Fleet, site: str, ref: Ref) -> None:
    """A user whose row is gone by hand before anybody has numbered it: at a site with a directory whose
    ids are not mapped nobody can say that he was not one of its users. What he owned stays.
    """
    unknown = ref not in fleet.nodes[site].store.data.records
    if unknown and ref.kind == "user" and site in fleet.having:
        fleet.directory |= {ref}
        tell(((name, node.store) for name, node in fleet.nodes.items()), fleet.having, fleet.directory)
        fleet.counts["taken for external"] += 1


def look(fleet: Fleet) -> None:
    """After each step: note what was deleted meanwhile. Raises Broken if it was not to be."""
    restored = fleet.restored if fleet.restorations != fleet.unseen.restorations else ""
    fleet.unseen.restorations = fleet.restorations
    for site in fleet.unseen.missing:
        node = fleet.nodes[site]
        if site == restored:
            fleet.excused |= fleet.unseen.edits.get(site, set())
        else:
            _follow(fleet, node)
        _note(fleet, node)


def _follow(fleet: Fleet, node: Node) -> None:
    data, before = node.store.data, fleet.unseen.missing[node.name]
    gone = [ref for ref in before if _deleted_here(data, ref, fleet.unseen.heads.get(node.name, 0))]
    still = [ref for ref in before if _is_missing(data, ref)]
    for kind in sorted({ref.kind for ref in gone}):
        elsewhere = {edit.ref for edit in fleet.ledger.deleted if edit.site != node.name}
        _check_guard(fleet, node.name, data, kind, [ref for ref in gone if ref not in elsewhere], still)
    for ref in gone:
        document = _row_of(fleet, node, before[ref])
        fleet.ledger.wrote(fleet.step, node.name, ref, document, None, {})
        fleet.counts["deleted by hand"] += 1


def _check_guard(fleet: Fleet, site: str, data: Data, kind: str, gone: list[Ref], still: list[Ref]) -> None:
    with_owner = {c.ref for c in data.conflicts if c.sort in ("dangling", "dependent")}
    said = {ref for ref in gone if (site, ref) in fleet.unseen.confirmed or ref in with_owner}
    unsaid = [ref for ref in gone if ref.kind == kind and ref not in said]
    missing = len(unsaid) + sum(ref.kind == kind for ref in still)
    living = sum(r.ref.kind == kind and not (r.deleted or r.evicted) for r in data.records.values())
    total = living + sum(ref.kind == kind for ref in gone)
    if unsaid and (missing > MANY or (missing >= FEW and missing > SHARE * total)):
        raise Broken("mass_delete_held", f"{site} deletes {unsaid[:3]} of {missing} missing by itself")


def _note(fleet: Fleet, node: Node) -> None:
    data = node.store.data
    fleet.unseen.heads[node.name] = data.state.head
    fleet.unseen.missing[node.name] = {
        ref: record for ref, record in data.records.items() if _is_missing(data, ref)
    }
    node.process.blocked = any(ref not in data.held for ref in fleet.unseen.missing[node.name])
    marked = {mark.ref for mark in data.marks.values()}
    known = fleet.unseen.edits.get(node.name, set())
    fleet.unseen.edits[node.name] = {
        edit for edit in known if edit.ref not in marked and not _is_numbered(data, edit.ref)
    }


def _deleted_here(data: Data, ref: Ref, head: int) -> bool:
    """Whether this site itself has said so since its head was there."""
    if ref in data.rows:
        return False
    record = data.records.get(ref)
    if record is None or any(mark.ref == ref for mark in data.marks.values()):
        return True
    lives = record.version.entries.items()
    return record.deleted and any(seq > head and site_of(origin) == data.state.site for origin, seq in lives)


def _row_of(fleet: Fleet, node: Node, record: Record) -> Document:
    """What the row held last, of the rows of that name that were lost."""
    lost = fleet.unseen.rows.get((node.name, record.ref), [{}])
    secret = node.store.data.state.fleet_secret
    stated = {state.digest for state in record.fields.values()}
    for row in reversed(lost):
        if stated.issuperset(digests(secret, record.ref.kind, row).values()):
            return row
    return lost[-1]


def _contents(data: Data) -> dict[Ref, Document]:
    return {ref: visible(data, ref) or {} for ref in data.rows}


def _is_missing(data: Data, ref: Ref) -> bool:
    record = data.records.get(ref)
    if ref in data.rows or record is None or record.deleted or record.evicted or record.rowless:
        return False
    return all(mark.ref != ref for mark in data.marks.values())


def _is_numbered(data: Data, ref: Ref) -> bool:
    row, record = whole(data, ref), data.records.get(ref)
    if row is None or record is None or record.deleted:
        return row is None
    found = digests(data.state.fleet_secret, ref.kind, row)
    return all(name in record.fields and record.fields[name].digest == d for name, d in found.items())
