"""A page of a feed, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from keystone_viaduct.errors import StoreBusy
from keystone_viaduct.sync.charter import Charter, Coverage
from keystone_viaduct.sync.knowledge import Exceptions, known_of
from keystone_viaduct.sync.model.conflict import Conflict
from keystone_viaduct.sync.model.position import Checkpoint, Fence
from keystone_viaduct.sync.model.record import Change
from keystone_viaduct.sync.model.state import Peer
from keystone_viaduct.sync.statement import Statement
from keystone_viaduct.sync.version import Ref, Version


class Part(NamedTuple):
    """A piece of a record that is larger than a page; ``subject`` names the record and its content.

    The last piece comes with the change itself, the others with a page that has no changes and leads nowhere.
    """

    subject: str
    number: int
    of: int
    data: bytes

    @property
    def is_last(self) -> bool:
        """Whether the change comes with it."""
        return self.number + 1 == self.of


class Unreadable(NamedTuple):
    """A change of which the receiver can read no more than where it stands and what it is a version of."""

    ref: Ref
    seq: int
    version: Version
    why: str


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a feed on its way from ``source``: the changes after ``after`` up to ``upto``.

    ``fence`` is how far the source has applied the receiver's own feed: a receiver that was restored from a
    backup finds that it does not have this position. ``knowledge`` is the source's, and may be believed only
    when the page is ``at_head``. ``charter`` comes from the hub, once it has one. ``coverage`` is what the
    hub has picked the changes by. ``hub`` is the one of ``term``, as far as the source knows. ``peers`` are
    the other sites, for a spoke that may be promoted, and ``conflicts`` what was listed or resolved at
    positions of the page, between sites that may be. ``unreadable`` are changes that the receiver could not
    parse: they are named, and nothing else waits for them. ``exceptions`` belong to ``knowledge``: what
    waits at the source, and what it does not show. ``statement`` is the newest of the hub's that the source
    knows, and from a spoke ``charter`` the one that it goes by: a hub that was restored hears of both.
    ``signed`` is the digest of the statement where both are left out, because the reader has them, and
    ``register`` that of all other sites where ``peers`` are only those whose edits the page brings.
    """

    source: str
    term: int
    after: Checkpoint | None
    upto: Checkpoint
    at_head: bool
    knowledge: Version
    changes: tuple[Change, ...]
    capabilities: Mapping[str, frozenset[str]] = field(default_factory=dict)
    fence: Fence | None = None
    cuts: Mapping[str, int] = field(default_factory=dict)
    charter: Charter | None = None
    coverage: Coverage = field(default_factory=Coverage)
    hub: str = ""
    peers: tuple[Peer, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    exceptions: Exceptions = field(default_factory=dict)
    unreadable: tuple[Unreadable, ...] = ()
    part: Part | None = None
    statement: Statement | None = None
    signed: str = ""
    register: str = ""

    def knows(self, ref: Ref) -> Version:
        """What the source knows of one record, be it absent."""
        return known_of(self.knowledge, self.exceptions, ref)

    @property
    def is_held_back(self) -> bool:
        """Whether it brings nothing though the source has more to show: something else has that now."""
        return not self.at_head and self.upto == self.after

    @property
    def source_is_behind(self) -> bool:
        """Whether the source has yet to read what it was compared in."""
        return self.fence is not None and self.fence.anew


def held_feed(site: str) -> StoreBusy:
    """What is raised where that goes on for too long."""
    return StoreBusy(
        f"{site} has more to show, and does not show it: its feed is held",
        hint="a transaction has it, or more records wait there for a person than a page can name",
    )


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """What became of a page: numbers, the new checkpoint, and the target's own knowledge afterwards.

    ``named`` is for the site's own log: which records it has begun to carry, and why; ``reverted``, for its
    own count of what a site costs: changes that it has put back. ``due``: something is to be judged again
    (``sync.site.judging``). ``signed`` and ``register`` as in :class:`Standing`, afterwards.
    """

    applied: int
    known: int
    merged: int
    conflicts: tuple[Ref, ...]
    pending: int
    checkpoint: Checkpoint
    knowledge: Version
    head: Checkpoint
    parts: str = ""
    named: tuple[tuple[Ref, str], ...] = ()
    reverted: int = 0
    due: bool = False
    signed: str = ""
    register: str = ""
