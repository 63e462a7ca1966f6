"""A table gets another name."""

from __future__ import annotations

from dataclasses import dataclass

from keystone_viaduct.upgrade import changes as c
from keystone_viaduct.upgrade.shape import Table
from keystone_viaduct.upgrade.steps import Refusal, Server, Steps


@dataclass(frozen=True)
class RenameTable:
    """``table`` is to be called ``new_name``; until contract that is a view of it.

    ``columns``: those that the view shows, all without any. Where columns of the table are replaced in the
    same upgrade, name those of the new shape, and let this operation be the last one of the table.
    """

    table: Table
    new_name: str
    columns: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """``consistency_groups -> share_groups``."""
        return f"{self.table.name} -> {self.new_name}"

    def steps(self, server: Server) -> Steps | Refusal:
        """The view is under the new name: what old code uses stays a table, and the swap leaves no gap."""
        return Steps(
            expand=(c.ShowAs(self.table, self.new_name, self.columns),),
            contract=(c.TakeName(self.table, self.new_name),),
            rollback=(c.DropView(self.table, self.new_name),),
        )
