"""Indexes and foreign keys of columns that get another name, and what they are called afterwards."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from keystone_viaduct.upgrade.constraints import ForeignKey, Index
from keystone_viaduct.upgrade.expression import Field
from keystone_viaduct.upgrade.shape import Bridge
from keystone_viaduct.upgrade.steps import Server

_LONGEST = 60
_Followed = TypeVar("_Followed", Index, ForeignKey)


@dataclass(frozen=True)
class Following:
    """Those of the new columns, and those of the old ones that go."""

    indexes: tuple[Index, ...]
    keys: tuple[ForeignKey, ...]
    old_indexes: tuple[Index, ...]
    old_keys: tuple[ForeignKey, ...]


def follow(bridge: Bridge, server: Server, drops: Collection[str] = ()) -> Following:
    """By the catalogue; what is in ``drops`` goes and is not followed."""
    table, names = bridge.table.name, _other_names(bridge)
    old = {column.name for column in bridge.old}
    indexes = [item for place, item in server.indexes if place == table and old & set(item.columns)]
    keys = [item for place, item in server.keys if place == table and old & set(item.columns)]

    def followed(columns: tuple[str, ...], name: str) -> bool:
        return name not in drops and old & set(columns) <= names.keys()

    new_indexes = [item for item in indexes if followed(item.columns, item.name)]
    new_keys = [item for item in keys if followed(item.columns, item.name)]

    def other(item: _Followed) -> _Followed:
        name = _named(table, item.name, item.columns, names)
        return replace(item, name=name, columns=_other(item.columns, names))

    return Following(
        tuple(map(other, new_indexes)),
        tuple(map(other, new_keys)),
        tuple(item for item in indexes if item in new_indexes or item.name in drops),
        tuple(item for item in keys if item in new_keys or item.name in drops),
    )


def _other_names(bridge: Bridge) -> dict[str, str]:
    """For each old column the new one that is nothing but it."""
    new = {column.name: column for column in bridge.new}
    back = {item.column: item.value for item in bridge.down}
    return {
        item.value.name: item.column
        for item in bridge.up
        if isinstance(item.value, Field) and back.get(item.value.name) == Field(new[item.column].name)
    }


def _other(columns: tuple[str, ...], names: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(names.get(name, name) for name in columns)


def _named(table: str, name: str, columns: tuple[str, ...], names: Mapping[str, str]) -> str:
    """The old name with the new columns in it, as far as it has the old ones."""
    made = name if name and not name.startswith("sqlite_autoindex_") else f"{table}_{'_'.join(columns)}_key"
    for old, new in names.items():
        if old in columns and old in made:
            made = made.replace(old, new)
    return (made if made != name else f"{name}_{'_'.join(_other(columns, names))}")[:_LONGEST]
