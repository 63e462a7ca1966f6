"""What must hold when all links are up and nothing moves any more (docs/explanation/protocol.md)."""

from __future__ import annotations

import ast
import re

from keystone_viaduct.documents.digest import field_digest
from keystone_viaduct.kinds.registry import REGISTRY, TWINNED
from keystone_viaduct.sync.model import ABSENT, DELETED, QUARANTINED, RETRIED, Conflict, Record, Ref, site_of
from keystone_viaduct.sync.site.content import digests
from keystone_viaduct.sync.site.external import is_evidence
from keystone_viaduct.sync.site.needs import needs
from keystone_viaduct.sync.site.scope import selection
from keystone_viaduct.testing.memory import Data
from keystone_viaduct.testing.simulation import twins
from keystone_viaduct.testing.simulation.broken import Broken
from keystone_viaduct.testing.simulation.cloud import Edit
from keystone_viaduct.testing.simulation.events.hostile import EVIL
from keystone_viaduct.testing.simulation.fleet import Fleet, Node
from keystone_viaduct.testing.simulation.judged import check_judged
from keystone_viaduct.testing.simulation.releases import has_dropped, present, whole
from keystone_viaduct.testing.simulation.watch import Watch, check_no_echo


def _statements(fleet: Fleet) -> None:
    """Every site believes the hub's newest statement, as far as it signs. Raises Broken."""
    hub = fleet.nodes[fleet.hub].store.data.state
    told = hub.statement
    if told is None or told.terms.office != (hub.term, hub.site):
        return
    for node in fleet.nodes.values():
        known = node.store.data.state.statement
        if known is None or known.text != told.text:
            raise Broken("converged", f"{node.name} does not know what the hub has signed last")


def at_rest(fleet: Fleet) -> None:
    """Raise Broken unless the fleet is equal, complete and quiet."""
    fleet.forked = set()
    for node in fleet.nodes.values():
        fleet.buried.update(ref for ref, record in node.store.data.records.items() if record.deleted)
    Watch().look(fleet, fleet.nodes)
    _no_echo(fleet)
    _statements(fleet)
    _converged(fleet)
    _no_pending(fleet)
    _no_dangling(fleet)
    _external_kept(fleet)
    _edits_accounted(fleet)
    _deletes_accounted(fleet)
    _one_sided(fleet)
    _united(fleet)
    check_judged(fleet)


def _no_echo(fleet: Fleet) -> None:
    for node in fleet.nodes.values():
        check_no_echo(node)


def _converged(fleet: Fleet) -> None:
    hub = fleet.nodes[fleet.hub].store.data
    for node in fleet.nodes.values():
        data = node.store.data
        wanted = _meant_for(node.name, hub)
        refs = present(data) | wanted
        different = [ref for ref in refs if not _alike(fleet, node, ref, ref in wanted)]
        if different:
            raise Broken("converged", f"{node.name} differs from the hub in {sorted(different)[:5]}")
        for ref, record in data.records.items():
            if record.evicted:
                continue
            twin = hub.records.get(ref)
            if record.deleted and (twin is None or not data.state.coverage.holds(ref.kind, twin.scope)):
                continue  # a tombstone that the hub has purged already, or that it does not tell this site of
            if twin is None or twin.version != record.version or twin.digest != record.digest:
                raise Broken("converged", f"{node.name} has another version of {ref} than the hub")
            _record_matches(node, ref, record)


def _alike(fleet: Fleet, node: Node, ref: Ref, wanted: bool) -> bool:
    """Whether a site holds what the hub does, but for what one of them has lost with a column."""
    hub = fleet.nodes[fleet.hub].store
    mine, theirs = whole(node.store.data, ref), whole(hub.data, ref) if wanted else None
    if mine is None or theirs is None:
        return mine is theirs
    return all(
        mine.get(name) == theirs.get(name)
        or (name not in mine and has_dropped(node.store.release, ref.kind, name))
        or (name not in theirs and has_dropped(hub.release, ref.kind, name))
        for name in mine.keys() | theirs.keys()
    )


def _meant_for(site: str, hub: Data) -> set[Ref]:
    """What of the hub's records a site holds: exactly its coverage."""
    coverage = selection(hub.state.charter.coverage_of(site), ())
    if site == hub.state.site or coverage.is_full:
        return present(hub)
    scopes = {ref: record.scope for ref, record in hub.records.items()}
    return {ref for ref in present(hub) if coverage.holds(ref.kind, scopes[ref])}


