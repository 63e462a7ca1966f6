"""Fills the new columns of rows that were there before the triggers, without getting in anybody's way.

Rows are taken with SKIP LOCKED under READ COMMITTED, and those that were busy later: so neither does a writer
wait for a batch, nor become the victim of a deadlock with one. The place that was reached is kept after every
batch; a run that was killed goes on there. The UPDATE leaves consistent rows, so no trigger of ours acts.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from keystone_viaduct.errors import UpgradeError
from keystone_viaduct.triggers import key_text

from .across import tables_of
from .changes import AnyBridge
from .computed import Computed
from .expression import Not
from .filling import ComputedWork, MoveWork, Work, among
from .marks import MARKS
from .move import MADE, Move
from .ports import Journal, Place, Progress
from .rendering import columns_of, stored, table_of, to_sql
from .settling import quietly
from .shape import Bridge
from .throttle import Pace, Throttle

#: Rounds over the table until no row is left; each further one is for rows that were busy in the one before.
MOST_ROUNDS = 100
#: PostgreSQL hears late of what happens to a table. By what it knows it would rather read all of a table than
#: the rows of one batch, and each batch would take the longer the more rows there are.
_BY_KEY = "SELECT " + ", ".join(
    f"set_config('{setting}', 'off', true)" for setting in ("enable_seqscan", "enable_sort", "jit")
)
_TRANSIENT_MYSQL, _TRANSIENT_POSTGRESQL = (1205, 1213), ("40001", "40P01", "55P03")


class SqlFiller:
    """See :class:`keystone_viaduct.upgrade.ports.Filler`."""

    def __init__(
        self,
        engine: sa.engine.Engine,
        journal: Journal,
        pace: Pace | None = None,
        *,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._pace = pace or Pace()
        self._pause = pause

    def fill(self, upgrade: str, bridge: AnyBridge) -> Iterator[Progress]:
        """Goes on where the journal says; ends when every row is settled. Raises UpgradeError."""
        work = _work_of(bridge)
        throttle = Throttle(self._pace, self._pause)
        for number in range(MOST_ROUNDS):
            begin = self._journal.place(upgrade, bridge.name)
            for place in self._round(upgrade, bridge, work, throttle, begin):
                yield Progress(place.rows, work.left)
            if not self._count(work):
                return
            self._pause(min(1.0, 0.05 * 2**number))
        raise UpgradeError(
            f"{work.table.name}: {work.left} rows were busy in each of {MOST_ROUNDS} rounds",
            hint="look for transactions that stay open, then go on by resume",
            bridge=bridge.name,
        )

    def _round(
        self, upgrade: str, bridge: AnyBridge, work: Work, throttle: Throttle, place: Place
    ) -> Iterator[Place]:
        """Once over the table, from the place reached on."""
        self._count(work)
        key: list[Any] | None = json.loads(place.key) if place.key else None
        rows, rounds = place.rows, place.rounds
        while True:
            begun = time.monotonic()
            keys = self._batch(work, key, throttle)
            if not keys:
                break
            key, rows = list(keys[-1]), rows + len(keys)
            work.left = max(0, work.left - len(keys))
            place = Place(json.dumps(key), rows, rounds)
            self._journal.reached(upgrade, bridge.name, place)
            yield place
            throttle.took(time.monotonic() - begun, len(keys))
        place = Place("", rows, rounds + 1)
        self._journal.reached(upgrade, bridge.name, place)
        yield place

    def _count(self, work: Work) -> int:
        with self._engine.connect() as connection:
            work.left = work.count(connection)
        return work.left

    def _batch(self, work: Work, key: list[Any] | None, throttle: Throttle) -> Sequence[Any]:
        """Fill one batch; the keys of its rows. In a conflict with a writer ours is tried again."""
        for attempt in range(20):
            try:
                with self._engine.begin() as connection:
                    throttle.wait_for_others(connection)
                    if connection.dialect.name == "postgresql":
                        connection.exec_driver_sql(_BY_KEY)
                    with quietly(connection):
                        return work.take(connection, key, throttle.batch)
            except DBAPIError as error:
                if not is_transient(error):
                    raise UpgradeError(
                        f"{work.table.name} could not be filled: {error.orig}",
                        hint="mend what it says, then go on by resume",
                    ) from error
            self._pause(0.05 * (attempt + 1))
        raise UpgradeError(f"{work.table.name} is too busy to be filled", hint="go on by resume later")


class _Work(Work):
    """The statements of one bridge's backfill. A new column may be a key."""

    key_share = False

    def __init__(self, bridge: Bridge) -> None:
        table = table_of(bridge)
        resolve = columns_of(table)
        super().__init__(table, bridge.table.key, to_sql(Not(bridge.settled()), resolve))
        values = zip(bridge.new, bridge.total_up(), strict=True)
        self._values = {
            column.name: stored(self.table.c[column.name], value, resolve) for column, value in values
        }

    def fill(self, connection: Any, keys: Sequence[Any]) -> None:
        """What ``up`` makes of the old columns; rows whose old columns are missing wait for their writer."""
        connection.execute(sa.update(self.table).where(among(self.keys, keys)).values(self._values))

    def fill_all(self) -> Any:
        """The same for every row that is to be filled."""
        return sa.update(self.table).where(self.wanted).values(self._values)


def _work_of(bridge: AnyBridge) -> Work:
    if isinstance(bridge, Move):
        return MoveWork(bridge)
    return ComputedWork(bridge) if isinstance(bridge, Computed) else _Work(bridge)


def is_transient(error: DBAPIError) -> bool:
    """Whether the same may succeed when it is tried again."""
    number = getattr(error.orig, "args", (0,))[0]
    state = getattr(error.orig, "pgcode", "")
    return number in _TRANSIENT_MYSQL or state in _TRANSIENT_POSTGRESQL or "locked" in str(error.orig)


def fill_now(connection: sa.engine.Connection, bridge: AnyBridge, batch: int = 1000) -> int:
    """Fill all rows on this connection, batch by batch, in the transaction that it is in; their number."""
    work, key, rows = _work_of(bridge), None, 0
    with quietly(connection):
        while keys := work.take(connection, key, batch, patient=True):
            key, rows = list(keys[-1]), rows + len(keys)
    return rows


def fill_statement(bridge: AnyBridge, dialect: Any) -> str:
    """One statement, as text: an UPDATE that fills all rows, or marks for the worker that does."""
    statement: Any = _Work(bridge).fill_all() if isinstance(bridge, Bridge) else _mark_all(bridge)
    return str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def _mark_all(bridge: Move | Computed) -> Any:
    if isinstance(bridge, Move):
        table, key = tables_of(bridge)[0], bridge.parent.key
    else:
        table, key = table_of(bridge), bridge.table.key
    record = key_text(*(table.c[column.name] for column in key))
    rows = sa.select(sa.literal(bridge.name), sa.literal(MADE), record)
    return sa.insert(MARKS).from_select(["bridge", "side", "record"], rows)
