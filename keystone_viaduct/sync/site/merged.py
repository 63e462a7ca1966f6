"""Whether a record was merged into another."""

from __future__ import annotations

from keystone_viaduct.kinds.registry import UNITABLE
from keystone_viaduct.sync.model import Ref
from keystone_viaduct.sync.ports import Transaction

#: The sort of the rows in the list of conflicts.
MERGED = "merged"


def is_merged(tx: Transaction, ref: Ref) -> bool:
    """Whether an operator has merged the record into another."""
    return ref.kind in UNITABLE and ref in tx.aliases([ref])
