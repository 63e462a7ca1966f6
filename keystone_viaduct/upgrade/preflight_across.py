"""What stands in the way of a move between two tables, or of computed columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from .across import pair_columns, tables_of
from .changes import AnyBridge
from .move import OLD, Move
from .rendering import to_sql
from .shape import Column, Table
from .steps import Refusal, Server


def move_problems(connection: Any, server: Server, move: Move) -> Iterator[Refusal]:
    """Whether the child refers to the parent as it is declared, is found by it, and its rows agree."""
    inspector = sa.inspect(connection)
    if not (inspector.has_table(move.parent.name) and inspector.has_table(move.child.name)):
        return  # said by the check of the tables
    yield from _log_problems(connection, server)
    yield from _key_problems(inspector, server, move)
    if not _is_indexed(inspector, move):
        yield Refusal(
            server.engine,
            f"{move.child.name} has no index on {', '.join(move.link)}, so each trigger would read all of it",
            "make one first (PostgreSQL: CREATE INDEX CONCURRENTLY)",
        )
    if move.many and move.child_side == OLD and _is_there(inspector, move):
        example = _disagreeing(connection, move)
        if example is not None:
            yield Refusal(
                server.engine,
                f"rows of {move.child.name} that belong to {example} have different values, and"
                f" {move.parent.name} can hold one only",
                "make them equal first",
            )


def _is_there(inspector: Any, move: Move) -> bool:
    names = {column["name"] for column in inspector.get_columns(move.child.name)}
    return {*move.link, *(column.name for column in (*move.old, *move.child.key))} <= names


def _log_problems(connection: Any, server: Server) -> Iterator[Refusal]:
    """For a log of statements what a trigger reads is locked: two writers would wait for each other."""
    if server.engine not in ("mariadb", "mysql"):
        return
    logged, kind = connection.execute(sa.text("SELECT @@log_bin, @@global.binlog_format")).one()
    if logged and str(kind).upper() != "ROW":
        yield Refusal(
            server.engine,
            f"binlog_format is {kind}, so what a trigger reads is locked, and writers deadlock",
            "SET GLOBAL binlog_format = ROW, and let the services connect anew",
        )


def _key_problems(inspector: Any, server: Server, move: Move) -> Iterator[Refusal]:
    """Without a foreign key both rows might come to be, each unseen by the other's writer."""
    if server.engine == "sqlite":
        return  # one writer at a time, and Keystone has keys switched off there
    columns = list(zip(move.link, (key.name for key in move.parent.key), strict=True))
    for key in inspector.get_foreign_keys(move.child.name):
        pairs = zip(key["constrained_columns"], key["referred_columns"], strict=True)
        if key["referred_table"] == move.parent.name and set(columns) <= set(pairs):
            deletes = str(key.get("options", {}).get("ondelete", "")).upper()
            if move.makes_rows and deletes != "CASCADE":
                yield Refusal(
                    server.engine,
                    f"old code deletes rows of {move.parent.name}, and {key['name']} of {move.child.name}"
                    " would not let it",
                    "give the foreign key ON DELETE CASCADE",
                )
            return
    yield Refusal(
        server.engine,
        f"no foreign key of {move.child.name} ({', '.join(move.link)}) refers to {move.parent.name}: rows of"
        " both could come to be without seeing each other",
        "add it first",
    )


def _is_indexed(inspector: Any, move: Move) -> bool:
    wanted = set(move.link)
    name = move.child.name
    lists = [
        inspector.get_pk_constraint(name)["constrained_columns"],
        *(item["column_names"] for item in inspector.get_indexes(name, include_auto_indexes=True)),
        *(item["column_names"] for item in inspector.get_unique_constraints(name)),
    ]
    return any(set(columns[: len(wanted)]) == wanted for columns in lists)


def _disagreeing(connection: Any, move: Move) -> str | None:
    """A parent whose children's values would not all be what ``up`` makes of one."""
    parent, child = tables_of(move)
    links = [child.c[name] for name in move.link]
    values = [to_sql(value, pair_columns(move, parent, child)) for value in move.pair.total_up()]
    several = sa.or_(*(sa.func.count(sa.distinct(value)) > 1 for value in values))
    found = connection.execute(sa.select(*links).group_by(*links).having(several).limit(1)).first()
    return None if found is None else "/".join(str(part) for part in found)


def old_columns(bridge: AnyBridge) -> list[tuple[Table, tuple[Column, ...]]]:
    """Each table of a bridge, with the old columns that it must have."""
    if isinstance(bridge, Move):
        parent, child = (bridge.on_parent, bridge.on_child)
        old_is_child = bridge.child_side == OLD
        return [
            (bridge.parent, () if old_is_child else parent),
            (bridge.child, child if old_is_child else ()),
        ]
    return [(bridge.table, bridge.old)]
