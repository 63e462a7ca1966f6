"""Whether a record was merged into another, by an operator or by the hub."""

from __future__ import annotations

from keystone_viaduct.kinds.registry import TWINNED, UNITABLE
from keystone_viaduct.sync.model import Ref
from keystone_viaduct.sync.ports import Transaction

#: The sorts of the rows in the list of conflicts: an operator merged it; the hub found two made apart equal.
MERGED, EQUAL = "merged", "equal"
#: Kinds whose records may have become others.
ALIASED = frozenset({*UNITABLE, *TWINNED})


def is_merged(tx: Transaction, ref: Ref) -> bool:
    """Whether the record was merged into another."""
    return ref.kind in ALIASED and ref in tx.aliases([ref])
