"""Before a page is applied: what of the records that it is about was changed where no trigger saw it.

Such a change would be overwritten, or stand in the way of an insert, and the sweep could find it no more. It
gets a mark here instead, and so is numbered first. What is gone is left to the sweep, which asks the guard:
until then the page may bring it back.
"""

from __future__ import annotations

from collections.abc import Sequence

from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import Record, Ref
from keystone_viaduct.sync.site.applying import Applying
from keystone_viaduct.sync.site.content import altered
from keystone_viaduct.sync.site.sequencer import sequence_records


def number_unseen(run: Applying, refs: Sequence[Ref]) -> bool:
    """Number them, by the records and contents that were loaded; whether anything was."""
    changed = altered(run.tx, run.state, run.records, run.contents)
    absent = [ref for ref in refs if ref not in run.contents and is_gone(run.records.get(ref))]
    strays = list(run.tx.documents([ref for ref in absent if not REGISTRY[ref.kind].insert_only]))
    if not changed and not strays:
        return False
    run.tx.add_marks([*changed, *strays], run.now)
    run.state = sequence_records(run.tx, run.state, [*changed, *strays], run.now)
    return True


def number_stray(run: Applying, ref: Ref) -> Record:
    """The record of a row that has none, made now."""
    run.tx.add_marks([ref], run.now)
    run.state = sequence_records(run.tx, run.state, [ref], run.now)
    run.records[ref] = run.tx.records([ref])[ref]
    return run.records[ref]


def is_gone(record: Record | None) -> bool:
    """Whether a site that has this record has no row."""
    return record is None or record.deleted or record.evicted
