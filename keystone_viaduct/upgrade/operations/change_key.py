"""A table gets another primary key: a new column, with a value made up for each row."""

from __future__ import annotations

from dataclasses import dataclass, replace

from keystone_viaduct.upgrade import changes as c
from keystone_viaduct.upgrade.constraints import Index
from keystone_viaduct.upgrade.expression import Uuid
from keystone_viaduct.upgrade.shape import Bridge, Column, Conversion, Table
from keystone_viaduct.upgrade.steps import Check, Refusal, Server, Steps
from keystone_viaduct.upgrade.types import Text

#: MariaDB's first release with RANDOM_BYTES.
_RANDOM = (10, 10)


@dataclass(frozen=True)
class ChangeKey:
    """``column`` becomes the primary key of ``table``; rows of old code get 32 hexadecimal digits at random.

    The columns of the old key stay, and stay unique.
    """

    table: Table
    column: Column

    @property
    def title(self) -> str:
        """``trust: key id -> uuid``."""
        old = ", ".join(column.name for column in self.table.key)
        return f"{self.table.name}: key {old} -> {self.column.name}"

    @property
    def bridge(self) -> Bridge:
        """One way, and once: a key is never computed again."""
        name = self.column.name
        up = (Conversion(name, Uuid()),)
        return Bridge(f"{self.table.name}_{name}".lower(), self.table, (), (self.column,), up, once=True)

    def steps(self, server: Server) -> Steps | Refusal:
        """New code finds rows by the new key from expand on; it is unique from the beginning."""
        table, column, bridge = self.table, replace(self.column, nullable=False), self.bridge
        refusal = self._refusal(server)
        if refusal is not None:
            return refusal
        index = Index(f"{table.name}_{column.name}_key", (column.name,), unique=True)
        before = tuple(item.name for item in table.key)
        kept = Index(f"{table.name}_{'_'.join(before)}_key", before, unique=True)
        return Steps(
            expand=(
                c.AddColumn(table, replace(column, nullable=True)),
                c.Arm(table, bridge),
                c.AddIndex(table, index),
            ),
            bridges=(bridge,),
            checks=(Check.present(table, column),),
            contract=(
                c.Require(table, column),
                c.AddIndex(table, kept),
                c.ReplaceKey(table, index),
                c.Disarm(table, bridge),
            ),
            rollback=(
                c.Disarm(table, bridge),
                c.DropIndex(table, index),
                c.DropColumn(table, column.name),
            ),
        )

    def _refusal(self, server: Server) -> Refusal | None:
        if not isinstance(self.column.type, Text) or (self.column.type.length or 32) < 32:
            return Refusal(
                server.engine, f"{self.column.name} does not hold 32 digits", "make it a Text(32), or longer"
            )
        if server.engine == "mariadb" and server.version < _RANDOM:
            return Refusal(
                server.engine, "MariaDB makes up random values from 10.10 on", "go to a newer MariaDB first"
            )
        for place, key in server.keys:
            if server.engine == "postgresql" and key.refers == self.table.name:
                return Refusal(
                    server.engine,
                    f"{key.name} of {place} refers to {self.table.name} by the old key, and holds it",
                    "let that reference be by the new key first, or drop it",
                )
        return None
