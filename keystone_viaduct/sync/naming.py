"""What a record names that a site only carries, as short texts to look for: without them all that is carried
would have to be opened whenever somebody asks who refers to a record, or who has a name.
"""

from __future__ import annotations

import hashlib

from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import Record, Ref
from keystone_viaduct.sync.ports import Claim

#: Named by each, so that it is known without looking whether anything is carried.
ANYTHING = ""


def target_of(ref: Ref) -> str:
    """A record that may be referred to."""
    return _digest("record", *ref)


def value_of(claim: Claim) -> str:
    """A value that a record claims for itself."""
    return _digest("value", claim.kind, claim.constraint, repr(claim.values))


def somebody(sort: str, key: str) -> str:
    """Whom what a limited site has made may concern."""
    return _digest("somebody", sort, key)


def targets_of(record: Record) -> set[str]:
    """All that is named by what is carried of a record."""
    carried = record.carried
    if carried is None:
        return set()
    references = REGISTRY[record.ref.kind].references_of(carried.document)
    return {ANYTHING, *carried.claims, *(target_of(Ref(one.kind, one.key)) for one in references)}


def _digest(*parts: str) -> str:
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=16).hexdigest()
