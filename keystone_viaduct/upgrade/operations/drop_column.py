"""A column that new code does not know any more."""

from __future__ import annotations

from dataclasses import dataclass

from keystone_viaduct.upgrade import changes as c
from keystone_viaduct.upgrade.expression import Scalar
from keystone_viaduct.upgrade.shape import Column, Table
from keystone_viaduct.upgrade.steps import Refusal, Server, Steps


@dataclass(frozen=True)
class DropColumn:
    """``column`` goes at contract, with what it holds.

    ``meanwhile``: what rows of new code get there, for old code to read; needed where the column takes no
    NULL and has no default of its own.
    """

    table: Table
    column: Column
    meanwhile: Scalar = None

    @property
    def title(self) -> str:
        """``user: - extra``."""
        return f"{self.table.name}: - {self.column.name}"

    def steps(self, server: Server) -> Steps | Refusal:
        """Refused where new code's rows would break the old column."""
        table, column = self.table, self.column
        if not column.nullable and column.default is None and self.meanwhile is None:
            return Refusal(
                server.engine,
                f"new code leaves {column.name} out, and it takes neither NULL nor has it a default",
                "say what its rows are to have there: meanwhile=…",
            )
        given = self.meanwhile is not None
        return Steps(
            expand=(c.SetDefault(table, column, self.meanwhile),) if given else (),
            contract=(c.DropColumn(table, column.name),),
            rollback=(c.SetDefault(table, column, column.default),) if given else (),
            disappears=((table.name, column.name),),
        )
