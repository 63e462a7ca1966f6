"""The same statements on a database: the table, and ones of each shape beside it that nothing was done to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.errors import UpgradeRefused
from keystone_viaduct.triggers import Installer
from keystone_viaduct.upgrade.arming import bridge_specs
from keystone_viaduct.upgrade.changes import Change
from keystone_viaduct.upgrade.ddl import LiveDatabase, dialect_for, open_database
from keystone_viaduct.upgrade.rendering import column_type
from keystone_viaduct.upgrade.shape import PREFIX, Column
from keystone_viaduct.upgrade.steps import Refusal
from keystone_viaduct.upgrade.steps import Statement as DdlStatement
from tests.bridges.declared import Declared
from tests.bridges.shaped import Shaped
from tests.bridges.statements import (
    Copy,
    Delete,
    DeleteParent,
    Insert,
    Shapes,
    Statement,
    Update,
    Values,
    Where,
)


class Subject(ABC):
    """One operation on one engine. ``table`` holds the rows; ``places`` is where each side writes."""

    table: sa.Table
    places: dict[str, sa.Table]

    def __init__(self, connection: sa.Connection, shapes: Shapes) -> None:
        self.connection = connection
        self.engine = connection.dialect.name
        self.shapes = shapes
        self.metadata = sa.MetaData()
        self.parent = sa.Table("parent", self.metadata, sa.Column("id", sa.String(8), primary_key=True))
        #: by side: what the statement would meet without the operation
        self.alone = {side: self._alone(f"alone_{side}", side) for side in ("old", "new", "both")}
        made = self._declare()
        with connection.begin():
            self.metadata.create_all(connection)
            connection.execute(self.parent.insert(), [{"id": "p1"}, {"id": "p2"}])
        made()
        #: What the last statement has left, read in its own transaction.
        self._left: dict[str, Values] | None = None

    @abstractmethod
    def _declare(self) -> Callable[[], object]:
        """Set ``table`` and ``places``; what is to be done once the tables are there."""

    def _alone(self, name: str, side: str) -> sa.Table:
        return self._table(name, self.shapes.columns(side))

    @property
    def modes(self) -> tuple[str, ...]:
        """The kinds of INSERT that the engine has."""
        replace = () if self.engine == "postgresql" else ("replace",)
        nothing = () if self.engine == "mysql" else ("nothing",)
        return ("plain", "plain", "plain", "update", *replace, *nothing)

    def _table(
        self,
        name: str,
        known: Sequence[Column],
        *further: Any,
        metadata: sa.MetaData | None = None,
        loose: bool = False,
    ) -> sa.Table:
        columns: list[Any] = [
            sa.Column("id", sa.String(64), primary_key=True),
            sa.Column("parent_id", sa.ForeignKey(self.parent.c.id, ondelete="CASCADE")),
            sa.Column("note", sa.String(32)),
        ]
        for column in known:
            default = None if column.default is None else sa.text(f"'{column.default}'")
            nullable = column.nullable or loose
            type_ = column_type(column.type)
            columns.append(sa.Column(column.name, type_, nullable=nullable, server_default=default))
        options: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4"}
        return sa.Table(name, self.metadata if metadata is None else metadata, *columns, *further, **options)

    def clear(self) -> None:
        """No rows, and both parents."""
        self._left = None
        with self.connection.begin():
            self.connection.execute(self.table.delete())
            self.connection.execute(self.parent.delete())
            self.connection.execute(self.parent.insert(), [{"id": "p1"}, {"id": "p2"}])

    def rows(self) -> dict[str, Values]:
        """What the table holds."""
        if self._left is not None:
            return self._left
        with self.connection.begin():
            return self._read()

    def forget(self) -> None:
        """Somebody else has written."""
        self._left = None

    def _read(self) -> dict[str, Values]:
        found = self.connection.execute(sa.select(self.table)).mappings().all()
        return {row["id"]: dict(row) for row in found}

    def play(self, side: str, statement: Statement) -> int:
        """On the table as that side sees it; the number of rows that the server says. Raises DBAPIError."""
        self._left = None
        with self.connection.begin():
            count = self._run(statement, self.places[side])
            if isinstance(statement, DeleteParent):
                self.connection.execute(self.parent.insert(), [{"id": statement.parent}])
            found = self._read()
        self._left = found
        return count

    def alone_fails(self, side: str, statement: Statement, rows: Sequence[Values]) -> bool:
        """Whether the statement fails on an unbridged table of its shape with the same rows."""
        return self.alone_does(side, statement, rows) is None

    def alone_does(self, side: str, statement: Statement, rows: Sequence[Values]) -> dict[str, Values] | None:
        """What such a table holds then; None: it fails."""
        table = self.alone[side]
        names = [column.name for column in table.c]
        with self.connection.begin() as transaction:
            try:
                if rows:
                    given = [{name: row[name] for name in names} for row in rows]
                    self.connection.execute(table.insert(), given)
                self._run(statement, table)
                found = self.connection.execute(sa.select(table)).mappings().all()
                return {row["id"]: dict(row) for row in found}
            except sa.exc.DBAPIError:
                return None
            finally:
                transaction.rollback()

    def _run(self, statement: Statement, table: sa.Table) -> int:
        sql = self._sql(statement, table)
        if self.engine != "mysql" or not isinstance(statement, Insert) or statement.mode != "replace":
            return self.connection.execute(sql).rowcount
        compiled = sql.compile(dialect=self.connection.dialect)  # SQLAlchemy has no REPLACE
        values = compiled.construct_params()
        given = tuple(values[name] for name in compiled.positiontup) if compiled.positional else values
        return self.connection.exec_driver_sql(str(compiled).replace("INSERT", "REPLACE", 1), given).rowcount

    def _sql(self, statement: Statement, table: sa.Table) -> Any:
        if isinstance(statement, Insert):
            return self._insert(statement, table)
        if isinstance(statement, DeleteParent):
            return self.parent.delete().where(self.parent.c.id == statement.parent)
        where = _where(statement.where, table)
        if isinstance(statement, Delete):
            return table.delete().where(where)
        if isinstance(statement, Update):
            return table.update().values(statement.values).where(where)
        assert isinstance(statement, Copy)
        return table.update().values({statement.target: table.c[statement.source]}).where(where)

    def _insert(self, statement: Insert, table: sa.Table) -> Any:
        rows = list(statement.rows)
        if self.engine == "mysql":
            from sqlalchemy.dialects.mysql import insert as mysql_insert

            inserted = mysql_insert(table).values(rows)
            if statement.mode == "update":
                return inserted.on_duplicate_key_update(
                    {name: inserted.inserted[name] for name in statement.taken}
                )
            return inserted
        from sqlalchemy.dialects.postgresql import insert as postgresql_insert
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        made: Any = sqlite_insert if self.engine == "sqlite" else postgresql_insert
        inserted = made(table).values(rows)
        if statement.mode == "update":
            taken = {name: inserted.excluded[name] for name in statement.taken}
            return inserted.on_conflict_do_update(index_elements=["id"], set_=taken)
        if statement.mode == "nothing":
            return inserted.on_conflict_do_nothing(index_elements=["id"])
        return inserted.prefix_with("OR REPLACE") if statement.mode == "replace" else inserted


class BridgedSubject(Subject):
    """A table with both sides of a bridge, and its triggers."""

    def __init__(self, connection: sa.Connection, declared: Declared) -> None:
        self.bridge = declared.bridge
        super().__init__(connection, declared)

    def _declare(self) -> Callable[[], object]:
        old, new = self.bridge.old, self.bridge.new
        free = tuple(Column(column.name, column.type) for column in new)
        self.table = self._table(self.bridge.table.name, (*old, *free), loose=self.engine == "sqlite")
        self.places = dict.fromkeys(self.alone, self.table)
        return lambda: Installer(self.connection, PREFIX).install(bridge_specs(self.bridge))


class ShapedSubject(Subject):
    """A table in its old shape that the operation's own statements have given the new one.

    Raises UpgradeRefused where the operation is refused.
    """

    def __init__(self, connection: sa.Connection, shaped: Shaped) -> None:
        self.shaped = shaped
        super().__init__(connection, shaped)

    @property
    def modes(self) -> tuple[str, ...]:
        """Without those of which the outcome depends on the order of the rows."""
        return self.shaped.modes or super().modes

    def _alone(self, name: str, side: str) -> sa.Table:
        further = self.shaped.constraints(self.parent) if side == "new" else ()
        return self._table(name, self.shaped.columns(side), *further)

    def _declare(self) -> Callable[[], object]:
        name = self.shaped.made.table.name
        self._table(name, self.shaped.columns("old"))
        apart = sa.MetaData()
        self.table = self._table(name, self.shaped.columns("both"), metadata=apart)
        self.places = dict.fromkeys(self.alone, self.table)
        if self.shaped.shown_as:
            both = self.shaped.columns("both")
            self.places["new"] = self._table(self.shaped.shown_as, both, metadata=apart)
        return self._operate

    def _operate(self) -> None:
        """As the runner does, all at once."""
        database = open_database(self.connection.engine.url.render_as_string(hide_password=False))
        database.stopping_allowed = True
        try:
            steps = self.shaped.made.steps(database.server())
            if isinstance(steps, Refusal):
                raise UpgradeRefused(steps.reason, hint=steps.way_out)
            for change in (*steps.expand, *steps.contract):
                self._statements(database, change)
            for change in (*steps.expand, *(steps.contract if self.shaped.contracted else ())):
                for statement in self._statements(database, change):
                    database.run(statement)
                database.forget()
        finally:
            database.close()

    def _statements(self, database: LiveDatabase, change: Change) -> Sequence[DdlStatement]:
        found = dialect_for(database.server()).statements(change, database.server())
        if isinstance(found, Refusal):
            raise UpgradeRefused(found.reason, hint=found.way_out)
        return found


def _where(where: Where, table: sa.Table) -> Any:
    if where.column:
        column = table.c[where.column]
        return column.is_(None) if where.null else column.isnot(None)
    return table.c.id.in_(where.keys) if where.keys else sa.true()
