"""What one site's database holds, in memory."""

from __future__ import annotations

import copy
import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from keystone_viaduct.errors import StoreError
from keystone_viaduct.sync.model import (
    Checkpoint,
    Conflict,
    Document,
    Due,
    Held,
    Mark,
    Peer,
    Pending,
    Record,
    Ref,
    SiteState,
    SweepState,
    Version,
)
from keystone_viaduct.sync.sealing import Signer

Fold = Callable[[str], str]


class Violation(StoreError):
    """A write that a database would have refused."""


@dataclass
class Data:
    """Everything that one site's database holds; a copy of it is a backup."""

    state: SiteState
    rows: dict[Ref, Document] = field(default_factory=dict)
    marks: dict[int, Mark] = field(default_factory=dict)
    next_mark: int = 1
    records: dict[Ref, Record] = field(default_factory=dict)
    batches: list[tuple[int, str]] = field(default_factory=list)
    checkpoints: dict[str, Checkpoint] = field(default_factory=dict)
    pending: dict[tuple[str, Ref], Pending] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)
    peers: dict[str, Peer] = field(default_factory=dict)
    parts: dict[str, tuple[str, tuple[bytes, ...]]] = field(default_factory=dict)
    sweep: SweepState = field(default_factory=SweepState)
    held: dict[Ref, Held] = field(default_factory=dict)
    choices: dict[str, dict[Ref, str]] = field(default_factory=dict)
    made: dict[tuple[str, Ref], None] = field(default_factory=dict)
    due: dict[Due, int] = field(default_factory=dict)

    def copy(self) -> Data:
        """A copy whose containers are its own (the values are never changed in place)."""
        twin = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, dict | list):
                setattr(twin, name, value.copy())
        return twin


def empty(site: str, hub: str, *, incarnation: str, secret: bytes = b"fleet secret of a test") -> Data:
    """The data of a fresh site."""
    return Data(SiteState(site, incarnation, hub, 1, 0, "", Version(), secret))


@functools.lru_cache(maxsize=1024)
def signer_of(site: str) -> Signer:
    """The key for signatures of a site in memory."""
    return Signer([hashlib.sha256(site.encode()).digest()])


def in_tables(record: Record) -> bool:
    """Whether a record should have a row."""
    return not (record.deleted or record.evicted or record.rowless)
