"""Columns become others by functions that only Python has: an encryption, a hash, a parser."""

from __future__ import annotations

from dataclasses import dataclass

from keystone_viaduct.upgrade import changes as c
from keystone_viaduct.upgrade.computed import Computed
from keystone_viaduct.upgrade.steps import Check, Refusal, Server, Steps


@dataclass(frozen=True)
class ComputeColumns:
    """The old columns are replaced by new ones. Each side has what the other said within a second."""

    bridge: Computed

    @property
    def title(self) -> str:
        """``credential: blob -> encrypted_blob, key_hash``."""
        old, new = (", ".join(item.name for item in side) for side in (self.bridge.old, self.bridge.new))
        return f"{self.bridge.table.name}: {old} -> {new}"

    def steps(self, server: Server) -> Steps | Refusal:
        """The old columns take NULL from the beginning, on every engine: no trigger can fill them."""
        bridge, table = self.bridge, self.bridge.table
        strict = [column for column in bridge.old if not column.nullable]
        required = [column for column in bridge.new if not column.nullable]
        return Steps(
            expand=(
                *(c.Relax(table, column) for column in strict),
                *(c.AddColumn(table, item.bridged()) for item in bridge.new),
                c.MakeMarks(table),
                c.Arm(table, bridge),
            ),
            bridges=(bridge,),
            checks=tuple(Check.present(table, item) for item in required),
            contract=(
                c.Disarm(table, bridge),
                *(c.Require(table, column) for column in required),
                *(c.DropColumn(table, column.name, column.type) for column in bridge.old),
            ),
            rollback=(
                c.Disarm(table, bridge),
                *(c.DropColumn(table, column.name, column.type) for column in bridge.new),
                *(c.Require(table, column) for column in strict),
            ),
        )
