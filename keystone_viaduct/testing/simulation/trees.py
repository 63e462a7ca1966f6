"""What lies below what, in a site's tables."""

from __future__ import annotations

from keystone_viaduct.kinds.trees import ACYCLIC
from keystone_viaduct.sync.model import Document, Ref
from keystone_viaduct.sync.site.invariants import above, loops


def loop_of(rows: dict[Ref, Document], begin: list[Ref]) -> list[Ref]:
    """A loop that is met by going up from these; empty if there is none."""
    found = loops(begin, lambda refs: {ref: rows[ref] for ref in refs if ref in rows})
    return found[0] if found else []


def hanging(rows: dict[Ref, Document]) -> list[Ref]:
    """All that lies below something of its own kind."""
    return [ref for ref, row in rows.items() if ref.kind in ACYCLIC and above(ref, row) is not None]
