"""The domain that a record belongs to, where its own document says so."""

from __future__ import annotations

from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import Document, Ref


def scope_of(ref: Ref, content: Document) -> str | None:
    """The domain's id, or ``kind/key`` of the record that it belongs to, or None for the whole fleet's."""
    rule = REGISTRY[ref.kind].scope_of(content)
    if rule is None:
        return None
    if rule[0] == "domain":
        return str(rule[1])
    return "/".join(str(part) for part in rule[1:])
