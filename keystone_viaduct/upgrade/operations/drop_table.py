"""A table that new code does not know any more."""

from __future__ import annotations

from dataclasses import dataclass

from keystone_viaduct.upgrade import changes as c
from keystone_viaduct.upgrade.shape import Table
from keystone_viaduct.upgrade.steps import Refusal, Server, Steps


@dataclass(frozen=True)
class DropTable:
    """``table`` goes at contract, with what it holds."""

    table: Table

    @property
    def title(self) -> str:
        """``- token``."""
        return f"- {self.table.name}"

    def steps(self, server: Server) -> Steps | Refusal:
        """Refused where new code, which does not know the table, could not delete what its rows refer to."""
        for table, key in server.keys:
            if table == self.table.name and key.on_delete not in ("CASCADE", "SET NULL"):
                return Refusal(
                    server.engine,
                    f"{table} refers to {key.refers}: new code could not delete what is referred to there",
                    f"give {key.name or 'the foreign key'} ON DELETE CASCADE first, or drop it",
                )
            if key.refers == self.table.name and table != self.table.name:
                return Refusal(
                    server.engine,
                    f"{table} refers to {key.refers} by {key.name or 'a foreign key'}",
                    "drop that foreign key first",
                )
        return Steps(expand=(), contract=(c.DropTable(self.table),))
