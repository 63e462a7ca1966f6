"""What must hold after every step, and at rest (docs/explanation/protocol.md, "Invariants")."""

from __future__ import annotations

from collections.abc import Iterable

from keystone_viaduct.documents.digest import field_digest
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import ABSENT, DELETED, Document, Dot, FieldState, Record, Ref, Version
from keystone_viaduct.sync.site.readiness import needs
from keystone_viaduct.testing.simulation.cloud import Edit
from keystone_viaduct.testing.simulation.fleet import Fleet, note_conflicts


class Broken(AssertionError):
    """An invariant does not hold; ``name`` is its name."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name}: {text}")
        self.name = name


class Watch:
    """Checks after every step what the step touched."""

    def __init__(self) -> None:
        self._dots: dict[tuple[Dot, Ref, str], str] = {}
        self._versions: dict[tuple[Ref, Version], str] = {}
        self._checkpoints: dict[tuple[str, str, int], int] = {}
        self._restores = 0
        self._forked: set[str] = set()

    def look(self, fleet: Fleet, touched: Iterable[str]) -> None:
        """Raise Broken if something that the step touched is wrong."""
        if fleet.counts.restores != self._restores:
            self._begin_anew(fleet)
        for name in touched:
            data = fleet.nodes[name].store.data
            for record in data.records.values():
                self._seen(name, record)
            for source, checkpoint in data.checkpoints.items():
                key = (name, f"{source}#{checkpoint.incarnation}", fleet.restarts)
                if self._checkpoints.get(key, 0) > checkpoint.seq:
                    raise Broken("checkpoint_monotone", f"{name} from {source}")
                self._checkpoints[key] = checkpoint.seq

    def _begin_anew(self, fleet: Fleet) -> None:
        """After a restore only what is at a site or on its way somewhere counts as given out."""
        self._dots, self._versions, self._checkpoints = {}, {}, {}
        self._restores, self._forked = fleet.counts.restores, fleet.forked
        for node in fleet.nodes.values():
            for record in node.store.data.records.values():
                self._seen(node.name, record)

    def _seen(self, site: str, record: Record) -> None:
        if any(origin in self._forked for origin in record.version.entries):
            return  # a life of the hub that was lost: two branches of it, until its cut is known everywhere
        if self._versions.setdefault((record.ref, record.version), record.digest) != record.digest:
            raise Broken("version_digest", f"{record.ref} at {site}: {record.version}")
        for name, state in record.fields.items():
            if state.dot.seq == 0:
                continue  # the zero dot says: no news
            if self._dots.setdefault((state.dot, record.ref, name), state.digest) != state.digest:
                raise Broken("dot_unique", f"{record.ref}.{name} at {site}: {state.dot}")
            if not record.version.includes(state.dot):
                raise Broken("dot_covers_own", f"{record.ref}.{name} at {site}: {state.dot}")


def at_rest(fleet: Fleet) -> None:
    """Raise Broken unless the fleet is equal, complete and quiet."""
    fleet.forked = set()
    Watch().look(fleet, fleet.nodes)
    _no_echo(fleet)
    _converged(fleet)
    _no_pending(fleet)
    _no_dangling(fleet)
    _edits_accounted(fleet)
    _deletes_accounted(fleet)


def _no_echo(fleet: Fleet) -> None:
    for node in fleet.nodes.values():
        head = node.store.data.state.head
        node.site.state()
        if node.store.data.state.head != head or node.store.data.marks:
            raise Broken("no_echo", f"{node.name} numbers something although nothing was edited")


def _converged(fleet: Fleet) -> None:
    hub = fleet.nodes[fleet.hub].store.data
    for node in fleet.nodes.values():
        data = node.store.data
        if data.rows != hub.rows:
            different = [r for r in set(data.rows) | set(hub.rows) if data.rows.get(r) != hub.rows.get(r)]
            raise Broken("converged", f"{node.name} differs from the hub in {sorted(different)[:5]}")
        for ref, record in data.records.items():
            twin = hub.records.get(ref)
            if twin is None and record.deleted:
                continue  # a tombstone that the hub has purged already
            if twin is None or twin.version != record.version or twin.digest != record.digest:
                raise Broken("converged", f"{node.name} has another version of {ref} than the hub")
            _record_matches(
                node.name, data.rows.get(ref), record.ref, data.state.fleet_secret, dict(record.fields)
            )


def _record_matches(
    site: str, row: Document | None, ref: Ref, secret: bytes, fields: dict[str, FieldState]
) -> None:
    found = {name: field_digest(secret, ref.kind, name, value) for name, value in (row or {}).items()}
    stated = {
        name: state.digest for name, state in fields.items() if name != DELETED and state.digest != ABSENT
    }
    if found != stated:
        raise Broken("converged", f"{site}: the record of {ref} does not say what its row holds")


def _no_pending(fleet: Fleet) -> None:
    for node in fleet.nodes.values():
        if node.store.data.pending:
            raise Broken("no_pending_no_skip", f"{node.name}: {sorted(node.store.data.pending)[:3]}")


def _no_dangling(fleet: Fleet) -> None:
    for node in fleet.nodes.values():
        rows = node.store.data.rows
        for ref, document in rows.items():
            for need in needs(ref, document):
                if need.owning and not any(target in rows for target in need.any_of):
                    raise Broken("no_dangling", f"{node.name}: {ref} refers to {need}")


def _listed(fleet: Fleet) -> dict[Ref, list[tuple[str, str]]]:
    found: dict[Ref, list[tuple[str, str]]] = {}
    note_conflicts(fleet)
    for conflict in fleet.listed.values():
        fleet.counts.conflicts += 1
        found.setdefault(conflict.ref, []).extend(
            (name, repr(value)) for name, value in conflict.lost.items()
        )
    return found


def _edits_accounted(fleet: Fleet) -> None:
    rows = fleet.nodes[fleet.hub].store.data.rows
    listed = _listed(fleet)
    for edit in fleet.ledger.edits:
        final = rows.get(edit.ref)
        if final is not None and repr(final.get(edit.field)) == edit.value:
            continue
        if edit in fleet.excused:
            continue
        if edit in fleet.ledger.replaced or (edit.field, edit.value) in listed.get(edit.ref, []):
            continue
        if final is None and _unchanged_when_deleted(fleet, edit):
            continue
        raise Broken("edit_accounted", f"{edit} is neither final nor replaced nor listed (final: {final})")


def _unchanged_when_deleted(fleet: Fleet, edit: Edit) -> bool:
    """An identity field of a grant that was made twice and deleted once says nothing of its own."""
    twins = [d for d in fleet.ledger.deleted if d.ref == edit.ref]
    return bool(twins) and REGISTRY[edit.ref.kind].deletes_win


def _deletes_accounted(fleet: Fleet) -> None:
    rows = fleet.nodes[fleet.hub].store.data.rows
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
        raise Broken("delete_accounted", f"{delete.ref} was deleted at {delete.site} and is back")
