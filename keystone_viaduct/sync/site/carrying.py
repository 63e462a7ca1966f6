"""Records that this site can't put into Keystone's tables: they are this site's all the same.

Such a record is kept in full beside its version (:class:`~keystone_viaduct.sync.model.Carried`), is handed on
as it came and is compared like any other. Where it has a row already, only the fields that can't be written
are kept beside it, and the row goes on saying what it said. It is tried again with each page, when its
obstacle may be gone, and when a sweep or a person asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from keystone_viaduct.kinds.model import Mode
from keystone_viaduct.kinds.raw import same, same_documents
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import (
    CARRIED_REASONS,
    CYCLE,
    NAME,
    REFERENCE,
    RETRIED,
    Carried,
    Document,
    Record,
    Ref,
)
from keystone_viaduct.sync.naming import target_of
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.external import is_shadow

#: Obstacles that another record's change may take away, and what was asked for: looked at with each page.
PASSING = frozenset({NAME, REFERENCE, CYCLE, RETRIED})
#: Carried records that are tried again in one apply.
BATCH = 500


class Carry(NamedTuple):
    """What an apply does not write of a record: of ``content`` these fields (None: all, it has no row)."""

    content: Document
    reason: str
    why: str
    names: frozenset[str] | None


def landing(content: Document, row: Document | None, carry: Carry | None) -> Document | None:
    """What the row will hold: the content, but for what is carried; None without a row."""
    if carry is None:
        return content
    if row is None or carry.names is None:
        return None
    kept = {name: value for name, value in content.items() if name not in carry.names}
    return {**kept, **{name: value for name, value in row.items() if name in carry.names}}


def differing(row: Document, content: Document) -> list[str]:
    """The fields that the two do not have alike, in a fixed order."""
    return sorted(
        name
        for name in row.keys() | content.keys()
        if (name in row) is not (name in content) or not same(row.get(name), content.get(name))
    )


def unwritable(row: Document, content: Document, fits: Callable[[Document], bool]) -> frozenset[str]:
    """The fields of the content that the row can't take, each tried on top of those that it can."""
    held = dict(row)
    refused: set[str] = set()
    for name in differing(row, content):
        trial = {key: value for key, value in held.items() if key != name}
        if name in content:
            trial[name] = content[name]
        if fits(trial):
            held = trial
        else:
            refused.add(name)
    return frozenset(refused)


def as_carried(carry: Carry, row: Document | None, before: Record | None, now: int, source: str) -> Carried:
    """What is kept beside the record; when it began is remembered while the reason is the same."""
    known = before.carried if before is not None else None
    if known is not None:
        source = known.source
    since = known.since if known is not None and known.reason in (carry.reason, RETRIED) else now
    if row is None or carry.names is None:
        return Carried(dict(carry.content), None, carry.reason, carry.why, since, source)
    document = {name: carry.content[name] for name in carry.names if name in carry.content}
    base = {name: row[name] for name in carry.names if name in row}
    return Carried(document, base, carry.reason, carry.why, since, source)


def alike(one: Carried | None, other: Carried | None) -> bool:
    """Whether the same is kept of a record."""
    if one is None or other is None or one != other:
        return one is other
    return same_documents(one.document, other.document) and same_documents(one.base, other.base)


def rowless(tx: Transaction) -> Iterator[Record]:
    """All living records without a row."""
    return (record for record, _ in all_carried(tx) if record.rowless)


def releasable(tx: Transaction, reasons: frozenset[str], now: int) -> list[Record]:
    """Those to try again, at most a batch; of more of them another part each time."""
    found = tx.carried(0, BATCH + 1, reasons) if tx.carries() else []
    if len(found) <= BATCH:
        return found
    later = tx.carried(now % (tx.state().head + 1), BATCH, reasons)
    return [*later, *found][:BATCH]


def all_carried(tx: Transaction) -> Iterator[tuple[Record, Document]]:
    """All records of which something is carried, with that; in batches, for there may be many of them."""
    after = 0
    while True:
        batch = tx.carried(after, BATCH)
        yield from ((record, record.carried.document) for record in batch if record.carried is not None)
        if len(batch) < BATCH:
            return
        after = batch[-1].seq


