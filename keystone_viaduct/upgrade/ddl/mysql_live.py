"""A MariaDB or MySQL database: DDL asks for its metadata lock at once or not at all.

MariaDB takes ``lock_wait_timeout = 0``. MySQL's least is a second, so a second connection kills a statement
that still waits for its lock when the budget ends. Even that is too long for a transaction which has read
the table and now writes to it: it waits for us as we for it, and of the two MySQL sacrifices the writer. So
there a table that others hold is not asked for while the performance schema shows it.

Triggers keep the ``sql_mode`` and the character set of the session that makes them, so ours are pinned.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from keystone_viaduct.upgrade.constraints import Index
from keystone_viaduct.upgrade.shape import PREFIX
from keystone_viaduct.upgrade.steps import Observation, Seen, Server, Statement

from .common import foreign_key
from .database import Budget, Facts, LiveDatabase, plain_default
from .text import EMPTY

#: What a trigger of ours always runs under, whatever its writer's session says.
SQL_MODE = "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
CHARSET = "utf8mb4"
_LOCK_TIMEOUT, _INTERRUPTED, _DEADLOCK = 1205, (1317, 3024), 1213
#: So often a table of short transactions is waited for before it is asked for while one of them has it.
_LOOKS = 10
#: Seconds between two looks whether a statement of ours waits for its table.
_LOOK = 0.05
_NOT_SO_QUICKLY = (1845, 1846)

_COLUMN = """
SELECT is_nullable, column_default, column_type FROM information_schema.columns
WHERE table_schema = DATABASE() AND table_name = :table AND column_name = :name
"""
_COLLATIONS = """
SELECT table_name, column_name, collation_name FROM information_schema.columns
WHERE table_schema = DATABASE() AND collation_name IS NOT NULL
"""
_TRIGGERS = """
SELECT event_object_table, LOWER(event_manipulation), trigger_name, action_order
FROM information_schema.triggers WHERE trigger_schema = DATABASE() AND action_timing = 'BEFORE'
ORDER BY action_order
"""
_HELD = """
SELECT owner_thread_id, owner_event_id FROM performance_schema.metadata_locks
WHERE object_type = 'TABLE' AND object_schema = DATABASE() AND object_name = :table
  AND lock_status = 'GRANTED'
"""
_INDEXES = """
SELECT table_name, index_name, MAX(non_unique), GROUP_CONCAT(column_name ORDER BY seq_in_index SEPARATOR ',')
FROM information_schema.statistics
WHERE table_schema = DATABASE() AND index_name <> 'PRIMARY'
GROUP BY table_name, index_name
HAVING COUNT(*) = COUNT(column_name) AND COUNT(sub_part) = 0
ORDER BY table_name, index_name
"""
_KEYS = """
SELECT u.table_name, u.constraint_name, MAX(u.referenced_table_name), MAX(r.delete_rule),
  GROUP_CONCAT(u.column_name ORDER BY u.ordinal_position SEPARATOR ','),
  GROUP_CONCAT(u.referenced_column_name ORDER BY u.ordinal_position SEPARATOR ',')
FROM information_schema.key_column_usage u JOIN information_schema.referential_constraints r
  ON r.constraint_schema = u.constraint_schema AND r.constraint_name = u.constraint_name
  AND r.table_name = u.table_name
