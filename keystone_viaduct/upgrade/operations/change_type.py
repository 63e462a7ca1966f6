"""A column gets a wider type under its own name, where that is a matter of a moment."""

from __future__ import annotations

from dataclasses import dataclass

from keystone_viaduct.upgrade import changes as c
from keystone_viaduct.upgrade.shape import Column, Table
from keystone_viaduct.upgrade.steps import Refusal, Server, Steps
from keystone_viaduct.upgrade.types import Type


@dataclass(frozen=True)
class ChangeType:
    """``column`` of ``table`` becomes ``to``, from expand on."""

    table: Table
    column: Column
    to: Type

    @property
    def title(self) -> str:
        """``user: name: Text(length=64) -> Text(length=255)``."""
        return f"{self.table.name}: {self.column.name}: {self.column.type} -> {self.to}"

    def steps(self, server: Server) -> Steps | Refusal:
        """A rollback leaves the wider type: it harms no old code, and narrowing it would stop writers."""
        if not self.to.takes(self.column.type):
            return Refusal(
                server.engine,
                f"{self.to} does not hold all that {self.table.name}.{self.column.name} may hold",
                "give the column a new name and say what becomes of its values: ReplaceColumns",
            )
        return Steps(expand=(c.Widen(self.table, self.column, self.to),))