def naming(tx: Transaction, refs: Collection[Ref]) -> Iterator[tuple[Record, Document]]:
    """Those records that may refer to one of these by what is carried of them, with that."""
    if refs:
        for record in tx.carried_naming([target_of(ref) for ref in refs]):
            if record.carried is not None:
                yield record, record.carried.document


def note_names(tx: Transaction) -> None:
    """After an update of ours: note what is named by what is carried."""
    after = 0
    while batch := tx.carried(after, BATCH):
        tx.save_records(batch)
        after = batch[-1].seq


def owned(tx: Transaction, tombstones: Sequence[Record]) -> list[tuple[Record, Ref]]:
    """What belongs to one of these records that are gone by what is carried of it, each with its owner.

    The tombstone of a shadow says nothing about the user, so it takes only what has a real foreign key to it.
    """
    faint = {gone.ref: is_shadow(gone) for gone in tombstones}
    found: list[tuple[Record, Ref]] = []
    for record, document in naming(tx, faint):
        references = REGISTRY[record.ref.kind].references_of(document)
        named = ((Ref(one.kind, one.key), one.external) for one in references if one.mode is Mode.OWNING)
        going = [ref for ref, outlives in named if ref in faint and not (outlives and faint[ref])]
        found += [(record, ref) for ref in going][:1]
    return found


def orphans(tx: Transaction) -> list[tuple[Record, Ref]]:
    """What belongs to a record that is gone by what is carried of it, each with its owner."""
    targets = {
        Ref(reference.kind, reference.key)
        for record, document in all_carried(tx)
        for reference in REGISTRY[record.ref.kind].references_of(document)
        if reference.mode is Mode.OWNING
    }
    records = tx.records(sorted(targets)) if targets else {}
    return owned(tx, [record for record in records.values() if record.deleted])


def drop(tx: Transaction, records: Sequence[Record], now: int) -> None:
    """Give up what is carried of these, as an edit of this site: it is marked, and numbered like any. By that
    what has no row is deleted.
    """
    tx.save_records([replace(record, carried=None) for record in records])
    tx.add_marks([record.ref for record in records], now)


def try_again(tx: Transaction) -> int:
    """Have all that is carried tried with the next page; how many records there are."""
    after = found = 0
    while True:
        batch = tx.carried(after, BATCH, CARRIED_REASONS - PASSING)
        if not batch:
            return found
        asked = [(record, record.carried) for record in batch]
        tx.save_records([replace(r, carried=replace(c, reason=RETRIED)) for r, c in asked if c is not None])
        after, found = batch[-1].seq, found + len(batch)


def referrers(
    tx: Transaction, refs: Sequence[Ref], modes: frozenset[Mode], kinds: frozenset[str] | None = None
) -> dict[Ref, list[Ref]]:
    """Per record, the records that refer to it by a reference of one of these modes, of these kinds (None:
    of all): in the tables, and by what is carried of them.
    """
    found = tx.referrers(refs, modes, kinds)
    for target, carried in carried_referrers(tx, refs, modes, kinds).items():
        there = found.get(target, [])
        found[target] = [*there, *(ref for ref in carried if ref not in there)]
    return found


def carried_referrers(
    tx: Transaction, refs: Sequence[Ref], modes: frozenset[Mode], kinds: frozenset[str] | None = None
) -> dict[Ref, list[Ref]]:
    """Those that refer to these records by what is carried of them."""
    wanted, found = set(refs), dict[Ref, list[Ref]]()
    for record, document in naming(tx, wanted):
        if kinds is not None and record.ref.kind not in kinds:
            continue
        for reference in REGISTRY[record.ref.kind].references_of(document):
            target = Ref(reference.kind, reference.key)
            if target in wanted and reference.mode in modes and record.ref not in found.get(target, []):
                found.setdefault(target, []).append(record.ref)
    return found
