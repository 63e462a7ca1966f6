"""Moves in tests: two linked tables in a shape, with rows, and what they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.upgrade.ddl import open_database
from keystone_viaduct.upgrade.expression import Scalar
from keystone_viaduct.upgrade.move import NEW, OLD, Move
from keystone_viaduct.upgrade.rendering import column_type
from keystone_viaduct.upgrade.shape import Column

Values = dict[str, Scalar]


@dataclass(frozen=True)
class Tables:
    """A parent and its child."""

    parent: sa.Table
    child: sa.Table

    def of(self, name: str) -> sa.Table:
        """``parent`` or ``child``."""
        return self.parent if name == "parent" else self.child


def tables(
    move: Move,
    metadata: sa.MetaData,
    sides: Sequence[str],
    *,
    suffix: str = "",
    loose: bool = False,
    bridged: bool = False,
) -> Tables:
    """Both tables with the columns of these sides and an unmoved ``note``.

    ``bridged``: the new ones take NULL, as while they are bridged; ``loose``: so do the old ones.
    """
    options: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4"}

    def columns(side: str, given: Sequence[Column]) -> list[sa.Column[Any]]:
        if side not in sides:
            return []
        free = loose or (bridged and side == NEW)
        return [
            sa.Column(item.name, column_type(item.type), nullable=item.nullable or free) for item in given
        ]

    parent = sa.Table(
        move.parent.name + suffix,
        metadata,
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("note", sa.String(32)),
        *columns(move.parent_side, move.on_parent),
        **options,
    )
    link: sa.Column[Any] = sa.Column(
        "place_id",
        sa.ForeignKey(f"{parent.name}.id", ondelete="CASCADE"),
        primary_key=move.makes_rows,
        unique=not move.many and not move.makes_rows,
        index=move.many,
    )
    key = [] if move.makes_rows else [sa.Column("id", sa.String(64), primary_key=True)]
    child = sa.Table(
        move.child.name + suffix,
        metadata,
        *key,
        link,
        sa.Column("note", sa.String(32)),
        *columns(move.child_side, move.on_child),
        **options,
    )
    return Tables(parent, child)


def make_old(url: str, move: Move, values: Sequence[Values], *, each: int = 1) -> Tables:
    """The old shape, with a parent for each of the values and so many children under it."""
    made = tables(move, sa.MetaData(), (OLD,))
    database = open_database(url)
    given = {name: [row[name] for row in values] for row in values[:1] for name in row}
    with database.engine.begin() as connection:
        made.parent.metadata.create_all(connection)
        for number in range(len(values)):
            row = {name: items[number] for name, items in given.items()}
            above = row if move.parent_side == OLD else {}
            connection.execute(made.parent.insert().values(id=f"p{number}", **above))
            for child in range(0 if move.makes_rows else each):
                below = row if move.child_side == OLD else {}
                key = f"c{number}x{child}"
                connection.execute(made.child.insert().values(id=key, place_id=f"p{number}", **below))
    database.close()
    return made


def pairs(connection: sa.Connection, made: Tables, move: Move) -> list[Values]:
    """Each parent with each of its children (or without one), as rows of the pair, with their keys."""
    shown = tables(move, sa.MetaData(), (OLD, NEW))
    there = {
        name: {column["name"] for column in sa.inspect(connection).get_columns(name)}
        for name in (made.parent.name, made.child.name)
    }
    columns = [
        column.label(f"{side}.{column.name}")
        for table, side in ((shown.parent, move.parent_side), (shown.child, move.child_side))
        for column in table.c
        if column.name in there[table.name] and column.name not in ("id", "note", "place_id")
    ]
    joined = shown.parent.outerjoin(shown.child, shown.child.c.place_id == shown.parent.c.id)
    query = sa.select(shown.parent.c.id, *columns).select_from(joined)
    return [dict(row) for row in connection.execute(query).mappings()]
