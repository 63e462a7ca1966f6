"""The worker that settles marks: what triggers could not do at once is done within a second.

One worker is at it at a time, by a lease; whoever had it before is fenced off by its number, in the
transaction that writes. It takes marks in batches and does not wait for a row: what is busy comes next time.
What has been busy for a while is waited for, after all others (``contended``). A record that can't be written
is named, and stops no other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from keystone_viaduct.clock import Clock
from keystone_viaduct.errors import LeaseHeld, UpgradeError, ViaductError

from .backfill import is_transient
from .changes import AnyBridge
from .lease import LEASE_SECONDS, Lease
from .marks import MARKS, TABLE
from .settling import Settler, quietly, settler_of

LEASE = "repair"
#: Marks that are read at once, and records that are settled in one transaction.
_PAGE, _BATCH = 500, 50
_PAUSE, _IDLE, PATIENCE = 0.05, 0.2, 10.0
#: Seconds for which a record is busy before it is waited for, and that one pass spends on such records.
_CONTENDED, _WAITING = 0.15, 1.0
#: What one record can be the cause of.
_FAULTS = (DBAPIError, ViaductError, ValueError)


@dataclass
class Round:
    """What came of one pass over the marks."""

    settled: int = 0
    busy: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    """By bridge and record: what the database said."""


class Repairer:
    """Settles the marks of these bridges. See :class:`keystone_viaduct.upgrade.ports.Marks`."""

    def __init__(
        self,
        engine: sa.engine.Engine,
        clock: Clock,
        bridges: Sequence[AnyBridge] = (),
        *,
        holder: str = "",
        seconds: float = LEASE_SECONDS,
        patience: float = PATIENCE,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._engine = _read_committed(engine)
        self._lease = Lease(self._engine, clock, LEASE, holder=holder, seconds=seconds)
        self._settlers: dict[str, Settler] = {}
        self._pause = pause
        self._patience = patience
        self._mine = False
        self._working = threading.Lock()
        self._there = False
        self._since: dict[tuple[str, str], float] = {}
        """Of the records that are busy, by bridge and key: when they were first found so."""
        self._watch(bridges)

    def _watch(self, bridges: Sequence[AnyBridge]) -> None:
        for bridge in bridges:
            if bridge.name not in self._settlers and (settler := settler_of(bridge)) is not None:
                self._settlers[bridge.name] = settler

    def once(self) -> Round:
        """One pass. Raises LeaseHeld while another worker is at it."""
        done, last = Round(), 0
        with self._working:
            if not self._settlers or not self._is_there():
                return done
            self._acquire()
            newest = self._last()  # what comes meanwhile is for the next pass, or this one might not end
            while marks := self._page(last, newest):
                last = marks[-1].number
                groups = _grouped(marks)
                for begin in range(0, len(groups), _BATCH):
                    self._batch(groups[begin : begin + _BATCH], done)
            self._wait_for_busy(done)
        return done

    def settle(self, bridges: Sequence[AnyBridge] = ()) -> int:
        """Pass after pass until what is open now is settled, within ``patience``; how much is left."""
        self._watch(bridges)
        begun, last = time.monotonic(), self._last()
        while left := self.open(bridges, last):
            try:
                done = self.once()
            except LeaseHeld:
                done = Round(busy=1)  # whoever has it is at work on the same
            if time.monotonic() - begun > self._patience or (
                done.failed and not done.settled and not done.busy
            ):
                break
            self._pause(_PAUSE)
        return left

    def open(self, bridges: Sequence[AnyBridge] = (), last: int | None = None) -> int:
        """How many marks wait; those up to ``last`` if it is given."""
        names = [bridge.name for bridge in bridges if bridge.name in self._settlers] or list(self._settlers)
        if not names or not self._is_there():
            return 0
        query = sa.select(sa.func.count()).select_from(MARKS).where(MARKS.c.bridge.in_(names))
        if last is not None:
            query = query.where(MARKS.c.number <= last)
        with self._engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def _last(self) -> int:
        """The newest mark."""
        if not self._settlers or not self._is_there():
            return 0
        with self._engine.connect() as connection:
            return int(connection.execute(sa.select(sa.func.max(MARKS.c.number))).scalar() or 0)

    def clear(self, bridges: Sequence[AnyBridge]) -> None:
        """Forget the marks of bridges that are gone."""
        if bridges and self._is_there():
            with self._engine.begin() as connection:
                names = [bridge.name for bridge in bridges]
                connection.execute(sa.delete(MARKS).where(MARKS.c.bridge.in_(names)))

    def run(self, stop: threading.Event, told: Callable[[Round], None] = lambda done: None) -> None:
        """Until told to stop. While another worker has the lease, this one stands by."""
        while not stop.is_set():
            pause = _IDLE
            try:
                done = self.once()
                told(done)
                pause = _PAUSE if done.busy else _IDLE
            except LeaseHeld:
                self._mine = False
                pause = 1.0
            except (DBAPIError, UpgradeError):
                pause = 1.0  # the database is away or in trouble: it is asked again
            stop.wait(pause)
        self.close()

    def close(self) -> None:
        """Give the lease back."""
        with self._working:
            if self._mine:
                self._mine = False
                self._lease.release()

    def _is_there(self) -> bool:
        if not self._there:
            self._there = sa.inspect(self._engine).has_table(TABLE)
        return self._there

    def _acquire(self) -> None:
        if not self._mine:
            self._lease.acquire()
            self._mine = True

    def _page(self, after: int, upto: int) -> Sequence[Any]:
        query = sa.select(MARKS.c.number, MARKS.c.bridge, MARKS.c.record)
        chosen = sa.and_(
            MARKS.c.number > after, MARKS.c.number <= upto, MARKS.c.bridge.in_(list(self._settlers))
        )
        with self._engine.connect() as connection:
            found = connection.execute(query.where(chosen).order_by(MARKS.c.number).limit(_PAGE))
            return found.all()

    def _batch(self, groups: Sequence[_Group], done: Round) -> None:
        """In one transaction; where it fails, each in its own."""
        try:
            busy = self._transaction(groups)
        except LeaseHeld:
            raise
        except _FAULTS as error:
            if len(groups) > 1:
                for group in groups:
                    self._batch([group], done)
                return
            (group,) = groups
            if not _is_busy(group.place, error, done):
                return
            busy = [group]
        done.settled += len(groups) - len(busy)
        done.busy += len(busy)
        now = time.monotonic()
        for group in groups:
            if group in busy:
                self._since.setdefault(group.place, now)
            else:
                self._since.pop(group.place, None)

    def _transaction(self, groups: Sequence[_Group]) -> list[_Group]:
        """Those that somebody holds."""
        with self._quiet_transaction() as connection:
            return [group for group in groups if not _settle(connection, self._settlers[group.bridge], group)]

    @contextmanager
    def _quiet_transaction(self) -> Iterator[Any]:
        try:
            with self._lease.writing() as connection, quietly(connection):
                yield connection
        except LeaseHeld:
            self._mine = False
            raise

    def _wait_for_busy(self, done: Round) -> None:
        """The longest busy first. What is not to be had in time is put behind the others."""
        begun = time.monotonic()
        for place, since in sorted(self._since.items(), key=lambda item: item[1]):
            now = time.monotonic()
            if now - since < _CONTENDED or now - begun > _WAITING:
                return
            self._since[place] = now
            bridge, record = place
            try:
                settled = self._settlers[bridge].settle_contended(self._quiet_transaction, record)
            except LeaseHeld:
                raise
            except _FAULTS as error:
                if not _is_busy(place, error, done):
                    del self._since[place]
                continue
            if settled:
                del self._since[place]
                done.settled, done.busy = done.settled + 1, done.busy - 1


def _is_busy(place: tuple[str, str], error: Exception, done: Round) -> bool:
    """Whether an error says no more than that somebody holds the record; else it is named."""
    if isinstance(error, DBAPIError) and is_transient(error):
        return True
    done.failed[" ".join(place)] = str(getattr(error, "orig", None) or error)
    return False


def count_marks(engine: sa.engine.Engine) -> int:
    """How many marks wait, of whatever bridge."""
    if not sa.inspect(engine).has_table(TABLE):
        return 0
    with engine.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(MARKS)).scalar_one())


def settle_now(connection: sa.engine.Connection, bridge: AnyBridge) -> int:
    """All that is marked, on this connection and in its transaction; the number of records.

    Raises UpgradeError for one that somebody holds.
    """
    settler = settler_of(bridge)
    if settler is None or not sa.inspect(connection).has_table(TABLE):
        return 0
    query = sa.select(MARKS.c.number, MARKS.c.bridge, MARKS.c.record)
    marks = connection.execute(query.where(MARKS.c.bridge == bridge.name).order_by(MARKS.c.number)).all()
    groups = _grouped(marks)
    with quietly(connection):
        held = [group for group in groups if not _settle(connection, settler, group)]
    if held:
        problem = f"{bridge.name}: {held[0].record} is in use"
        raise UpgradeError(problem, hint="try again", bridge=bridge.name)
    return len(groups)


def _settle(connection: Any, settler: Settler, group: _Group) -> bool:
    """False if somebody holds it. On SQLite our own writes leave marks, and nobody else does meanwhile."""
    if not settler.settle(connection, group.record):
        return False
    this: Any = MARKS.c.number.in_(group.numbers)
    if connection.dialect.name == "sqlite":
        this = sa.and_(MARKS.c.bridge == group.bridge, MARKS.c.record == group.record)
    connection.execute(sa.delete(MARKS).where(this))
    return True


@dataclass(frozen=True)
class _Group:
    bridge: str
    record: str
    numbers: list[int]

    @property
    def place(self) -> tuple[str, str]:
        """The bridge and the record."""
        return self.bridge, self.record


def _grouped(marks: Sequence[Any]) -> list[_Group]:
    """By the record that they are about."""
    found: dict[tuple[str, str], _Group] = {}
    for mark in marks:
        place = (mark.bridge, mark.record)
        found.setdefault(place, _Group(*place, [])).numbers.append(mark.number)
    return list(found.values())


def _read_committed(engine: sa.engine.Engine) -> sa.engine.Engine:
    """Under a snapshot the worker would not see what it has waited for, and would lock gaps."""
    if engine.dialect.name == "sqlite":
        return engine
    return engine.execution_options(isolation_level="READ COMMITTED")