def _record_matches(node: Node, ref: Ref, record: Record) -> None:
    """A record states exactly what its row holds and what is carried; and what was lost with a column."""
    data = node.store.data
    found = digests(data.state.fleet_secret, ref.kind, whole(data, ref) or {})
    stated = {
        name: state.digest
        for name, state in record.fields.items()
        if name != DELETED
        and state.digest != ABSENT
        and (name in found or not has_dropped(node.store.release, ref.kind, name))
    }
    if found != stated:
        raise Broken("converged", f"{node.name}: the record of {ref} does not say what its row holds")


def _no_pending(fleet: Fleet) -> None:
    for node in fleet.nodes.values():
        if node.store.data.pending:
            raise Broken("no_pending_no_skip", f"{node.name}: {sorted(node.store.data.pending)[:3]}")
        carried = [record for record in node.store.data.records.values() if record.carried is not None]
        aside = [r.ref for r in carried if r.carried and r.carried.reason in (QUARANTINED, RETRIED)]
        if aside:
            raise Broken("no_pending_no_skip", f"{node.name} has not tried again {sorted(aside)[:3]}")


def _no_dangling(fleet: Fleet) -> None:
    for node in fleet.nodes.values():
        rows = node.store.data.rows
        for ref, document in rows.items():
            for need in needs(ref, document):
                if need.may_be_external and need.any_of[0] in fleet.directory:
                    continue
                if need.unchecked and not is_evidence(node.store.data.records.get(need.any_of[0])):
                    continue
                if need.owning and not any(target in rows for target in need.any_of):
                    raise Broken("no_dangling", f"{node.name}: {ref} refers to {need}")


def _external_kept(fleet: Fleet) -> None:
    """Nothing was ever deleted because an external user or group has no row, or has one no more."""
    fleet.note_conflicts()
    for conflict in fleet.listed.values():
        if conflict.sort not in ("dangling", "dependent"):
            continue
        named = set(re.split(r"[ ,]+", conflict.explanation))
        outside = [owner for owner in sorted(fleet.directory) if str(owner) in named]
        if outside and conflict.ref not in fleet.directory:
            raise Broken("external_kept", f"{conflict.ref}: {conflict.explanation}")


def _listed(fleet: Fleet) -> dict[Ref, list[tuple[str, str]]]:
    found: dict[Ref, list[tuple[str, str]]] = {}
    fleet.note_conflicts()
    for conflict in fleet.listed.values():
        fleet.counts["conflicts"] += 1
        fleet.counts["united"] += conflict.sort == "equal" and bool(conflict.resolution)
        fleet.counts["cycles cut"] += conflict.sort == "cycle"
        names = set(conflict.fields) | set(conflict.lost)
        found.setdefault(conflict.ref, []).extend((name, repr(conflict.lost.get(name))) for name in names)
    return found


def _edits_accounted(fleet: Fleet) -> None:
    data = fleet.nodes[fleet.hub].store.data
    listed = _listed(fleet)
    united = twins.aliases(fleet.listed.values(), fleet.nodes[fleet.hub].store.data)
    for edit in fleet.ledger.edits:
        final = whole(data, edit.ref)
        if final is not None and repr(final.get(edit.field)) == edit.value:
            continue
        if final is not None and edit.field not in final and _is_stated(data, edit):
            continue  # the hub's column was dropped: its record and the other sites hold it
        if edit in fleet.excused:
            continue
        if edit in fleet.ledger.replaced or (edit.field, edit.value) in listed.get(edit.ref, []):
            continue
        if final is None and edit.value == repr(None) and edit.ref in listed:
            continue  # the record went, listed with what it had: without this field
        if final is None and _unchanged_when_deleted(fleet, edit):
            continue
        if twins.is_meant(edit, data, united, listed, fleet.ledger):
            continue
        raise Broken("edit_accounted", f"{edit} is neither final nor replaced nor listed (final: {final})")


def _is_stated(data: Data, edit: Edit) -> bool:
    state = data.records[edit.ref].fields.get(edit.field)
    value = ast.literal_eval(edit.value)
    secret = data.state.fleet_secret
    return state is not None and state.digest == field_digest(secret, edit.ref.kind, edit.field, value)


def _unchanged_when_deleted(fleet: Fleet, edit: Edit) -> bool:
    """An identity field of a grant that was made twice and deleted once says nothing of its own."""
    twins = [d for d in fleet.ledger.deleted if d.ref == edit.ref]
    return bool(twins) and REGISTRY[edit.ref.kind].deletes_win


