"""What records are kept in: the single steps, each of which happens or not.

Implemented over CQL (``cql``) and in memory (``keystone_viaduct.testing.cassandra.memory``); one suite of
tests holds both to the same promises.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Stored:
    """What one partition of a record table holds.

    ``revision`` rises with each change, for ever: it outlives the record (0: nothing was ever here).
    ``trail`` names the last changes, the newest first: whose answer was lost finds out there whether it was
    applied.
    """

    revision: int = 0
    trail: tuple[str, ...] = ()
    gone: bool = False
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def alive(self) -> bool:
        """Whether there is a record, and not only the grave of one."""
        return self.revision > 0 and not self.gone


@dataclass(frozen=True)
class Write:
    """A change of one partition, made if its revision is ``expected``.

    ``drop`` names fields that go; where ``gone`` is set, all do.
    """

    expected: int
    revision: int
    trail: tuple[str, ...]
    gone: bool = False
    put: Mapping[str, str] = field(default_factory=dict)
    drop: Collection[str] = ()


@dataclass(frozen=True, order=True)
class Claim:
    """A name that one record at most may have: the rule that says so, and where it holds."""

    rule: str
    scope: str
    name: str


@dataclass(frozen=True)
class Held:
    """Who has claimed a name, and for a write on which ``base`` (a revision of the owner's record)."""

    owner: str
    base: int


@dataclass(frozen=True, order=True)
class Row:
    """One row of a listing: under a target of a path, the key of a record, and what to filter it by."""

    path: str
    target: str
    bucket: str
    key: str
    hint: str = ""


@dataclass(frozen=True)
class Event:
    """Something that is never changed and goes by itself: where it lies, in which order, and what it is."""

    place: str
    at: int
    name: str
    value: str


class Tables(Protocol):
    """The steps. Those that are conditional raise ``OutcomeUnknown`` where nobody can say what became of
    them; they may then be applied still, or not.
    """

    def read(self, kind: str, key: str, *, serial: bool = False) -> Stored:
        """One partition; ``serial``: after all conditional writes that were answered before."""

    def read_many(self, kind: str, keys: Sequence[str]) -> dict[str, Stored]:
        """Several, of those keys at which there is anything."""

    def write(self, kind: str, key: str, change: Write) -> bool:
        """Conditional: whether it was made."""

    def claim(self, claim: Claim, wanted: Held) -> Held:
        """Conditional: claim a name that nobody has; who has it then."""

    def reclaim(self, claim: Claim, held: Held, wanted: Held) -> bool:
        """Conditional: put ``wanted`` in the place of exactly ``held``; whether it was done."""

    def unclaim(self, claim: Claim, owner: str, below: int) -> bool:
        """Conditional: free a name that ``owner`` has on a base before ``below``; whether it was done."""

    def claimed(self, claim: Claim) -> Held | None:
        """Who has a name, plainly read."""

    def list_put(self, kind: str, rows: Iterable[Row], revision: int) -> None:
        """Add rows, as of that revision of their record."""

    def list_drop(self, kind: str, rows: Iterable[Row], revision: int) -> None:
        """Take rows away that were put at that revision of their record or before."""

    def list_pages(
        self, kind: str, path: str, target: str, buckets: Sequence[str], after: str, limit: int
    ) -> list[list[Row]]:
        """For each bucket its first rows with keys above ``after``, in order of key; at most ``limit``."""

    def scan(self, kind: str, after: int | None = None) -> Iterator[tuple[int, str]]:
        """All keys at which there is anything, or was, with the place of each in an order of the store's own;
        those behind ``after``.
        """

    def scan_claims(self) -> Iterator[tuple[Claim, Held]]:
        """All names that are claimed."""

    def scan_rows(self, kind: str) -> Iterator[Row]:
        """All rows of the listings of a kind; those of one key are not together."""

    def note(self, kind: str, key: str, value: str, stamp: int) -> None:
        """Write down something that belongs to no record and that may be lost; the latest ``stamp``
        counts.
        """

    def noted(self, kind: str, keys: Sequence[str]) -> dict[str, str]:
        """What was noted at those of these keys where anything was."""

    def event_put(self, kind: str, events: Iterable[Event], seconds: int) -> None:
        """Add events, which are kept for so many seconds at least."""

    def events(self, kind: str, places: Sequence[str], since: int) -> list[Event]:
        """What lies at these places, from ``since`` on."""
