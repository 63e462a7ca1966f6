"""A live database: asks its catalogue, and runs DDL so that nobody waits longer than the budget says."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from keystone_viaduct.errors import TableBusy, UpgradeError, UpgradeRefused
from keystone_viaduct.triggers.compiler import target_of
from keystone_viaduct.upgrade.shape import PREFIX
from keystone_viaduct.upgrade.steps import Lock, Observation, Refusal, Seen, Server, Statement

from .text import EMPTY


@dataclass(frozen=True)
class Budget:
    """How long others may wait for a statement of ours, and how long we try.

    ``wait``: seconds in a lock queue, where others wait behind us. Where that was not enough there is a
    pause, longer from time to time so that a busy table is not kept from its work; after ``patience`` seconds
    in all it is given up.
    """

    wait: float = 0.2
    first_pause: float = 0.05
    longest_pause: float = 3.0
    growth: float = 1.5
    patience: float = 120.0

    def pauses(self) -> Iterator[float]:
        """The pauses between tries; they end when patience does."""
        pause, spent = self.first_pause, 0.0
        while spent < self.patience:
            yield pause
            spent += pause + self.wait
            pause = min(pause * self.growth, self.longest_pause)

    def at_once(self) -> Budget:
        """The same where a try gives up at once: nobody has waited behind it, so it may soon come again.

        A table of many short transactions is free for moments only; few tries would never meet one.
        """
        return replace(self, wait=0.0, longest_pause=min(self.longest_pause, self.first_pause))


DEFAULT_BUDGET = Budget()


@dataclass(frozen=True)
class Facts:
    """What the catalogue says of a column: default as plain text (empty: none), type in lower case."""

    nullable: bool
    default: str
    type: str


class LiveDatabase(ABC):
    """Catalogue and executor of one database (see ``upgrade.ports``).

    ``stopping_allowed``: statements that stop writers, or that stall a Galera cluster, are run as well.
    """

    def __init__(
        self,
        engine: sa.engine.Engine,
        budget: Budget = DEFAULT_BUDGET,
        *,
        stopping_allowed: bool = False,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.engine = engine
        self.budget = budget
        self.stopping_allowed = stopping_allowed
        self._pause = pause
        self._server: Server | None = None

    def server(self) -> Server:
        """The facts that decide what is possible, as they were when first asked for."""
        if self._server is None:
            with self.engine.connect() as connection:
                self._server = self.facts(connection)
        return self._server

    def forget(self) -> None:
        """Ask again: tables have changed."""
        self._server = None

    def close(self) -> None:
        """End the connections that are kept for the next use."""
        self.engine.dispose()

    def observe(self, what: Observation) -> bool:
        """Whether it is so, ``there`` considered."""
        with self.engine.connect() as connection:
            return self.holds(connection, what) is what.there

    def run(self, statement: Statement) -> None:
        """Run it within the budget; see :class:`keystone_viaduct.upgrade.ports.Executor`."""
        self.refuse_to_stop(statement)
        for pause in self.tries().pauses():
            try:
                if not self.is_held(statement.table):
                    self._attempt(statement)
                    return None
            except DBAPIError as error:
                if statement.instead is not None and self.is_not_so_quick(error):
                    return self.run(statement.instead)
                if not self.is_busy(error):
                    raise self._failure(statement, error) from error
            self._pause(pause)
        raise self.given_up(statement.table, statement.sql)

    def given_up(self, table: str, sql: str) -> TableBusy:
        """The error that names who holds the table."""
        return TableBusy(
            f"{table} was in use at every try within {self.budget.patience:.0f} s: {sql}",
            hint=f"long transactions there: {self._holders(table) or 'none now'}; end them, then go on by"
            " resume",
            sql=sql,
        )

    def settings(self) -> list[str]:
        """What makes a session of somebody else's keep to our budget."""
        return []

    def guard(self, number: int) -> AbstractContextManager[None]:
        """While a statement of that connection runs: end it if it waits for longer than the budget."""
        return nullcontext()

    def refusal(self, statement: Statement, server: Server | None = None) -> Refusal | None:
        """See :class:`keystone_viaduct.upgrade.ports.Executor`. ``server``: if it is known already."""
        server = server or self.server()
        stalls = server.cluster and statement.lock is Lock.ONLINE
        if self.stopping_allowed or not (statement.lock.stops or stalls):
            return None
        whom = "the whole cluster" if stalls else statement.lock.value
        return Refusal(
            server.engine,
            f"{whom} would stand still for as long as this runs: {statement.sql}",
            "allow it for a time without traffic (--allow-stopping), or leave it out",
        )

    def refuse_to_stop(self, statement: Statement) -> None:
        """What the lock class forbids is refused before anything is tried."""
        found = self.refusal(statement)
        if found is not None:
            raise UpgradeRefused(f"{found.engine}: {found.reason}", hint=found.way_out, sql=statement.sql)

    def _failure(self, statement: Statement, error: DBAPIError) -> UpgradeError:
        return UpgradeError(
            f"{self.server().engine} refuses {statement.sql}: {error.orig}",
            hint="nothing of this statement was done; mend what it says, then go on by resume",
            sql=statement.sql,
        )

    def execute(self, connection: sa.engine.Connection, statement: Statement) -> None:
        """One try in somebody else's transaction, whose session is prepared. Raises the driver's error."""
        before, after = statement.around
        try:
            for sql in filter(None, (before, statement.sql)):
                connection.exec_driver_sql(sql, execution_options={"no_parameters": True})
        finally:
            if after:
                connection.exec_driver_sql(after)

    def holds(self, connection: sa.engine.Connection, what: Observation) -> bool:
        """Whether it is there, as this connection sees it."""
        if what.seen is Seen.TRIGGER:
            return self._has_trigger(connection, what)
        if what.seen in (Seen.COLUMN, Seen.NULLABLE, Seen.DEFAULT, Seen.COLUMN_TYPE):
            return self._column_holds(connection, what)
        return self._object_holds(connection, what)

    def _column_holds(self, connection: sa.engine.Connection, what: Observation) -> bool:
        found = self._column(connection, what.table, what.name)
        if found is None or what.seen is Seen.COLUMN:
            return found is not None
        if what.seen is Seen.COLUMN_TYPE:
            return found.type == what.detail
        return found.nullable if what.seen is Seen.NULLABLE else found.default == what.detail

    def _has_trigger(self, connection: sa.engine.Connection, what: Observation) -> bool:
        found = target_of(connection.dialect).installed(connection, PREFIX)
        return any(
            item.name == what.name
            and item.table == what.table
            and (not what.detail or item.fingerprint == what.detail)
            for item in found
        )

    @abstractmethod
    def rows(self, table: str) -> int:
        """About how many rows there are."""

    @abstractmethod
    def facts(self, connection: sa.engine.Connection) -> Server:
        """Read them."""

    @abstractmethod
    def _column(self, connection: sa.engine.Connection, table: str, name: str) -> Facts | None:
        """What a column is; None where there is none."""

    @abstractmethod
    def _object_holds(self, connection: sa.engine.Connection, what: Observation) -> bool:
        """Constraints, indexes, tables, views and functions."""

    @abstractmethod
    def _attempt(self, statement: Statement) -> None:
        """One try; raises the driver's error, and then nothing was changed."""

    @abstractmethod
    def is_busy(self, error: DBAPIError) -> bool:
        """Whether it was only the table that others held."""

    def tries(self) -> Budget:
        """How often a statement is tried."""
        return self.budget

    def is_held(self, table: str) -> bool:
        """Whether it is known that others hold the table, where already a try would harm them."""
        return False

    def is_not_so_quick(self, error: DBAPIError) -> bool:
        """Whether the server can do it, but not with the ALGORITHM or LOCK that was demanded."""
        return False

    def _holders(self, table: str) -> str:
        """Who holds the table, for people; empty where the server does not tell."""
        return ""


def plain_default(text: str | None) -> str:
    """The server's text of a default without its casts and quotes, as ``ddl.text.canonical`` writes it."""
    if text is None or text.upper().startswith("NULL"):
        return ""
    text = text.strip()
    while text.startswith("(") and text.endswith(")"):
        text = text[1:-1]
    if text.startswith(("'", "_utf8mb4'")):
        return text[text.index("'") + 1 : text.rindex("'")].replace("''", "'") or EMPTY
    return {"true": "1", "false": "0"}.get(text.lower(), text)
