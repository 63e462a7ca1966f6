"""A PostgreSQL database: ``lock_timeout`` bounds how long anybody waits behind our DDL."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from keystone_viaduct.upgrade.constraints import Index
from keystone_viaduct.upgrade.steps import Lock, Observation, Seen, Server, Statement

from .common import foreign_key
from .database import Facts, LiveDatabase, plain_default

_LOCK_NOT_AVAILABLE, _DEADLOCK = "55P03", "40P01"

_COLUMN = """
SELECT NOT a.attnotnull, pg_get_expr(d.adbin, d.adrelid), format_type(a.atttypid, a.atttypmod)
FROM pg_attribute a LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
WHERE a.attrelid = to_regclass(:place) AND a.attname = :name AND a.attnum > 0 AND NOT a.attisdropped
"""
_CONSTRAINT = (
    "SELECT convalidated FROM pg_constraint WHERE conrelid = to_regclass(:place) AND conname = :name"
)
_INDEX = """
SELECT i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = to_regclass(:place) AND c.relname = :name
"""
_PRIMARY_KEY = """
SELECT string_agg(a.attname, ',' ORDER BY array_position(i.indkey::int2[], a.attnum))
FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
WHERE i.indrelid = to_regclass(:place) AND i.indisprimary
"""
_INDEXES = """
SELECT t.relname, x.relname, i.indisunique, k.conname IS NOT NULL,
       string_agg(a.attname, ',' ORDER BY array_position(i.indkey::int2[], a.attnum))
FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('u', 'p')
WHERE t.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
  AND i.indisvalid AND NOT i.indisprimary AND i.indpred IS NULL AND i.indexprs IS NULL
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2
"""
_KEYS = """
SELECT t.relname, k.conname, r.relname, k.confdeltype,
  (SELECT string_agg(a.attname, ',' ORDER BY array_position(k.conkey, a.attnum))
   FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)),
  (SELECT string_agg(a.attname, ',' ORDER BY array_position(k.confkey, a.attnum))
   FROM pg_attribute a WHERE a.attrelid = k.confrelid AND a.attnum = ANY (k.confkey))
FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid JOIN pg_class r ON r.oid = k.confrelid
WHERE k.contype = 'f' AND t.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
ORDER BY 1, 2
"""
_PRIMARY = """
SELECT t.relname, k.conname FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid
WHERE k.contype = 'p' AND t.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
ORDER BY 1
"""
_ON_DELETE = {"c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT", "r": "RESTRICT"}
_TYPE = """
SELECT count(*) FROM pg_type
WHERE typname = :name AND typnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
"""
_KIND = "SELECT relkind FROM pg_class WHERE oid = to_regclass(:place)"
_FUNCTION = """
SELECT p.prosrc FROM pg_proc p
WHERE p.proname = :name AND p.pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
"""
_HOLDERS = """
SELECT DISTINCT a.pid, a.application_name, a.state, extract(epoch FROM now() - a.xact_start)::int
FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.relation = to_regclass(:place) AND l.granted AND a.pid <> pg_backend_pid()
ORDER BY 4 DESC NULLS LAST LIMIT 5
"""


class PostgreSQLDatabase(LiveDatabase):
    """Catalogue and executor."""

    def rows(self, table: str) -> int:
        """The planner's estimate; counted while there is none."""
        with self.engine.connect() as connection:
            place = self._place(table)
            estimate = connection.execute(
                sa.text("SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(:place)"),
                {"place": place},
            ).scalar()
            if estimate is None or estimate > 0:
                return int(estimate or 0)
            return int(connection.execute(sa.text(f"SELECT count(*) FROM {place}")).scalar_one())

    def _place(self, table: str) -> str:
        quoted = '"' + table.replace('"', '""') + '"'
        schema = self.server().schema
        return f'"{schema}".{quoted}' if schema else quoted

    def facts(self, connection: sa.engine.Connection) -> Server:
        number = int(connection.execute(sa.text("SHOW server_version_num")).scalar_one())
        schema = connection.execute(sa.text("SELECT current_schema()")).scalar_one()
        indexes = tuple(
            (table, Index(name, tuple(columns.split(",")), unique, constraint))
            for table, name, unique, constraint, columns in connection.execute(sa.text(_INDEXES))
        )
        keys = tuple(
            (table, foreign_key(name, here, refers, there, _ON_DELETE.get(action, "")))
            for table, name, refers, action, here, there in connection.execute(sa.text(_KEYS))
        )
        primary = tuple((table, name) for table, name in connection.execute(sa.text(_PRIMARY)))
        version = (number // 10000, number % 10000)
        return Server("postgresql", version, schema=str(schema), indexes=indexes, keys=keys, primary=primary)

    def _column(self, connection: sa.engine.Connection, table: str, name: str) -> Facts | None:
        given = {"place": self._place(table), "name": name}
        found = connection.execute(sa.text(_COLUMN), given).first()
        return None if found is None else Facts(bool(found[0]), plain_default(found[1]), found[2])

    def _object_holds(self, connection: sa.engine.Connection, what: Observation) -> bool:
        given = {"place": self._place(what.table), "name": what.name}
        if what.seen is Seen.CONSTRAINT:
            valid = connection.execute(sa.text(_CONSTRAINT), given).scalar()
            return valid is not None and (what.detail != "valid" or bool(valid))
        if what.seen is Seen.KEY:
            return what.name in connection.execute(sa.text(_PRIMARY_KEY), given).scalars()
        if what.seen is Seen.TYPE:
            return bool(connection.execute(sa.text(_TYPE), {"name": what.name}).scalar())
        if what.seen is Seen.INDEX:
            return bool(connection.execute(sa.text(_INDEX), given).scalar())
        if what.seen is Seen.FUNCTION:
            source = connection.execute(sa.text(_FUNCTION), {"name": what.name}).scalar()
            return source is not None and (not what.detail or f"viaduct:{what.detail} " in source)
        kind = connection.execute(sa.text(_KIND), {"place": given["place"]}).scalar()
        return kind in ("v",) if what.seen is Seen.VIEW else kind in ("r", "p")

    def _attempt(self, statement: Statement) -> None:
        options = {"isolation_level": "AUTOCOMMIT"}
        with self.engine.connect().execution_options(**options) as connection:
            if statement.lock is not Lock.NONE and not statement.patient:
                connection.exec_driver_sql(f"SET lock_timeout = {round(self.budget.wait * 1000)}")
            try:
                if statement.around[0]:
                    connection.exec_driver_sql(statement.around[0])
                connection.exec_driver_sql(statement.sql, execution_options={"no_parameters": True})
            finally:
                connection.exec_driver_sql("RESET lock_timeout")

    def settings(self) -> list[str]:
        return [f"SET lock_timeout = {round(self.budget.wait * 1000)}"]

    def is_busy(self, error: DBAPIError) -> bool:
        return getattr(error.orig, "pgcode", None) in (_LOCK_NOT_AVAILABLE, _DEADLOCK)

    def _holders(self, table: str) -> str:
        with self.engine.connect() as connection:
            found = connection.execute(sa.text(_HOLDERS), {"place": self._place(table)}).all()
        return "; ".join(
            f"pid {pid} {name or '-'} {state} for {seconds or 0} s" for pid, name, state, seconds in found
        )
