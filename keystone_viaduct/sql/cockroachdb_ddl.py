"""Alembic's operations on CockroachDB, for Keystone's migrations and for ours.

PostgreSQL's implementation with what CockroachDB does otherwise (docs/explanation/cockroachdb.md has the
sources). It takes the place of the one that the dialect's package registers, which differs from PostgreSQL's
by nothing but its name, if it is imported after that:

- a schema change is atomic only when it is alone in its transaction, so each statement gets one of its own
  (:func:`commit_around_ddl`; Keystone's migrations run in a single transaction) and is repeated when it was
  refused with 40001;
- what was done therefore stays done when a later statement fails, so an operation whose result is there
  already is left out, and an interrupted ``db_sync`` is simply run again;
- a unique constraint is dropped with its index (``ALTER TABLE … DROP CONSTRAINT`` is unimplemented for it).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic.ddl.postgresql import PostgresqlImpl
from sqlalchemy import event, schema
from sqlalchemy.ext.compiler import compiles

from keystone_viaduct.drivers import faults
from keystone_viaduct.drivers.backoff import Backoff
from keystone_viaduct.errors import StoreError

LOG = logging.getLogger(__name__)

_DDL = re.compile(r"\s*(CREATE|ALTER|DROP|TRUNCATE|COMMENT)\b", re.IGNORECASE)
_DUPLICATE = "23505"


class DropUnique(schema.DropConstraint):
    """``DROP INDEX table@constraint CASCADE``: the only way to drop a unique constraint."""


@compiles(DropUnique, "cockroachdb")
def _drop_unique(element: DropUnique, compiler: Any, **_: Any) -> str:
    constraint: Any = element.element
    table = compiler.preparer.format_table(constraint.table)
    return f"DROP INDEX IF EXISTS {table}@{compiler.preparer.quote(constraint.name)} CASCADE"


class CockroachDBImpl(PostgresqlImpl):
    """Registers itself with Alembic under the dialect's name."""

    __dialect__ = "cockroachdb"
    transactional_ddl = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.connection is not None:
            commit_around_ddl(self.connection)

    def _exec(self, construct: Any, *args: Any, **kwargs: Any) -> Any:
        """Every operation comes here; each is a transaction of its own, so each can be repeated alone."""
        if self.as_sql or self.connection is None:
            return super()._exec(construct, *args, **kwargs)
        waits = Backoff().begin()
        while True:
            try:
                result = super()._exec(construct, *args, **kwargs)
                _driver(self.connection).commit()
                return result
            except Exception as error:
                _driver(self.connection).rollback()
                if isinstance(construct, sa.sql.dml.Insert) and _sqlstate(error) == _DUPLICATE:
                    LOG.info("%s: the row is there already", construct.table)
                    return None
                if faults.classify(error) is not faults.Fault.CONFLICT or waits.wait() is None:
                    raise

    def create_table(self, table: Any, **kwargs: Any) -> None:
        """Create it with its types and indexes, or see to it that the one that is there is of that shape."""
        if self._missing(table.name, lambda inspector: inspector.has_table(table.name)):
            self._create_types(table)
            self._exec(schema.CreateTable(table, **kwargs))
        else:
            self._check_shape(table)
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            self.create_index(index)

    def create_index(self, index: Any, **_: Any) -> None:
        """Create it unless there is one of that name on the table (names of indexes are the table's own)."""
        self._exec(schema.CreateIndex(index, if_not_exists=True))

    def add_column(self, table_name: str, column: Any, **kwargs: Any) -> None:
        """Add it unless it is there."""
        if self._missing(column.name, lambda inspector: column.name in _columns(inspector, table_name)):
            super().add_column(table_name, column, **kwargs)

    def drop_column(self, table_name: str, column: Any, **kwargs: Any) -> None:
        """Drop it unless it is gone."""
        if not self._missing(column.name, lambda inspector: column.name in _columns(inspector, table_name)):
            super().drop_column(table_name, column, **kwargs)

    def add_constraint(self, const: Any, **kwargs: Any) -> None:
        """Add it unless there is one of that name."""
        if self._missing(const.name, lambda inspector: const.name in _constraints(inspector, const.table)):
            super().add_constraint(const, **kwargs)

    def drop_constraint(self, const: Any, **kwargs: Any) -> None:
        """Drop it; a unique one with its index."""
        if isinstance(const, sa.UniqueConstraint):
            self._exec(DropUnique(const))
        elif not self._missing(
            const.name, lambda inspector: const.name in _constraints(inspector, const.table)
        ):
            super().drop_constraint(const, **kwargs)

    def drop_table(self, table: Any, **_: Any) -> None:
        """Drop it unless it is gone."""
        if not self._missing(table.name, lambda inspector: inspector.has_table(table.name)):
            self._exec(schema.DropTable(table))

    def _missing(self, name: Any, present: Callable[[Any], bool]) -> bool:
        if self.as_sql or self.connection is None or not present(sa.inspect(self.connection)):
            return True
        LOG.info("%s is there already", name)
        return False

    def _create_types(self, table: Any) -> None:
        """The enumerations of its columns; those that are there are left alone."""
        for column in table.columns:
            kind = column.type.dialect_impl(self.dialect)
            if isinstance(kind, sa.Enum) and self.dialect.supports_native_enum:
                values = ", ".join("'" + str(value).replace("'", "''") + "'" for value in kind.enums)
                name = self.dialect.identifier_preparer.quote(str(kind.name))
                self._exec(sa.text(f"CREATE TYPE IF NOT EXISTS {name} AS ENUM ({values})"))

    def _check_shape(self, table: Any) -> None:
        found = _columns(sa.inspect(self.connection), table.name)
        wanted = {column.name for column in table.columns}
        if not wanted <= found:
            raise StoreError(
                f"there is a table {table.name} already, without {', '.join(sorted(wanted - found))}",
                hint="use a database of Keystone's own, or remove that table",
            )


def commit_around_ddl(target: sa.engine.Connection | sa.engine.Engine) -> None:
    """From now on, run every schema change of a connection or an engine in a transaction of its own.

    What CockroachDB itself does from 25.1 on (``autocommit_before_ddl``), in all its versions and also after
    the statement. Doing it twice is harmless.
    """
    if not event.contains(target, "before_cursor_execute", _commit):
        event.listen(target, "before_cursor_execute", _commit)
        event.listen(target, "after_cursor_execute", _commit)


def _commit(connection: sa.engine.Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
    if _DDL.match(statement):
        _driver(connection).commit()


def _driver(connection: Any) -> Any:
    """The driver's own connection: SQLAlchemy's notion of a transaction spans all of them."""
    return connection.connection


def _columns(inspector: Any, table: str) -> set[str]:
    return {column["name"] for column in inspector.get_columns(table)}


def _constraints(inspector: Any, table: Any) -> set[str]:
    found = [*inspector.get_unique_constraints(table.name), *inspector.get_foreign_keys(table.name)]
    found += [*inspector.get_check_constraints(table.name), inspector.get_pk_constraint(table.name)]
    return {str(constraint.get("name")) for constraint in found}


def _sqlstate(error: BaseException) -> str | None:
    states = (
        getattr(link, "pgcode", None) or getattr(link, "sqlstate", None) for link in faults.causes(error)
    )
    return next((state for state in states if isinstance(state, str)), None)
