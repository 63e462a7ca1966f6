"""Runs DDL on MariaDB and MySQL: it asks for its metadata lock at once or not at all.

MariaDB takes ``lock_wait_timeout = 0``. MySQL's least is a second, so a second connection kills a statement
that still waits for its lock when the budget ends. Even that is too long for a transaction which has read
the table and now writes to it: it waits for us as we for it, and of the two MySQL sacrifices the writer. So
there a table is asked for when the performance schema shows that nobody holds it, and what is run in the same
packet asks once more, then takes the table in one step (``mysql_together``).

What is built online asks for the table again when it is built. Nobody can look before that, and a build that
is lost then was long: so after the first such loss MariaDB waits for the budget, too.

Triggers keep the ``sql_mode`` and the character set of the session that makes them, so ours are pinned.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from keystone_viaduct.upgrade.steps import Lock, Statement

from .database import Budget, LiveDatabase
from .mysql_together import UNLOCK, fits, together, within_lock
from .text import constant

#: What a trigger of ours always runs under, whatever its writer's session says.
SQL_MODE = "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
CHARSET = "utf8mb4"
_LOCK_TIMEOUT, _INTERRUPTED, _DEADLOCK = 1205, (1317, 3024), 1213
_NOT_SO_QUICKLY = (1845, 1846)
#: What our question for a free table answers where it is none.
_HELD_AFTER_ALL = 1242
#: Looks for a free moment before the next pause, and seconds between them.
_LOOKS, _BETWEEN_LOOKS = 20, 0.01
#: So many looks without a free moment, and with other holders each time, until a table is asked for anyway.
_MOST_LOOKS = 200
#: Seconds between two looks whether a statement of ours waits for its table; and of one that should not.
_WATCH, _CLOSE_WATCH = 0.05, 0.005
#: LOCK TABLES needs a privilege of its own.
_DENIED = (1044, 1142)

_HELD = """
SELECT owner_thread_id, owner_event_id FROM performance_schema.metadata_locks
WHERE object_type = 'TABLE' AND object_schema = DATABASE() AND object_name IN ({})
  AND lock_status = 'GRANTED'
