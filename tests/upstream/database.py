"""The database of upstream's tests: its schema is made once per process, only touched tables are emptied."""

from __future__ import annotations

import re
from typing import Any

import fixtures
import sqlalchemy as sa
from oslo_db.sqlalchemy import enginefacade

from keystone_viaduct import sql as viaduct_sql
from keystone_viaduct.config import SqlSettings

_WRITE = re.compile(r"\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+[\"`]?(\w+)", re.IGNORECASE)
_WITHOUT_FOREIGN_KEYS = {
    "sqlite": (("PRAGMA foreign_keys = OFF",), ("PRAGMA foreign_keys = ON",)),
    "mysql": (("SET foreign_key_checks = 0",), ("SET foreign_key_checks = 1",)),
}


class Schema:
    """One process's database, with upstream's tables in it."""

    def __init__(self, url: str, settings: SqlSettings, wrapped: bool) -> None:
        from keystone.common import sql

        self.touched: set[str] = set()
        self.depth = 0
        self.manager = enginefacade.transaction_context()
        # a database in memory would not outlive its connection; there are no greenlets to give way to
        self.manager.configure(
            connection=url, sqlite_fk=True, connection_recycle_time=-1, thread_checkin=False
        )
        if wrapped:
            self.manager.append_on_engine_create(lambda engine: viaduct_sql.attach(engine, settings))
        self.engine = self.manager.writer.get_engine()
        with self.engine.connect() as connection:
            if self.engine.dialect.name == "cockroachdb":  # one schema change in one transaction
                connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            sql.ModelBase.metadata.create_all(bind=connection)
            if connection.in_transaction():
                connection.commit()
        sa.event.listen(self.engine, "before_cursor_execute", self._executed)

    def _executed(self, _connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        match = _WRITE.match(statement)
        if match:
            self.touched.add(match[1].lower())

    def empty(self) -> None:
        """Empty the tables that were written to since the last time."""
        from keystone.common import sql

        tables = [table for table in sql.ModelBase.metadata.sorted_tables if table.name in self.touched]
        off, on = _WITHOUT_FOREIGN_KEYS.get(self.engine.dialect.name, ((), ()))
        quote = self.engine.dialect.identifier_preparer.format_table
        raw = self.engine.raw_connection()
        try:
            cursor = raw.cursor()
            for statement in (*off, *(f"DELETE FROM {quote(table)}" for table in reversed(tables)), *on):
                cursor.execute(statement)
            raw.commit()
        finally:
            raw.close()
        self.touched.clear()


_schemas: list[Schema] = []


def fixture(url: str, settings: SqlSettings, wrapped: bool) -> type[Any]:
    """The class to put in the place of ``keystone.tests.unit.ksfixtures.database.Database``."""
    from keystone.common.sql import core
    from keystone.tests.unit.ksfixtures import database

    class Database(fixtures.Fixture):
        """Stands in for upstream's fixture; used twice within a test, the inner one does nothing."""

        def _setUp(self) -> None:
            database._load_sqlalchemy_models()
            if not _schemas:
                _schemas.append(Schema(url, settings, wrapped))
            self.schema = _schemas[0]
            self.engine = self.schema.engine
            core._main_context_manager = self.schema.manager
            self.schema.depth += 1
            self.addCleanup(self._leave)

        def _leave(self) -> None:
            self.schema.depth -= 1
            if self.schema.depth == 0:
                core.cleanup()
                self.schema.empty()

        def recreate(self) -> None:
            """Upstream makes the tables again where a test dropped them; here they stay."""

    return Database