WHERE u.table_schema = DATABASE() AND u.referenced_table_name IS NOT NULL
GROUP BY u.table_name, u.constraint_name ORDER BY u.table_name, u.constraint_name
"""
_ON_DELETE = {"CASCADE": "CASCADE", "SET NULL": "SET NULL", "RESTRICT": "RESTRICT"}
_PRIMARY_KEY = """
SELECT GROUP_CONCAT(column_name ORDER BY seq_in_index SEPARATOR ',') FROM information_schema.statistics
WHERE table_schema = DATABASE() AND table_name = :table AND index_name = 'PRIMARY'
"""
_PINNED = """
SELECT sql_mode, character_set_client FROM information_schema.triggers
WHERE trigger_schema = DATABASE() AND trigger_name = :name
"""
_OBJECTS = {
    Seen.CONSTRAINT: "SELECT COUNT(*) FROM information_schema.table_constraints"
    " WHERE table_schema = DATABASE() AND table_name = :table AND constraint_name = :name",
    Seen.INDEX: "SELECT COUNT(*) FROM information_schema.statistics"
    " WHERE table_schema = DATABASE() AND table_name = :table AND index_name = :name",
    Seen.TABLE: "SELECT COUNT(*) FROM information_schema.tables"
    " WHERE table_schema = DATABASE() AND table_name = :table AND table_type = 'BASE TABLE'",
    Seen.VIEW: "SELECT COUNT(*) FROM information_schema.tables"
    " WHERE table_schema = DATABASE() AND table_name = :table AND table_type = 'VIEW'",
}


class MySQLDatabase(LiveDatabase):
    """Catalogue and executor of both."""

    _for_ddl: sa.engine.Engine | None = None
    _blind = False
    _holding: frozenset[tuple[int, int]] = frozenset()
    _looks = 0

    def rows(self, table: str) -> int:
        """InnoDB's estimate."""
        with self.engine.connect() as connection:
            query = (
                "SELECT table_rows FROM information_schema.tables"
                " WHERE table_schema = DATABASE() AND table_name = :table"
            )
            return int(connection.execute(sa.text(query), {"table": table}).scalar() or 0)

    def facts(self, connection: sa.engine.Connection) -> Server:
        dialect: Any = connection.dialect
        version = tuple(part for part in dialect.server_version_info if isinstance(part, int))
        wsrep = connection.execute(sa.text("SHOW GLOBAL STATUS LIKE 'wsrep_cluster_size'")).first()
        found = connection.execute(sa.text(_COLLATIONS))
        collations = tuple((table, column, name) for table, column, name in found)
        first: dict[tuple[str, str], str] = {}
        for table, event, name, _ in connection.execute(sa.text(_TRIGGERS)):
            if not name.startswith(PREFIX):
                first.setdefault((table, event), name)
        indexes = tuple(
            (table, Index(name, tuple(columns.split(",")), not int(plain)))
            for table, name, plain, columns in connection.execute(sa.text(_INDEXES))
        )
        keys = tuple(
            (table, foreign_key(name, here, refers, there, _ON_DELETE.get(rule, "")))
            for table, name, refers, rule, here, there in connection.execute(sa.text(_KEYS))
        )
        return Server(
            "mariadb" if dialect.is_mariadb else "mysql",
            version,
            cluster=wsrep is not None and int(wsrep[1]) > 0,
            collations=collations,
            indexes=indexes,
            keys=keys,
            triggers=tuple((*place, name) for place, name in first.items()),
        )

    def _column(self, connection: sa.engine.Connection, table: str, name: str) -> Facts | None:
        found = connection.execute(sa.text(_COLUMN), {"table": table, "name": name}).first()
        if found is None:
            return None
        quoted = self.server().engine == "mariadb"  # MySQL gives the value, MariaDB an expression
        default = plain_default(found[1]) if quoted else "" if found[1] is None else str(found[1]) or EMPTY
        return Facts(found[0] == "YES", default, str(found[2]).lower())

    def _has_trigger(self, connection: sa.engine.Connection, what: Observation) -> bool:
        """There as it should be, and pinned to our session's settings."""
        if not super()._has_trigger(connection, what):
            return False
        mode, charset = connection.execute(sa.text(_PINNED), {"name": what.name}).one()
        return not what.detail or (set(mode.split(",")) == set(SQL_MODE.split(",")) and charset == CHARSET)

    def _object_holds(self, connection: sa.engine.Connection, what: Observation) -> bool:
        given = {"table": what.table, "name": what.name}
        if what.seen is Seen.KEY:
            return bool(connection.execute(sa.text(_PRIMARY_KEY), given).scalar() == what.name)
        return bool(connection.execute(sa.text(_OBJECTS[what.seen]), given).scalar())

    def close(self) -> None:
        """Those for DDL too."""
        super().close()
        if self._for_ddl is not None:
            self._for_ddl.dispose()

    def tries(self) -> Budget:
        """MariaDB's give up at once."""
        server = self.server()
        return self.budget.at_once() if server.engine == "mariadb" and not server.cluster else self.budget

    def _attempt(self, statement: Statement) -> None:
        before, after = statement.around
        with self._ddl_engine().connect() as connection:
            number = int(connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar_one())
            try:
                with self.guard(number):
                    for sql in filter(None, (before, statement.sql)):
                        connection.exec_driver_sql(sql, execution_options={"no_parameters": True})
            finally:
                if after:
                    connection.exec_driver_sql(after)

    def is_held(self, table: str) -> bool:
        """By MySQL's performance schema, if it is on and we may read it.

        A table that is in use at each of many looks, but by others each time, is asked for all the same.
        """
        if self.server().engine != "mysql" or self._blind:
            return False
        try:
            with self.engine.connect() as connection:
                found = connection.execute(sa.text(_HELD), {"table": table}).all()
        except DBAPIError:
            self._blind = True
            return False
        before, self._holding = self._holding, frozenset((int(one), int(two)) for one, two in found)
        self._looks = self._looks + 1 if found else 0
        if self._looks < _LOOKS or before & self._holding:
            return bool(found)
        self._looks = 0
        return False

    def settings(self) -> list[str]:
        """On Galera the time-out would refuse here what the other nodes run all the same: there it stays."""
        if self.server().cluster:
            return []
        return [f"SET SESSION lock_wait_timeout = {0 if self.server().engine == 'mariadb' else 1}"]

    def _ddl_engine(self) -> sa.engine.Engine:
        """Connections with our session's settings, which nothing else uses."""
        if self._for_ddl is None:
            pinned = [f"SET NAMES {CHARSET}", f"SET SESSION sql_mode = '{SQL_MODE}'"]
            settings = [*pinned, *self.settings()]
            engine = sa.create_engine(self.engine.url, pool_size=1, pool_pre_ping=True)

            @sa.event.listens_for(engine, "connect")
            def connect(connection: Any, _record: Any) -> None:
                with connection.cursor() as cursor:
                    for setting in settings:
                        cursor.execute(setting)

            self._for_ddl = engine
        return self._for_ddl

    def guard(self, number: int) -> AbstractContextManager[None]:
        """MariaDB gives up by itself."""
        impatient = self.server().engine == "mariadb" or self.server().cluster
        return nullcontext() if impatient else self._killer(number)

    @contextmanager
    def _killer(self, number: int) -> Iterator[None]:
        """Kills the statement if it still waits for its metadata lock when the budget has run out."""
        done = threading.Event()

        def watch() -> None:
            """At its beginning, and at its end: what was built online asks for the table once more."""
            query = sa.text("SELECT state FROM information_schema.processlist WHERE id = :id")
            waited = 0.0
            while not done.wait(_LOOK):
                with self.engine.connect() as other:
                    state = other.execute(query, {"id": number}).scalar() or ""
                    waited = waited + _LOOK if "metadata lock" in state else 0.0
                    if waited >= self.budget.wait - _LOOK and not done.is_set():
                        other.exec_driver_sql(f"KILL QUERY {number}")
                        return

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()

    def is_busy(self, error: DBAPIError) -> bool:
        return _number(error) in (_LOCK_TIMEOUT, _DEADLOCK, *_INTERRUPTED)

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


def _number(error: DBAPIError) -> int:
    arguments = getattr(error.orig, "args", ())
    return int(arguments[0]) if arguments and isinstance(arguments[0], int) else 0
