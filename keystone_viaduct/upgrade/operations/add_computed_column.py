"""A column that new code writes, and that is computed for old code's rows from columns that stay."""

from __future__ import annotations

from dataclasses import dataclass

from keystone_viaduct.upgrade import changes as c
from keystone_viaduct.upgrade.expression import Expression, Scalar
from keystone_viaduct.upgrade.shape import Bridge, Column, Conversion, Table
from keystone_viaduct.upgrade.steps import Check, Refusal, Server, Steps


@dataclass(frozen=True)
class AddComputedColumn:
    """``column`` is ``value``, computed from the columns ``reads``, in each row that old code writes.

    What new code gives it stays. It may be declared NOT NULL: from contract on it is.
    """

    table: Table
    column: Column
    value: Expression
    reads: tuple[Column, ...]
    fallback: Scalar = None

    @property
    def title(self) -> str:
        """``user: + name_lower``."""
        return f"{self.table.name}: + {self.column.name}"

    @property
    def bridge(self) -> Bridge:
        """One way, from the columns that it reads."""
        return Bridge(
            name=f"{self.table.name}_{self.column.name}".lower(),
            table=self.table,
            old=self.reads,
            new=(self.column,),
            up=(Conversion(self.column.name, self.value, self.fallback),),
        )

    def steps(self, server: Server) -> Steps | Refusal:
        """Filled as any bridge is; the column stays when its triggers go."""
        bridge, table = self.bridge.on(server.engine), self.table
        column = bridge.new[0]
        present = Check.present(table, column)
        like = next((item.name for item in self.reads if type(item.type) is type(column.type)), "")
        given = column.default is not None
        return Steps(
            expand=(
                c.AddColumn(table, column.bridged(), like=like),
                c.Arm(table, bridge),
            ),
            bridges=(bridge,),
            checks=() if column.nullable else (present,),
            contract=(
                *(() if column.nullable else (c.Require(table, column),)),
                *((c.SetDefault(table, column, column.default),) if given else ()),
                c.Disarm(table, bridge),
            ),
            rollback=(c.Disarm(table, bridge), c.DropColumn(table, column.name, column.type)),
        )