def _deletes_accounted(fleet: Fleet) -> None:
    data = fleet.nodes[fleet.hub].store.data
    rows = present(data)
    conflicts = {conflict.ref for conflict in fleet.listed.values()}
    recreated = {(edit.ref, edit.step) for edit in fleet.ledger.created}
    for delete in fleet.ledger.deleted:
        if delete.ref not in rows or delete.ref in conflicts or delete in fleet.excused:
            continue
        if any(ref == delete.ref and step >= delete.step for ref, step in recreated):
            continue
        twins = [edit for edit in fleet.ledger.edits if edit.ref == delete.ref and edit.site != delete.site]
        if twins and REGISTRY[delete.ref.kind].deletes_win:
            continue
        if _was_not_meant(fleet, delete, data.records[delete.ref]):
            continue
        raise Broken("delete_accounted", f"{delete.ref} was deleted at {delete.site} and is back")


def _was_not_meant(fleet: Fleet, delete: Edit, record: Record) -> bool:
    """Whether what is there was made apart, and the deletion was forgotten before anybody met it (rule 9)."""
    is_forgotten = any(ref == delete.ref for _, ref in fleet.purged)
    return is_forgotten and site_of(record.birth.origin) in fleet.ledger.apart.get(delete, ())


def _one_sided(fleet: Fleet) -> None:
    """A field that one side alone has changed is merged, and nobody is bothered with it.

    What one site made twice, because the first had left it meanwhile, and is one thing, has two sides, too.
    What a restored site brings back under new numbers may look like an edit of its own.
    """
    if fleet.restorations:
        return
    promoted = bool(fleet.counts["promotions"])
    sides: dict[tuple[Ref, str], set[tuple[str, Ref]]] = {}
    united = twins.aliases(fleet.listed.values(), fleet.nodes[fleet.hub].store.data)
    for edit in [*fleet.ledger.edits, *fleet.ledger.deleted]:
        sides.setdefault((united.get(edit.ref, edit.ref), edit.field), set()).add((edit.site, edit.ref))
    for ref, makers in _made_apart(fleet).items():
        sides.setdefault((ref, ""), set()).update(makers)
    aliases = {key for row in fleet.listed.values() if row.is_alias for key in (row.ref.key, row.into)}
    for conflict in fleet.listed.values():
        if conflict.sort != "concurrent" or DELETED in conflict.fields:
            continue
        for name in conflict.fields:
            if EVIL in repr(conflict.lost) or (promoted and _own_past(fleet, conflict, name)):
                continue
            if promoted and conflict.lost.get(name, "") is None:
                continue  # emptied where it was empty: an edit for a site that has begun another life
            if _was_reworded(aliases, conflict, name):
                continue
            if not _two_sided(fleet, sides, conflict, united.get(conflict.ref, conflict.ref), name):
                raise Broken("one_sided_not_conflict", f"{conflict.ref}.{name}: {conflict.explanation}")


def _was_reworded(aliases: set[str], conflict: Conflict, name: str) -> bool:
    """Whether a hub has made it name the first of two records that are one: an edit of the hub's, too."""
    return any(repr(key) in repr(conflict.lost.get(name)) for key in aliases)


def _made_apart(fleet: Fleet) -> dict[Ref, set[tuple[str, Ref]]]:
    """Records of one key that several sites have made: each has said all of its fields."""
    found: dict[Ref, set[tuple[str, Ref]]] = {}
    for edit in fleet.ledger.created:
        found.setdefault(edit.ref, set()).add((edit.site, edit.ref))
    return {ref: makers for ref, makers in found.items() if len(makers) > 1}


def _united(fleet: Fleet) -> None:
    """What two sites have made apart and is one thing was not taken for a clash of two."""
    for conflict in fleet.listed.values():
        if conflict.sort == "clash" and conflict.ref.kind in TWINNED:
            raise Broken("united", f"{conflict.ref}: {conflict.explanation}")


def _own_past(fleet: Fleet, conflict: Conflict, name: str) -> bool:
    """What lost had been replaced by its own writer: when the hub changed, nobody could tell for sure."""
    what = (conflict.ref, name, repr(conflict.lost.get(name)))
    return any(edit.what == what for edit in fleet.ledger.replaced)


def _two_sided(
    fleet: Fleet, sides: dict[tuple[Ref, str], set[tuple[str, Ref]]], conflict: Conflict, ref: Ref, name: str
) -> bool:
    """Edits at two sites, a deletion at another one, or a decision of the hub that was itself listed.

    ``ref`` is what the record of the conflict has become: a later hub may unite two the other way round.
    """
    involved = sides.get((ref, name), set()) | sides.get((ref, ""), set())
    decided = {other.id for other in fleet.listed.values() if other.ref == conflict.ref} - {conflict.id}
    return len(involved) > 1 or bool(decided)
