"""The journal of upgrades in the database that is being upgraded, and the lease of its one runner."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import DBAPIError

from keystone_viaduct.clock import Clock
from keystone_viaduct.errors import StoreUnavailable, UpgradeState

from .lease import LEASE_SECONDS, Lease
from .ports import Entry, Place
from .steps import State
from .tables import BRIDGED, PLACE, STEP, UPGRADE

_NAME = "upgrade"


class SqlJournal:
    """See :class:`keystone_viaduct.upgrade.ports.Journal`. ``prepare`` before anything else."""

    def __init__(
        self, engine: sa.engine.Engine, clock: Clock, *, holder: str = "", seconds: float = LEASE_SECONDS
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._lease = Lease(engine, clock, _NAME, holder=holder, seconds=seconds)

    def prepare(self) -> None:
        """Make the tables, or bring them up to date."""
        config = Config()
        config.set_main_option("script_location", "keystone_viaduct.upgrade:migrations")
        with self._engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def is_prepared(self) -> bool:
        """Whether there is a journal at all."""
        try:
            return sa.inspect(self._engine).has_table(UPGRADE.name)
        except DBAPIError as error:
            raise StoreUnavailable(f"{error.orig}", hint="look at the database's URL") from error

    def acquire(self) -> None:
        """Take the lease, and keep it while this process lives."""
        self._lease.acquire()

    def release(self) -> None:
        """Give it back; nothing happens if another has it by now."""
        self._lease.release()

    def _writing(self) -> AbstractContextManager[sa.engine.Connection]:
        """A transaction of whoever holds the lease."""
        return self._lease.writing()

    def begin(self, name: str, digest: str) -> State:
        """The state of an upgrade; a new one is planned."""
        with self._writing() as connection:
            found = connection.execute(sa.select(UPGRADE).where(UPGRADE.c.name == name)).first()
            if found is None or found.state == State.ROLLED_BACK:
                self._begin_anew(connection, name, digest, found is not None)
                return State.PLANNED
            if found.digest != digest:
                raise UpgradeState(
                    f"{name} was begun with another declaration and is {found.state}",
                    hint="go on with the one that it was begun with, or roll back with that one first",
                )
            return State(found.state)

    def _begin_anew(self, connection: sa.engine.Connection, name: str, digest: str, again: bool) -> None:
        for table in (STEP, PLACE):
            connection.execute(sa.delete(table).where(table.c.upgrade == name))
        values = {"digest": digest, "state": State.PLANNED.value, "changed_at": self._clock.now()}
        if again:
            connection.execute(sa.update(UPGRADE).where(UPGRADE.c.name == name).values(**values))
        else:
            connection.execute(sa.insert(UPGRADE).values(name=name, **values))

    def state(self, name: str) -> State | None:
        """Where it stands."""
        with self._engine.connect() as connection:
            found = connection.execute(sa.select(UPGRADE.c.state).where(UPGRADE.c.name == name)).scalar()
        return None if found is None else State(found)

    def states(self) -> list[tuple[str, State, int]]:
        """All upgrades: name, state, and since when."""
        query = sa.select(UPGRADE.c.name, UPGRADE.c.state, UPGRADE.c.changed_at).order_by(
            UPGRADE.c.changed_at
        )
        with self._engine.connect() as connection:
            return [(row.name, State(row.state), row.changed_at) for row in connection.execute(query)]

    def move(self, name: str, state: State) -> None:
        """From one state to the next."""
        with self._writing() as connection:
            values = {"state": state.value, "changed_at": self._clock.now()}
            connection.execute(sa.update(UPGRADE).where(UPGRADE.c.name == name).values(**values))

    def intend(self, name: str, phase: str, step: str, sql: str) -> None:
        """Before a statement."""
        with self._writing() as connection:
            if connection.execute(sa.select(STEP.c.number).where(_is(name, phase, step))).first() is None:
                values = {"upgrade": name, "phase": phase, "step": step, "statement": sql}
                times = {"begun_at": self._clock.now(), "done_at": 0}
                connection.execute(sa.insert(STEP).values(**values, **times))

    def observed(self, name: str, phase: str, step: str) -> None:
        """The catalogue has shown that it was done."""
        with self._writing() as connection:
            statement = sa.update(STEP).where(_is(name, phase, step))
            connection.execute(statement.values(done_at=self._clock.now()))

    def entries(self, name: str) -> Sequence[Entry]:
        """All lines, in their order."""
        columns = (STEP.c.phase, STEP.c.step, STEP.c.statement, STEP.c.begun_at, STEP.c.done_at)
        query = sa.select(*columns).where(STEP.c.upgrade == name).order_by(STEP.c.number)
        with self._engine.connect() as connection:
            return [Entry(*row) for row in connection.execute(query)]

    def place(self, name: str, bridge: str) -> Place:
        """How far the backfill of a bridge has come."""
        query = sa.select(PLACE.c.last_key, PLACE.c.filled, PLACE.c.rounds)
        with self._engine.connect() as connection:
            found = connection.execute(query.where(_at(name, bridge))).first()
        return Place() if found is None else Place(*found)

    def reached(self, name: str, bridge: str, place: Place) -> None:
        """The backfill has come so far."""
        values = {"last_key": place.key, "filled": place.rows, "rounds": place.rounds}
        with self._writing() as connection:
            if not connection.execute(sa.update(PLACE).where(_at(name, bridge)).values(**values)).rowcount:
                if connection.execute(sa.select(PLACE.c.rounds).where(_at(name, bridge))).first() is None:
                    connection.execute(sa.insert(PLACE).values(upgrade=name, bridge=bridge, **values))

    def mirrors(self, name: str, columns: Iterable[tuple[str, str]]) -> None:
        """The (table, column) pairs that only repeat others now, as far as this upgrade goes."""
        with self._writing() as connection:
            connection.execute(sa.delete(BRIDGED).where(BRIDGED.c.upgrade == name))
            for table, column in columns:
                values = {"table_name": table, "column_name": column, "upgrade": name}
                connection.execute(sa.insert(BRIDGED).values(**values))


def _is(name: str, phase: str, step: str) -> Any:
    return sa.and_(STEP.c.upgrade == name, STEP.c.phase == phase, STEP.c.step == step)


def _at(name: str, bridge: str) -> Any:
    return sa.and_(PLACE.c.upgrade == name, PLACE.c.bridge == bridge)