"""
#: More than one row is an error, and what stands behind it in the same packet is not run.
_UNLESS_HELD = "SELECT (SELECT 1 FROM (SELECT 1 UNION ALL SELECT 2) two WHERE EXISTS ({}))"


class MySQLRunning(LiveDatabase):
    """The executor of both. ``built_after``: seconds after which a lost statement had been built."""

    built_after = 1.0
    _for_ddl: sa.engine.Engine | None = None
    _blind = False
    _holding: frozenset[tuple[int, int]] = frozenset()
    _looks = 0
    _lost_a_build = False
    _may_lock = True
    _needed: Sequence[str] = ()
    _in_one_step = False

    def close(self) -> None:
        """The connections for DDL too."""
        super().close()
        if self._for_ddl is not None:
            self._for_ddl.dispose()

    def run(self, statement: Statement) -> None:
        """See :class:`keystone_viaduct.upgrade.ports.Executor`."""
        self._lost_a_build = False
        self._needed = self._asked_for(statement)
        super().run(statement)

    def _asked_for(self, statement: Statement) -> Sequence[str]:
        """The tables that nobody may hold: more than one where it is locked."""
        if not self._locks(statement):
            return [statement.table]
        with self.engine.connect() as connection:
            return together(connection, statement.table, self.server().keys)

    def _locks(self, statement: Statement) -> bool:
        return self._may_lock and self._sees_holders() and not self.server().cluster and fits(statement)

    def _at_once(self) -> bool:
        server = self.server()
        return server.engine == "mariadb" and not server.cluster

    def tries(self) -> Budget:
        """MariaDB's give up at once."""
        return self.budget.at_once() if self._at_once() else self.budget

    def _attempt(self, statement: Statement) -> None:
        before, after = statement.around
        begun = time.monotonic()
        with self._ddl_engine().connect() as connection, self._patience(connection):
            number = int(connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar_one())
            try:
                with self.guard(number):
                    if before:
                        connection.exec_driver_sql(before)
                    self._send(connection, statement)
            except DBAPIError as error:
                built = statement.lock is Lock.ONLINE and time.monotonic() - begun > self.built_after
                self._lost_a_build = self._lost_a_build or (built and self.is_busy(error))
                raise
            finally:
                if after:
                    connection.exec_driver_sql(after)

    @contextmanager
    def _patience(self, connection: sa.engine.Connection) -> Iterator[None]:
        """MariaDB waits, too, once that is better than to build something again."""
        waits = self._at_once() and self._lost_a_build
        if waits:
            connection.exec_driver_sql("SET SESSION lock_wait_timeout = 1")
        try:
            yield
        finally:
            if waits:
                connection.exec_driver_sql("SET SESSION lock_wait_timeout = 0")

    def _send(self, connection: sa.engine.Connection, statement: Statement) -> None:
        """By the driver, which can send our question for a free table in the same packet."""
        looks = self._sees_holders() and self._looks < _MOST_LOOKS
        question = _UNLESS_HELD.format(_held(self._needed)) + ";\n" if looks else ""
        self._in_one_step = looks and self._locks(statement)
        sql = within_lock(statement) if self._in_one_step else statement.sql
        dbapi: Any = connection.dialect.loaded_dbapi
        driver: Any = connection.connection.dbapi_connection
        cursor = driver.cursor()
        try:
            cursor.execute(question + sql)
            while cursor.nextset():
                pass
        except dbapi.Error as error:
            if self._in_one_step:
                with suppress(dbapi.Error):
                    cursor.execute(UNLOCK)
            raise DBAPIError.instance(statement.sql, None, error, dbapi.Error) from error
        finally:
            cursor.close()

    def _sees_holders(self) -> bool:
        return self.server().engine == "mysql" and not self._blind and self.engine.dialect.driver == "pymysql"

    def is_held(self, table: str) -> bool:
        """By MySQL's performance schema, if it is on and we may read it: at each of several looks.

        A table that is in use at each of many looks, but by others each time, is asked for all the same.
        """
        if self.server().engine != "mysql" or self._blind:
            return False
        if self._looks >= _MOST_LOOKS:
            self._looks = 0
        for _ in range(_LOOKS):
            held = self._look(self._needed or [table])
            if not held or self._looks >= _MOST_LOOKS:
                return False
            self._pause(_BETWEEN_LOOKS)
        return True

    def _look(self, tables: Sequence[str]) -> bool:
        """Whether somebody holds one of them; looks that see the same holder again do not count."""
        try:
            with self.engine.connect() as connection:
                found = connection.exec_driver_sql(_held(tables)).all()
        except DBAPIError:
            self._blind = True
            return False
        before, self._holding = self._holding, frozenset((int(one), int(two)) for one, two in found)
        if not found:
            self._looks = 0
        elif not before & self._holding:
            self._looks += 1
        return bool(found)

    def settings(self) -> list[str]:
        """On Galera the time-out would refuse here what the other nodes run all the same: there it stays."""
        if self.server().cluster:
            return []
        return [f"SET SESSION lock_wait_timeout = {0 if self._at_once() else 1}"]

    def _ddl_engine(self) -> sa.engine.Engine:
        """Connections with our session's settings, which nothing else uses."""
        if self._for_ddl is None:
            pinned = [f"SET NAMES {CHARSET}", f"SET SESSION sql_mode = '{SQL_MODE}'"]
            settings = [*pinned, *self.settings()]
            arguments = {"client_flag": _multi_statements()} if self._sees_holders() else {}
            engine = sa.create_engine(
                self.engine.url, pool_size=1, pool_pre_ping=True, connect_args=arguments
            )

            @sa.event.listens_for(engine, "connect")
            def connect(connection: Any, _record: Any) -> None:
                with connection.cursor() as cursor:
                    for setting in settings:
                        cursor.execute(setting)

            self._for_ddl = engine
        return self._for_ddl

    def guard(self, number: int) -> AbstractContextManager[None]:
        """MariaDB gives up by itself, unless it was told to wait."""
        waits = self._lost_a_build if self._at_once() else not self.server().cluster
        return self._killer(number) if waits else nullcontext()

    @contextmanager
    def _killer(self, number: int) -> Iterator[None]:
        """Kills the statement if it still waits for its metadata lock when the budget has run out."""
        done = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(number, done), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()

    def _watch(self, number: int, done: threading.Event) -> None:
        """At its beginning, and at its end: what was built online asks for the table once more."""
        query = sa.text("SELECT state FROM information_schema.processlist WHERE id = :id")
        waited = 0.0
        while not done.wait(_CLOSE_WATCH if self._in_one_step else _WATCH):
            with self.engine.connect() as other:
                state = other.execute(query, {"id": number}).scalar() or ""
                waited = waited + _WATCH if "metadata lock" in state else 0.0
                enough = _WATCH if self._in_one_step else self.budget.wait - _WATCH
                if waited >= enough and not done.is_set():
                    other.exec_driver_sql(f"KILL QUERY {number}")
                    return

    def is_busy(self, error: DBAPIError) -> bool:
        number = _number(error)
        if self._in_one_step and number in _DENIED:
            # It is tried without LOCK TABLES; if it was the statement that is not allowed, that says so.
            self._may_lock = self._in_one_step = False
            return True
        return number in (_LOCK_TIMEOUT, _DEADLOCK, _HELD_AFTER_ALL, *_INTERRUPTED)

    def is_not_so_quick(self, error: DBAPIError) -> bool:
        return _number(error) in _NOT_SO_QUICKLY

    def _holders(self, table: str) -> str:
        query = (
            "SELECT trx_mysql_thread_id, TIMESTAMPDIFF(SECOND, trx_started, NOW())"
            " FROM information_schema.innodb_trx ORDER BY trx_started LIMIT 5"
        )
        with self.engine.connect() as connection:
            found = connection.execute(sa.text(query)).all()
        return "; ".join(f"connection {number} for {seconds} s" for number, seconds in found)


def _held(tables: Sequence[str]) -> str:
    return _HELD.format(", ".join(constant(table, backslashes=True) for table in tables))


def _multi_statements() -> int:
    """PyMySQL's flag for several statements in one packet."""
    from pymysql.constants import CLIENT

    return int(CLIENT.MULTI_STATEMENTS)


def _number(error: DBAPIError) -> int:
    arguments = getattr(error.orig, "args", ())
    return int(arguments[0]) if arguments and isinstance(arguments[0], int) else 0
