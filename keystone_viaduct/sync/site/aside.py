"""Records of this site that are put aside: what it has to do can't be done with them, nobody knows why.

They are left out of pages, of numbering and of sweeps, named in the list of what waits, until they change or
another try is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from keystone_viaduct.sync.model import Held, Reason, Ref
from keystone_viaduct.sync.ports import Transaction


def put_aside(tx: Transaction, found: Mapping[Ref, str], now: int) -> None:
    """Put records aside, each with why; their marks are dropped.

    What nobody can read waits for that, and not for somebody to say whether it is to be deleted.
    """
    tx.drop_marks([mark.id for mark in tx.marks_of(list(found))])
    known = tx.held_of(list(found))
    tx.let_go([ref for ref, item in known.items() if item.reason is Reason.DANGLING])
    tx.hold([Held(ref, Reason.QUARANTINED, now, why) for ref, why in found.items()])


def aside(tx: Transaction, refs: Iterable[Ref]) -> set[Ref]:
    """Those of these records that are put aside. Mostly none are, which is seen at a glance."""
    asked = list(refs)
    if not asked or not tx.held(1):
        return set()
    return {ref for ref, item in tx.held_of(asked).items() if item.reason is Reason.QUARANTINED}
