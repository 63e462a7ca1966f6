"""What the runner needs of the outside: a catalogue to ask, a way to run DDL, a journal, tables to fill.

The runner (``runner.py``) decides by these alone, so that it can be played with fakes that stop at any line.
``ddl/`` implements catalogue, dialect and executor for each engine; ``journal.py`` the journal, in the
database that is being upgraded; ``backfill.py`` and ``verify.py`` the work on rows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from .changes import AnyBridge, Change
from .steps import Check, Observation, Phase, Refusal, Server, State, Statement


class Catalogue(Protocol):
    """What the database says about its tables."""

    def server(self) -> Server:
        """The facts that decide what is possible."""

    def observe(self, what: Observation) -> bool:
        """Whether it is so, ``there`` considered."""

    def rows(self, table: str) -> int:
        """About how many rows the table has (the server's estimate, for people)."""


class Dialect(Protocol):
    """One engine's DDL."""

    def statements(self, change: Change, server: Server) -> Sequence[Statement] | Refusal:
        """The statements of a change, in their order; none that changes what is so already."""


class Executor(Protocol):
    """Runs DDL so that nobody waits for long."""

    def refusal(self, statement: Statement) -> Refusal | None:
        """Why it is not run here whatever happens: it would stop writers, and nobody has allowed that."""

    def run(self, statement: Statement) -> None:
        """Run it within its budget, with retries.

        Raises TableBusy when the retries are used up (nothing was changed by the last one), UpgradeError when
        the database refuses it.
        """


class Scripts(Protocol):
    """The service's own migrations to the new release: statements that somebody else has written."""

    @property
    def release(self) -> str:
        """The new release; another one is another upgrade."""

    def statements(self, phase: Phase) -> Sequence[Statement]:
        """What those of a phase (expand, contract) would run now."""

    def run(self, upgrade: str, phase: Phase, ran: Callable[[Statement], None]) -> None:
        """Run them, or go on with them, each statement within the budget and kept in the journal.

        Raises UpgradeRefused before anything is changed where one would stop writers; TableBusy,
        UpgradeError.
        """


class Preflight(Protocol):
    """What can be known before a phase begins."""

    def problems(
        self, phase: Phase, server: Server, bridges: Sequence[AnyBridge], leaving: Collection[str] = ()
    ) -> Sequence[Refusal]:
        """What would make it stop halfway; empty when nothing does.

        ``leaving``: the indexes and foreign keys that contract drops by itself.
        """


@dataclass(frozen=True)
class Entry:
    """A line of the journal: the intent, and when it was observed to be done (0: not yet).

    ``step`` names it in its phase, the same in every run; ``sql`` is what was run.
    """

    phase: str
    step: str
    sql: str
    begun_at: int
    done_at: int


@dataclass(frozen=True)
class Place:
    """How far a backfill has come: last key (JSON; empty at the beginning), rows filled, rounds ended."""

    key: str = ""
    rows: int = 0
    rounds: int = 0


class Journal(Protocol):
    """What was begun and what was done, kept in the database that is being upgraded.

    Every method that writes is a transaction of its own and renews the lease; a runner whose lease another
    has taken meanwhile gets LeaseHeld and must stop.
    """

    def acquire(self) -> None:
        """Take the lease; whoever had it before is fenced off. Raises LeaseHeld while another's lasts."""

    def release(self) -> None:
        """Give the lease back."""

    def begin(self, name: str, digest: str) -> State:
        """The state of an upgrade; a new one is planned. Raises UpgradeState for another declaration."""

    def state(self, name: str) -> State | None:
        """Where it stands; None if it is unknown here."""

    def move(self, name: str, state: State) -> None:
        """From one state to the next."""

    def intend(self, name: str, phase: str, step: str, sql: str) -> None:
        """Before a statement."""

    def observed(self, name: str, phase: str, step: str) -> None:
        """The catalogue has shown that it was done."""

    def entries(self, name: str) -> Sequence[Entry]:
        """All lines, in their order."""

    def mirrors(self, name: str, columns: Iterable[tuple[str, str]]) -> None:
        """The (table, column) pairs that only repeat others now: capture does not watch them."""

    def place(self, name: str, bridge: str) -> Place:
        """How far the backfill of a bridge has come."""

    def reached(self, name: str, bridge: str, place: Place) -> None:
        """The backfill has come so far."""


@dataclass(frozen=True)
class Progress:
    """How far a backfill has come."""

    rows: int
    total: int


class Filler(Protocol):
    """Fills the new columns of the rows that were there before the triggers."""

    def fill(self, upgrade: str, bridge: AnyBridge) -> Iterator[Progress]:
        """Goes on where the journal says; ends when every row is consistent."""


#: The kind of what triggers could not do at once and nobody has done since.
MARKED = "marked"


@dataclass(frozen=True)
class Difference:
    """Rows that verification has something to say about; ``fatal`` ones stand in the way of contract.

    Where some are ``MARKED`` nothing else was looked at.
    """

    kind: str
    rows: int
    example: str
    fatal: bool


class Marks(Protocol):
    """What triggers could not do at once (see ``marks.py``)."""

    def settle(self, bridges: Sequence[AnyBridge]) -> int:
        """Settle what is open now, for as long as that takes, within bounds; how much of it is left."""

    def clear(self, bridges: Sequence[AnyBridge]) -> None:
        """Forget the marks of bridges that are gone."""


class Verifier(Protocol):
    """Compares both sides of a bridge on one snapshot."""

    def differences(
        self, bridge: AnyBridge, checks: Sequence[Check] = (), *, written: bool = False
    ) -> Sequence[Difference]:
        """By kind; empty when all is as it should be. ``written``: new code has run already."""

    def wrong(self, check: Check) -> Difference:
        """Rows that do not meet a condition."""

    def lost(self, bridge: AnyBridge) -> Difference:
        """Rows that only the new columns can hold: what a rollback would lose."""
