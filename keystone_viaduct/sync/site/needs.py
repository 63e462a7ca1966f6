"""The records without which another one may not be there."""

from __future__ import annotations

from typing import NamedTuple

from keystone_viaduct.kinds.model import Mode
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.external import Externals
from keystone_viaduct.sync.model import Document, Ref

OWNING = frozenset({Mode.OWNING})


class Need(NamedTuple):
    """One of ``any_of`` must be there; ``owning`` says that without it the record goes, too.

    ``may_be_external``: it may be an owner without a row, and ``external`` that the record says so;
    ``unchecked``: Keystone does not care whether it is there, so that only its deletion counts.
    """

    any_of: tuple[Ref, ...]
    owning: bool
    may_be_external: bool = False
    external: bool = False
    unchecked: bool = False

    def __str__(self) -> str:
        return str(self.any_of[0])


def needs(ref: Ref, content: Document, external: Externals = ()) -> list[Need]:
    """The records without which this one may not be there, or can't (a real foreign key).

    ``external`` is what it says of owners without rows.
    """
    outside = {owner[:2] for owner in external}
    return [
        Need(
            (Ref(found.kind, found.key), *(Ref(kind, found.key) for kind in found.alternatives)),
            found.mode is Mode.OWNING,
            found.external,
            found.external and (found.kind, found.key) in outside,
            found.unchecked,
        )
        for found in REGISTRY[ref.kind].references_of(content)
        if found.mode is Mode.OWNING or found.hard
    ]
