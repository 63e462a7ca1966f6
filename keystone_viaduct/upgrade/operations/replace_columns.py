"""Columns of a table become other columns of it: re-typed, transformed, split or merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keystone_viaduct.upgrade.changes import (
    AddColumn,
    AddForeignKey,
    AddIndex,
    Arm,
    Change,
    Disarm,
    DropColumn,
    DropForeignKey,
    DropIndex,
    Relax,
    Require,
    SetDefault,
)
from keystone_viaduct.upgrade.constraints import Index
from keystone_viaduct.upgrade.shape import Bridge, Column, Conversion, Table
from keystone_viaduct.upgrade.steps import Check, Refusal, Server, Steps

from .following import follow


@dataclass(frozen=True)
class ReplaceColumns:
    """The old columns of a bridge are replaced by its new ones.

    Indexes and foreign keys of columns that only get another name follow by themselves. ``indexes``: further
    ones of the new columns; unique ones are made at contract, for old code may not keep to them. ``drops``:
    the names of those that go with the old columns.
    """

    bridge: Bridge
    indexes: tuple[Index, ...] = ()
    drops: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """``user: enabled -> status``."""
        old, new = (", ".join(item.name for item in side) for side in (self.bridge.old, self.bridge.new))
        return f"{self.bridge.table.name}: {old} -> {new}"

    def steps(self, server: Server) -> Steps | Refusal:
        """The same on all engines; only SQLite has to let the old columns take NULL from the beginning."""
        bridge, table = self.bridge.on(server.engine), self.bridge.table
        strict = [column for column in bridge.old if not column.nullable]
        required = [column for column in bridge.new if not column.nullable]
        if bridge.one_way:
            return Refusal(
                server.engine,
                f"bridge {bridge.name} does not say how the old columns are computed from the new ones",
                "give down, or let the old columns stay: AddComputedColumn",
            )
        names = follow(bridge, server, self.drops)
        early = [*names.indexes, *(item for item in self.indexes if not item.unique)]
        late = [item for item in self.indexes if item.unique]
        relaxed: list[Change] = [Relax(table, column) for column in strict]
        return Steps(
            expand=(
                *(relaxed if server.engine == "sqlite" else ()),
                *(AddColumn(table, column.bridged(), like=_like(bridge, column)) for column in bridge.new),
                Arm(table, bridge),
                *(AddIndex(table, index) for index in early),
                *(AddForeignKey(table, key) for key in names.keys),
            ),
            bridges=(bridge,),
            checks=(
                *(Check.present(table, column) for column in required),
                *(Check(index.name, table, unique=index.columns) for index in late),
            ),
            contract=(
                *(DropForeignKey(table, key) for key in names.old_keys),
                *(DropIndex(table, index) for index in names.old_indexes),
                *(let_go(table, column, bridge.down) for column in strict if server.engine != "sqlite"),
                Disarm(table, bridge),
                *(Require(table, column) for column in required),
                *(
                    SetDefault(table, column, column.default)
                    for column in bridge.new
                    if column.default is not None
                ),
                *(AddIndex(table, index) for index in late),
                *(DropColumn(table, column.name) for column in bridge.old),
            ),
            rollback=(
                Disarm(table, bridge),
                *(DropForeignKey(table, key) for key in names.keys),
                *(DropIndex(table, index) for index in early),
                *(DropColumn(table, column.name, column.type) for column in bridge.new),
                *(Require(table, column) for column in strict if server.engine == "sqlite"),
            ),
        )


def let_go(table: Table, column: Column, down: Sequence[Conversion]) -> Change:
    """New writers leave the old column out; once nothing fills it, the database must.

    Nobody reads it any more, and no index or foreign key has a say in what it is.
    """
    fallback = next(item.fallback for item in down if item.column == column.name)
    values = (fallback, column.default, column.type.some())
    return SetDefault(table, column, next(value for value in values if value is not None))


def _like(bridge: Bridge, column: Column) -> str:
    """The first old column of the same type: a text is compared with it byte by byte."""
    return next((item.name for item in bridge.old if type(item.type) is type(column.type)), "")
