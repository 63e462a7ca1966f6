"""What waits at a site: marks, changes that lack something, deletions for a person, the sweep."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import NamedTuple

from keystone_viaduct.sync.model.record import QUARANTINED, Change
from keystone_viaduct.sync.version import Ref


class Mark(NamedTuple):
    """One row of ``viaduct_dirty``: that record was touched by a committed transaction."""

    id: int
    ref: Ref
    stamped_at: int


@dataclass(frozen=True, slots=True)
class Pending:
    """A change that waits (for a reference, a proof, the source's head), keyed by source and record.

    ``why`` says more than the reason, where there is more to say; ``since`` when it began to wait. ``lacks``
    are the records (``sync.naming``) without one of which it need not be tried again before its source's feed
    is at its head; empty: it is tried with each page.
    """

    source: str
    change: Change
    reason: str
    why: str = ""
    since: int = 0
    lacks: tuple[str, ...] = ()


class Due(NamedTuple):
    """Something that the hub has to judge again: a record (``sort`` :data:`THING`), all that limited sites
    have made that concerns somebody (a sort of ``sync.site.delegation.ways``, with a key, and no kind), or
    everything (:data:`EVERYTHING`), which has come to ``place``.
    """

    sort: str
    kind: str
    key: str
    place: str = ""

    @property
    def ref(self) -> Ref:
        """The record, of a thing."""
        return Ref(self.kind, self.key)


THING, EVERYTHING = "thing", "everything"


class Volume(NamedTuple):
    """How many rows something takes, and how many bytes."""

    rows: int
    size: int


class Reason(enum.StrEnum):
    """Why a record is held: a sweep wants it deleted, or this site can't number or read it."""

    MISSING = "missing"
    DANGLING = "dangling"
    QUARANTINED = "quarantined"


#: What a person decides on; what is put aside is tried again instead.
DELETIONS = (Reason.MISSING, Reason.DANGLING)


class Held(NamedTuple):
    """A deletion that a sweep has found and that waits for a person; or a record that was put aside here,
    for ``why``.
    """

    ref: Ref
    reason: Reason
    found_at: int
    why: str = ""


#: A change that a spoke has refused: concurrent with what it has, until the hub has decided.
CONFLICT = "conflict"
#: What could not be parsed: until its source shows it again.
UNREADABLE = "unreadable"
#: What is put aside whole, until it is shown again or somebody asks for another try.
UNTRIED = frozenset({QUARANTINED, UNREADABLE})


class Waiting(NamedTuple):
    """One record that waits at a site, for the list that people and the agent read.

    ``state``: ``pending`` (for a reference, a proof, the head of a feed), ``refused`` (a spoke keeps its own
    until the hub has decided), ``carried`` (the tables can't hold it), ``quarantined`` (it failed in an
    unforeseen way), ``held`` (a deletion that waits for a person). ``name`` is what the record is called,
    where it has a name; ``source`` the site that it came from; ``since`` in microseconds, 0 if not known.
    """

    ref: Ref
    name: str
    state: str
    reason: str
    why: str = ""
    source: str = ""
    since: int = 0


WAITING_STATES = ("pending", "refused", "carried", "quarantined", "held")


@dataclass(frozen=True, slots=True)
class SweepState:
    """How far the sweep of a site's own tables is; ``kind`` empty: between two rounds.

    A kind's records are looked at first (``by_rows`` False), then its rows. ``checked``, ``found`` (edits
    that no trigger saw) and ``deleted`` count in this round. Times are microseconds since the epoch, 0 for
    never.
    """

    kind: str = ""
    by_rows: bool = False
    key: str = ""
    began: int = 0
    finished: int = 0
    checked: int = 0
    found: int = 0
    deleted: int = 0
