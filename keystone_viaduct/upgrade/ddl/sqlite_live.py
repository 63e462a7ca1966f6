"""A SQLite database: every statement is a short transaction of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from keystone_viaduct.errors import UpgradeError
from keystone_viaduct.upgrade.constraints import ForeignKey, Index
from keystone_viaduct.upgrade.steps import Edit, Observation, Seen, Server, Statement

from .database import Facts, LiveDatabase, plain_default
from .definition import check_definition, edit_definition

#: How long everything but DDL waits for the one writer.
BUSY_SECONDS = 10
_INDEXES = """
SELECT m.name, l.name, l."unique", group_concat(i.name)
FROM sqlite_master m, pragma_index_list(m.name) l, pragma_index_info(l.name) i
WHERE m.type = 'table' AND l.origin <> 'pk' AND NOT l.partial
GROUP BY m.name, l.name HAVING count(*) = count(i.name)
"""
_KINDS = {Seen.TABLE: "table", Seen.VIEW: "view", Seen.INDEX: "index"}


class SQLiteDatabase(LiveDatabase):
    """Catalogue and executor."""

    def rows(self, table: str) -> int:
        """Counted: there is no estimate."""
        with self.engine.connect() as connection:
            quoted = connection.dialect.identifier_preparer.quote(table)
            return int(connection.execute(sa.text(f"SELECT count(*) FROM {quoted}")).scalar_one())

    def facts(self, connection: sa.engine.Connection) -> Server:
        text = str(connection.execute(sa.text("SELECT sqlite_version()")).scalar_one())
        indexes = tuple(
            (table, Index(name, tuple(columns.split(",")), bool(unique)))
            for table, name, unique, columns in connection.execute(sa.text(_INDEXES))
        )
        keys = []
        for (table,) in connection.execute(
            sa.text("SELECT name FROM sqlite_master WHERE type = 'table'")
        ).all():
            found: dict[int, list[Any]] = {}
            query = sa.text("SELECT * FROM pragma_foreign_key_list(:table) ORDER BY id, seq")
            for row in connection.execute(query, {"table": table}).mappings():
                found.setdefault(row["id"], []).append(row)
            for rows in found.values():
                here, there = (tuple(row[side] for row in rows) for side in ("from", "to"))
                keys.append((table, ForeignKey("", here, rows[0]["table"], there, rows[0]["on_delete"])))
        version = tuple(int(part) for part in text.split("."))
        return Server("sqlite", version, indexes=indexes, keys=tuple(keys))

    def _column(self, connection: sa.engine.Connection, table: str, name: str) -> Facts | None:
        query = sa.text(
            'SELECT "notnull", dflt_value, type FROM pragma_table_info(:table) WHERE name = :name'
        )
        found = connection.execute(query, {"table": table, "name": name}).first()
        return None if found is None else Facts(not found[0], plain_default(found[1]), found[2].lower())

    def _object_holds(self, connection: sa.engine.Connection, what: Observation) -> bool:
        if what.seen is Seen.FOREIGN_KEY:
            return any(
                table == what.table and ",".join(key.columns) == what.name
                for table, key in self.facts(connection).keys
            )
        if what.seen is Seen.CONSTRAINT:
            query = sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name")
            sql = connection.execute(query, {"name": what.table}).scalar() or ""
            return f'CONSTRAINT "{what.name}"' in sql or f"CONSTRAINT {what.name} " in sql
        name = what.name if what.seen is Seen.INDEX else what.table
        query = sa.text("SELECT count(*) FROM sqlite_master WHERE type = :type AND name = :name")
        kind = _KINDS.get(what.seen, "")
        return bool(connection.execute(query, {"type": kind, "name": name}).scalar())

    def _attempt(self, statement: Statement) -> None:
        with self.engine.connect() as connection, self._transaction(connection) as cursor:
            if statement.edit is None:
                cursor.execute(statement.sql)
            else:
                self._edit(cursor, statement.table, statement.edit)

    @contextmanager
    def _transaction(self, connection: sa.engine.Connection) -> Iterator[Any]:
        """The driver's own connection: it commits DDL by itself otherwise."""
        driver: Any = connection.connection.dbapi_connection
        before, driver.isolation_level = driver.isolation_level, None
        cursor = driver.cursor()
        try:
            cursor.execute(f"PRAGMA busy_timeout = {round(self.budget.wait * 1000)}")
            cursor.execute("BEGIN IMMEDIATE")
            yield cursor
            cursor.execute("COMMIT")
        except connection.dialect.loaded_dbapi.Error as error:
            raise DBAPIError.instance("", None, error, connection.dialect.loaded_dbapi.Error) from error
        finally:
            if driver.in_transaction:
                cursor.execute("ROLLBACK")
            cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
            driver.isolation_level = before

    def execute(self, connection: sa.engine.Connection, statement: Statement) -> None:
        """SQL, or an edit of the stored definition."""
        if statement.edit is None:
            super().execute(connection, statement)
        else:
            driver: Any = connection.connection.dbapi_connection
            self._edit(driver.cursor(), statement.table, statement.edit)

    def _edit(self, cursor: Any, table: str, edit: Edit) -> None:
        """As SQLite's documentation allows it: what is stored for the rows stays as it is."""
        query = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?"
        found = cursor.execute(query, (table,)).fetchone()
        if found is None:
            raise UpgradeError(f"there is no table {table}", hint="look at the declaration")
        quoted = ['"' + name.replace('"', '""') + '"' for name in (table, edit.column)]
        if edit.nullable is False:
            empty = cursor.execute(f"SELECT 1 FROM {quoted[0]} WHERE {quoted[1]} IS NULL LIMIT 1").fetchone()
            if empty:
                raise UpgradeError(
                    f"{table}.{edit.column} can't become NOT NULL: a row has NULL there",
                    hint="verify lists them",
                )
        if edit.default is not None:
            # rows from before ADD COLUMN end early, and would read the new default for what they lack
            cursor.execute(f"UPDATE {quoted[0]} SET {quoted[1]} = NULL WHERE {quoted[1]} IS NULL")
        changed = edit_definition(found[0], edit)
        check_definition(table, changed, edit)
        version = cursor.execute("PRAGMA schema_version").fetchone()[0]
        cursor.execute("PRAGMA writable_schema = ON")
        try:
            update = "UPDATE sqlite_master SET sql = ? WHERE type = 'table' AND name = ?"
            cursor.execute(update, (changed, table))
            cursor.execute(f"PRAGMA schema_version = {version + 1}")
        finally:
            cursor.execute("PRAGMA writable_schema = OFF")

    def settings(self) -> list[str]:
        return [f"PRAGMA busy_timeout = {round(self.budget.wait * 1000)}"]

    def is_busy(self, error: DBAPIError) -> bool:
        return "locked" in str(error.orig)
