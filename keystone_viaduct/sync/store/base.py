"""What all parts of a transaction share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from keystone_viaduct.sync.model import Ref
from keystone_viaduct.sync.sealing import KeyRing

if TYPE_CHECKING:
    from keystone_viaduct.documents.codec import Codecs


class Held(Exception):
    """Another transaction has the site's row."""


class Part:
    """One database transaction at one site: an open connection, the site's keys, its release's codecs."""

    def __init__(self, connection: Any, ring: KeyRing, codecs: Codecs) -> None:
        self.connection = connection
        self.ring = ring
        self.codecs = codecs
        #: Whether nothing is to be locked; whether it is not to wait for who has the site's row.
        self.looks_only = self.at_once = False
        #: The last mark before this transaction first wrote documents (0 where nobody asks); None until then.
        self.before_writing: int | None = None


def keys_by_kind(refs: Iterable[Ref]) -> dict[str, list[str]]:
    """The keys of each kind, once each, in order."""
    found: dict[str, dict[str, None]] = {}
    for ref in refs:
        found.setdefault(ref.kind, {})[ref.key] = None
    return {kind: list(keys) for kind, keys in found.items()}
