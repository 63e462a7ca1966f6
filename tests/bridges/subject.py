"""The same statements on a database: the bridged table, and unbridged ones of each shape beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.triggers import Installer
from keystone_viaduct.upgrade.arming import bridge_specs
from keystone_viaduct.upgrade.rendering import column_type
from keystone_viaduct.upgrade.shape import PREFIX, Bridge, Column
from tests.bridges.statements import Copy, Delete, DeleteParent, Insert, Statement, Update, Values, Where


class Subject:
    """One bridge on one engine."""

    def __init__(self, connection: sa.Connection, bridge: Bridge) -> None:
        self.connection = connection
        self.engine = connection.dialect.name
        self.bridge = bridge
        metadata = sa.MetaData()
        self.parent = sa.Table("parent", metadata, sa.Column("id", sa.String(8), primary_key=True))
        loose = self.engine == "sqlite"
        old, new = bridge.old, bridge.new
        free = tuple(Column(column.name, column.type) for column in new)
        self.table = self._table(metadata, bridge.table.name, old, free, loose=loose)
        #: by side: what the statement would meet without a bridge
        self.alone = {
            "old": self._table(metadata, "alone_old", old, ()),
            "new": self._table(metadata, "alone_new", (), new),
            "both": self._table(metadata, "alone_both", old, new),
        }
        with connection.begin():
            metadata.create_all(connection)
            connection.execute(self.parent.insert(), [{"id": "p1"}, {"id": "p2"}])
        Installer(connection, PREFIX).install(bridge_specs(bridge))

    @property
    def modes(self) -> tuple[str, ...]:
        """The kinds of INSERT that the engine has."""
        replace = () if self.engine == "postgresql" else ("replace",)
        nothing = () if self.engine == "mysql" else ("nothing",)
        return ("plain", "plain", "plain", "update", *replace, *nothing)

    def _table(
        self,
        metadata: sa.MetaData,
        name: str,
        old: Sequence[Column],
        new: Sequence[Column],
        *,
        loose: bool = False,
    ) -> sa.Table:
        columns: list[Any] = [
            sa.Column("id", sa.String(64), primary_key=True),
            sa.Column("parent_id", sa.ForeignKey("parent.id", ondelete="CASCADE")),
            sa.Column("note", sa.String(32)),
        ]
        for column in (*old, *new):
            default = None if column.default is None else sa.text(f"'{column.default}'")
            nullable = column.nullable or loose
            type_ = column_type(column.type)
            columns.append(sa.Column(column.name, type_, nullable=nullable, server_default=default))
        options: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4"}
        return sa.Table(name, metadata, *columns, **options)

    def clear(self) -> None:
        """No rows, and both parents."""
        with self.connection.begin():
            self.connection.execute(self.table.delete())
            self.connection.execute(self.parent.delete())
            self.connection.execute(self.parent.insert(), [{"id": "p1"}, {"id": "p2"}])

    def rows(self) -> dict[str, Values]:
        """What the table holds."""
        with self.connection.begin():
            found = self.connection.execute(sa.select(self.table)).mappings().all()
        return {row["id"]: dict(row) for row in found}

    def play(self, statement: Statement) -> int:
        """On the bridged table; the number of rows that the server says. Raises DBAPIError."""
        with self.connection.begin():
            count = self._run(statement, self.table)
            if isinstance(statement, DeleteParent):
                self.connection.execute(self.parent.insert(), [{"id": statement.parent}])
        return count

    def alone_fails(self, side: str, statement: Statement, rows: Sequence[Values]) -> bool:
        """Whether the statement fails on an unbridged table of its shape with the same rows."""
        table = self.alone[side]
        names = [column.name for column in table.c]
        with self.connection.begin() as transaction:
            try:
                if rows:
                    given = [{name: row[name] for name in names} for row in rows]
                    self.connection.execute(table.insert(), given)
                self._run(statement, table)
            except sa.exc.DBAPIError:
                return True
            finally:
                transaction.rollback()
        return False

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


def _where(where: Where, table: sa.Table) -> Any:
    if where.column:
        column = table.c[where.column]
        return column.is_(None) if where.null else column.isnot(None)
    return table.c.id.in_(where.keys) if where.keys else sa.true()
