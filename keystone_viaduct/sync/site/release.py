"""After an upgrade a site writes what it had only carried into its tables (PROTOCOL rule 11)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from keystone_viaduct.errors import StoreError
from keystone_viaduct.kinds.raw import same
from keystone_viaduct.sync.charter import Coverage
from keystone_viaduct.sync.model import UNSTORABLE, Carried, Document, Record, Ref, SiteState
from keystone_viaduct.sync.ports import Transaction, Write
from keystone_viaduct.sync.site.aside import aside
from keystone_viaduct.sync.site.carrying import note_names, try_again, unwritable
from keystone_viaduct.sync.site.content import for_tables, split_known

BATCH = 500


def adopt_release(tx: Transaction, state: SiteState, now: int) -> SiteState:
    """What every transaction begins with: the state, saved anew if the schema has changed since the last one.

    It comes before anything is numbered: a field that has got a column now must not be taken for one that
    somebody has emptied. Raises StoreError in a process that still goes by the schema of before.
    """
    release = tx.release()
    if release == state.release:
        return state
    if state.release:
        if not tx.release_is_current():
            raise StoreError(
                "this process knows the database as it was before its schema was changed",
                hint="restart Keystone's workers at this site",
            )
        _adopt(tx, now)
        note_names(tx)
        try_again(tx)
        state = _with_new_kinds(tx, state, set(json.loads(state.release)), set(json.loads(release)))
    state = replace(state, release=release)
    tx.save_state(state)
    return state


def _with_new_kinds(tx: Transaction, state: SiteState, before: set[str], now: set[str]) -> SiteState:
    """A kind that could not be stored until now has to be loaded before knowledge may speak about it."""
    if now <= before:
        return state
    if state.is_hub:
        for source in tx.peers():
            tx.save_checkpoint(source, None)
        return state
    return replace(state, covered=state.covered.common(Coverage(kinds=frozenset(before))))


def to_be_adopted(tx: Transaction) -> list[Ref]:
    """The records that an upgrade may have got columns for."""
    return [record.ref for batch in _carrying(tx) for record in batch]


def adopt_records(tx: Transaction, refs: Sequence[Ref], now: int) -> None:
    """Write what these had been put aside with, when the schema got columns for it."""
    found = tx.records(refs).values()
    _write(tx, [record for record in found if record.unknown], now)


def _adopt(tx: Transaction, now: int) -> None:
    """All of them, but those that were put aside: each of them when it can be read again."""
    for batch in _carrying(tx):
        left = aside(tx, [record.ref for record in batch])
        _write(tx, [record for record in batch if record.ref not in left], now)


def _carrying(tx: Transaction) -> Iterator[list[Record]]:
    after = 0
    while batch := tx.carrying(after, BATCH):
        yield batch
        after = batch[-1].seq


def _write(tx: Transaction, batch: Sequence[Record], now: int) -> None:
    """Put into the tables what they have got columns for."""
    refs = [record.ref for record in batch]
    tx.lock_documents(refs)
    rows = tx.documents(refs)
    writes: list[Write] = []
    records: list[Record] = []
    for record in batch:
        row = rows.get(record.ref)
        found = None if row is None else _adopted(tx, record, row, now)
        if found is not None:
            records.append(found[1])
            if found[0].new != found[0].old:
                writes.append(found[0])
    if writes:
        tx.write_documents(writes)
        tx.drop_own_marks([write.ref for write in writes])
    tx.save_records(records)


def _adopted(tx: Transaction, record: Record, row: Document, now: int) -> tuple[Write, Record] | None:
    """What to write, and the record after it; None if the schema has got none of the fields.

    A column that already holds something else than its default was edited since the upgrade: that counts.
    What the new column can't hold goes on being carried, but beside the row: an edit of it there counts, too.
    """
    kind = record.ref.kind
    known, defaults = tx.known_fields(kind), tx.defaults(kind)
    ours, rest = split_known(record.unknown, known)
    if not ours:
        return None
    news = {name: value for name, value in ours.items() if same(row.get(name), defaults.get(name))}
    wanted = for_tables({**row, **news}, defaults, known)
    (why,) = tx.refusals(kind, [wanted])
    record = replace(record, unknown=rest)
    if why is None:
        return Write(record.ref, row, wanted), record
    refused = unwritable(row, wanted, lambda document: tx.refusals(kind, [document]) == [None])
    left = {name: news[name] for name in sorted(refused & news.keys())}
    lands = for_tables({**row, **{n: v for n, v in news.items() if n not in left}}, defaults, known)
    carried = _beside(record, left, why, now) if left else record.carried
    return Write(record.ref, row, lands), replace(record, carried=carried)


def _beside(record: Record, left: Document, why: str, now: int) -> Carried:
    """What is carried beside the row, with what was before; the new columns are at their defaults there."""
    before = record.carried
    if before is None:
        return Carried(left, {}, UNSTORABLE, why, now)
    return replace(before, document={**before.document, **left})
