"""A MariaDB or MySQL database: what its catalogue says."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from keystone_viaduct.upgrade.constraints import Index
from keystone_viaduct.upgrade.shape import PREFIX
from keystone_viaduct.upgrade.steps import Observation, Seen, Server

from .common import foreign_key
from .database import Facts, plain_default
from .mysql_running import CHARSET, SQL_MODE, MySQLRunning
from .text import EMPTY

_COLUMN = """
SELECT is_nullable, column_default, column_type FROM information_schema.columns
WHERE table_schema = DATABASE() AND table_name = :table AND column_name = :name
"""
_COLLATIONS = """
SELECT table_name, column_name, collation_name FROM information_schema.columns
WHERE table_schema = DATABASE() AND collation_name IS NOT NULL
"""
_TRIGGERS = """
SELECT event_object_table, LOWER(event_manipulation), trigger_name, action_timing
FROM information_schema.triggers WHERE trigger_schema = DATABASE()
ORDER BY action_order
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


class MySQLDatabase(MySQLRunning):
    """Catalogue and executor of both."""

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
        first: dict[tuple[str, str, str], str] = {}
        for table, event, name, timing in connection.execute(sa.text(_TRIGGERS)):
            if name.startswith("viaduct_") and not name.startswith(PREFIX):  # capture's, not the service's
                first.setdefault((timing, table, event), name)
        indexes = tuple(
            (table, Index(name, tuple(columns.split(",")), not int(plain)))
            for table, name, plain, columns in connection.execute(sa.text(_INDEXES))
        )
        keys = tuple(
            (table, foreign_key(name, here, refers, there, _ON_DELETE.get(rule, "")))
            for table, name, refers, rule, here, there in connection.execute(sa.text(_KEYS))
        )

        def ours_precede(when: str) -> tuple[tuple[str, str, str], ...]:
            found = first.items()
            return tuple((table, event, name) for (timing, table, event), name in found if timing == when)

        return Server(
            "mariadb" if dialect.is_mariadb else "mysql",
            version,
            cluster=wsrep is not None and int(wsrep[1]) > 0,
            collations=collations,
            indexes=indexes,
            keys=keys,
            triggers=ours_precede("BEFORE"),
            later_triggers=ours_precede("AFTER"),
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
