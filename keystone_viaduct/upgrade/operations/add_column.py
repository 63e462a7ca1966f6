"""A column that old code does not know: with a default, or without a value in old code's rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

from keystone_viaduct.upgrade import changes as c
from keystone_viaduct.upgrade.expression import Field, IsNull, Not
from keystone_viaduct.upgrade.shape import Column, Table
from keystone_viaduct.upgrade.steps import Check, Refusal, Server, Steps
from keystone_viaduct.upgrade.types import Text


@dataclass(frozen=True)
class AddColumn:
    """``column`` is added to ``table``. It takes NULL until contract, whatever it will do then."""

    table: Table
    column: Column

    @property
    def title(self) -> str:
        """``user: + locale``."""
        return f"{self.table.name}: + {self.column.name}"

    def steps(self, server: Server) -> Steps | Refusal:
        """Refused where old code's rows would break the new column, or where adding it rewrites the table."""
        table, column = self.table, self.column
        if not column.nullable and column.default is None:
            return Refusal(
                server.engine,
                f"old code leaves {column.name} out, and it would take neither NULL nor a default",
                "give it a default, or replace the columns that it is computed from",
            )
        long = isinstance(column.type, Text) and column.type.length is None and column.default is not None
        if long and server.engine in ("mariadb", "mysql"):
            return Refusal(
                server.engine,
                f"a default of the long text {column.name} is an expression: the whole table would be copied",
                "give the text a length, or no default",
            )
        required = () if column.nullable else (column,)
        return Steps(
            expand=(c.AddColumn(table, replace(column, nullable=True)),),
            checks=tuple(Check("missing", table, Not(IsNull(Field(item.name)))) for item in required),
            contract=tuple(c.Require(table, item) for item in required),
            rollback=(c.DropColumn(table, column.name, column.type),),
            appears=((table.name, column.name),),
        )
