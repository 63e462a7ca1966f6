"""What stands in the way of a phase, found before anything is changed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from keystone_viaduct.triggers.compiler import target_of

from .arming import bridge_specs
from .changes import AnyBridge
from .charsets import charset_problems
from .constraints import place_of
from .move import NEW, Move
from .preflight_across import move_problems, old_columns
from .shape import PREFIX, Bridge, Column, Table
from .steps import Phase, Refusal, Server

_OWNED = """
SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class c WHERE c.oid = to_regclass(:place)
"""
_DEFINERS = """
SELECT DISTINCT definer FROM information_schema.triggers
WHERE trigger_schema = DATABASE() AND trigger_name LIKE :prefix
"""
#: What a foreign key does to rows without any trigger firing (MariaDB, MySQL).
_SILENT = frozenset({"SET NULL", "SET DEFAULT", "CASCADE"})


class Preflight:
    """Looks at one database. See :class:`keystone_viaduct.upgrade.ports.Preflight`."""

    def __init__(self, engine: sa.engine.Engine) -> None:
        self._engine = engine

    def problems(
        self, phase: Phase, server: Server, bridges: Sequence[AnyBridge], leaving: Collection[str] = ()
    ) -> list[Refusal]:
        """What would make the phase stop halfway, or leave rows that differ; empty when nothing does."""
        with self._engine.connect() as connection:
            found = list(_privileges(connection, server, bridges))
            if phase is Phase.EXPAND:
                found += _tables(connection, server, bridges)
                if server.engine in ("mariadb", "mysql"):
                    compared = [bridge for bridge in bridges if isinstance(bridge, (Bridge, Move))]
                    found += charset_problems(connection, server, compared)
            if phase is Phase.CONTRACT:
                found += _indexes(connection, server, bridges, leaving)
            if server.engine in ("mariadb", "mysql"):
                found += _definers(connection, server)
        return found


def _privileges(connection: Any, server: Server, bridges: Sequence[AnyBridge]) -> Iterator[Refusal]:
    """To make triggers and to alter the tables; dropping a trigger needs the same right."""
    specs = [spec for bridge in bridges for spec in bridge_specs(bridge)]
    for problem in target_of(connection.dialect).problems(connection, specs):
        reason = f"the database user lacks {problem.privilege} on {problem.subject}"
        yield Refusal(server.engine, reason, problem.hint)
    if server.engine == "postgresql":
        for table in sorted({table.name for bridge in bridges for table, _ in old_columns(bridge)}):
            place = f'"{server.schema}"."{table}"'
            if connection.execute(sa.text(_OWNED), {"place": place}).scalar() is False:
                yield Refusal(
                    server.engine,
                    f"the database user does not own {table}, so it may not alter it",
                    f"run the upgrade as its owner, or GRANT that role to {connection.engine.url.username}",
                )


def _tables(connection: Any, server: Server, bridges: Sequence[AnyBridge]) -> Iterator[Refusal]:
    """Whether the tables are as they are declared, and no foreign key changes a bridged column unseen."""
    inspector, coming = sa.inspect(connection), set[tuple[str, str]]()
    for bridge in bridges:
        for table, declared in old_columns(bridge):
            old = tuple(item for item in declared if (table.name, item.name) not in coming)
            if not inspector.has_table(table.name):
                yield Refusal(server.engine, f"there is no table {table.name}", "look at the declaration")
                continue
            yield from _columns(inspector, server, table, old)
            if server.engine in ("mariadb", "mysql"):
                yield from _silent_keys(inspector, server, table, _watched(bridge, table, old))
        if isinstance(bridge, Move):
            yield from move_problems(connection, server, bridge)
        coming.update(bridge.places(NEW))  # what an operation adds the next ones may read


def _columns(inspector: Any, server: Server, table: Table, old: tuple[Column, ...]) -> Iterator[Refusal]:
    """Whether they are there, and take NULL as it is said."""
    name = table.name
    present = {column["name"]: bool(column["nullable"]) for column in inspector.get_columns(name)}
    for column in (*table.key, *old):
        if column.name not in present:
            yield Refusal(server.engine, f"{name} has no column {column.name}", "look at the declaration")
    for column in old:
        if present.get(column.name, column.nullable) is not column.nullable:
            said = "takes NULL" if present[column.name] else "takes no NULL"
            reason = f"{name}.{column.name} {said}, and is declared otherwise"
            yield Refusal(server.engine, reason, f"declare nullable={present[column.name]}")


def _watched(bridge: AnyBridge, table: Table, old: tuple[Column, ...]) -> set[str]:
    """The columns whose change must fire a trigger: those of the old side, and what links two tables."""
    links = bridge.link if isinstance(bridge, Move) and table == bridge.child else ()
    return {*(column.name for column in old), *links}


def _silent_keys(inspector: Any, server: Server, table: Table, watched: set[str]) -> Iterator[Refusal]:
    """A cascade fires no trigger there: the new columns would not follow."""
    for key in inspector.get_foreign_keys(table.name):
        options = {name: str(value).upper() for name, value in key.get("options", {}).items()}
        silent = options.get("onupdate") in _SILENT or options.get("ondelete") in _SILENT - {"CASCADE"}
        if silent and watched & set(key["constrained_columns"]):
            yield Refusal(
                server.engine,
                f"foreign key {key['name']} changes {table.name}.{key['constrained_columns'][0]} by a"
                " cascade, which fires no trigger there",
                "give the column a key without SET NULL and ON UPDATE CASCADE first",
            )


def _indexes(
    connection: Any, server: Server, bridges: Sequence[AnyBridge], leaving: Collection[str]
) -> Iterator[Refusal]:
    """Indexes and keys of a column that is to go: engines refuse to drop it, or drop them unasked."""
    inspector = sa.inspect(connection)
    chosen = (item for item in bridges if item.places("old"))
    for place, columns_ in (pair for bridge in chosen for pair in old_columns(bridge) if pair[1]):
        old, table = {column.name for column in columns_}, place.name
        named = [
            *((item["name"], item["column_names"]) for item in inspector.get_indexes(table)),
            *((item["name"], item["column_names"]) for item in inspector.get_unique_constraints(table)),
        ]
        found = {str(name) for name, columns in named if old & set(columns)}
        for key in inspector.get_foreign_keys(table):
            if old & set(key["constrained_columns"]):
                found.add(place_of(key["constrained_columns"]))
        for name in sorted(found - set(leaving)):
            yield Refusal(
                server.engine,
                f"{name} of {table} still names a column that is to go",
                "make the same for the new columns, then drop it",
            )


def _definers(connection: Any, server: Server) -> Iterator[Refusal]:
    """A trigger whose definer is gone makes every write of its table fail."""
    for (definer,) in connection.execute(
        sa.text(_DEFINERS), {"prefix": PREFIX.replace("_", r"\_") + "%"}
    ).all():
        user, _, host = definer.rpartition("@")
        query = sa.text("SELECT COUNT(*) FROM mysql.user WHERE user = :user AND host = :host")
        try:
            known = connection.execute(query, {"user": user, "host": host}).scalar()
        except DBAPIError:
            known = definer == connection.execute(sa.text("SELECT CURRENT_USER()")).scalar()
            if not known:  # it may be there all the same: we are not allowed to look
                continue
        if not known:
            reason = f"the account {definer}, in whose name triggers of ours run, is gone: writes fail"
            yield Refusal(server.engine, reason, f"CREATE USER {definer}, or drop the triggers")
