"""A column gets another name; its values stay as they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

from keystone_viaduct.upgrade.expression import Field
from keystone_viaduct.upgrade.operations.replace_columns import ReplaceColumns
from keystone_viaduct.upgrade.shape import Bridge, Column, Conversion, Table
from keystone_viaduct.upgrade.steps import Refusal, Server, Steps


@dataclass(frozen=True)
class RenameColumn:
    """``column`` of ``table`` is to be called ``new_name``."""

    table: Table
    column: Column
    new_name: str

    @property
    def title(self) -> str:
        """``user: name -> login``."""
        return f"{self.table.name}: {self.column.name} -> {self.new_name}"

    @property
    def bridge(self) -> Bridge:
        """The two names hold the same."""
        return Bridge(
            name=f"{self.table.name}_{self.new_name}".lower(),
            table=self.table,
            old=(self.column,),
            new=(replace(self.column, name=self.new_name),),
            up=(Conversion(self.new_name, Field(self.column.name)),),
            down=(Conversion(self.column.name, Field(self.new_name)),),
        )

    def steps(self, server: Server) -> Steps | Refusal:
        """Those of a bridge between the two names."""
        return ReplaceColumns(self.bridge).steps(server)
