"""Upgrades in tests: a table in its old shape, and the runner of an upgrade on its database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.clock import SystemClock
from keystone_viaduct.upgrade.backfill import SqlFiller
from keystone_viaduct.upgrade.ddl import Budget, LiveDatabase, dialect_for, open_database
from keystone_viaduct.upgrade.expression import Scalar
from keystone_viaduct.upgrade.journal import SqlJournal
from keystone_viaduct.upgrade.preflight import Preflight
from keystone_viaduct.upgrade.rendering import column_type
from keystone_viaduct.upgrade.repair import Repairer
from keystone_viaduct.upgrade.runner import Hooks, Runner
from keystone_viaduct.upgrade.shape import Bridge, Column
from keystone_viaduct.upgrade.steps import Operation, Upgrade
from keystone_viaduct.upgrade.throttle import Pace
from keystone_viaduct.upgrade.verify import SqlVerifier

QUICK = Budget(wait=0.1, first_pause=0.01, longest_pause=0.05, patience=2.0)
SMALL_BATCHES = Pace(batch=3, largest=5)


@dataclass
class Site:
    """A database with an upgrade on it; ``hooks`` may be replaced before a phase."""

    url: str
    upgrade: Upgrade
    database: LiveDatabase
    journal: SqlJournal
    hooks: Hooks
    pace: Pace = SMALL_BATCHES

    @contextmanager
    def runner(self) -> Iterator[Runner]:
        """A runner that holds the lease."""
        self.journal.prepare()
        self.journal.acquire()
        engine = self.database.engine
        filler = SqlFiller(engine, self.journal, self.pace)
        dialect = dialect_for(self.database.server())
        marks = Repairer(engine, SystemClock(), seconds=2.0, patience=0.5)
        try:
            yield Runner(
                self.upgrade,
                self.database,
                dialect,
                self.journal,
                filler,
                SqlVerifier(engine),
                Preflight(engine),
                marks,
                self.hooks,
            )
        finally:
            marks.close()
            self.journal.release()
            self.database.close()

    def rows(self, table: str) -> dict[str, dict[str, Scalar]]:
        """What the table holds, by ``id``."""
        with self.database.engine.connect() as connection:
            found = connection.execute(sa.text(f"SELECT * FROM {table}")).mappings().all()
        return {row["id"]: dict(row) for row in found}

    def typed_rows(self, bridge: Bridge) -> dict[str, dict[str, Scalar]]:
        """The columns of a bridge that are there, as Python values (SQLite keeps moments as texts)."""
        there = self.columns(bridge.table.name)
        names = [
            sa.column(item.name, column_type(item.type)) for item in bridge.columns if item.name in there
        ]
        query = sa.select(sa.column("id"), *names).select_from(sa.table(bridge.table.name))
        with self.database.engine.connect() as connection:
            return {row["id"]: dict(row) for row in connection.execute(query).mappings()}

    def columns(self, table: str) -> dict[str, dict[str, Any]]:
        """By name, as SQLAlchemy reflects them."""
        inspector = sa.inspect(self.database.engine)
        return {column["name"]: dict(column) for column in inspector.get_columns(table)}

    def run(self, *statements: str) -> None:
        """One transaction."""
        with self.database.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


def site(url: str, *operations: Operation, name: str = "next", budget: Budget = QUICK) -> Site:
    """An upgrade of these operations on the database at a URL."""
    database = open_database(url, budget)
    journal = SqlJournal(database.engine, SystemClock(), seconds=2.0)
    return Site(url, Upgrade(name, operations), database, journal, Hooks())


def make_table(url: str, bridge: Bridge, rows: Sequence[Mapping[str, Scalar]], *further: Column) -> None:
    """The bridge's table in its old shape, with an unbridged ``note``."""
    table = sa.Table(
        bridge.table.name,
        sa.MetaData(),
        *(sa.Column(column.name, column_type(column.type), primary_key=True) for column in bridge.table.key),
        sa.Column("note", sa.String(32)),
        *(_sql_column(column) for column in (*bridge.old, *further)),
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
    )
    database = open_database(url)
    with database.engine.begin() as connection:
        table.create(connection)
        if rows:
            connection.execute(table.insert(), [dict(row) for row in rows])
    database.close()


def _sql_column(column: Column) -> sa.Column[Any]:
    default = None if column.default is None else sa.text(f"'{column.default}'")
    return sa.Column(column.name, column_type(column.type), nullable=column.nullable, server_default=default)


def seeded(bridge: Bridge, values: Mapping[str, Sequence[Scalar]], number: int) -> list[dict[str, Scalar]]:
    """Rows of the old shape that between them have all the values that fit."""
    rows: list[dict[str, Scalar]] = []
    for index in range(number):
        row: dict[str, Scalar] = {"id": f"k{index:04}", "note": None}
        for place, column in enumerate(bridge.old):
            given = [item for item in values[column.name] if item is not None or column.nullable]
            given = [item for item in given if column.type.holds(item)]
            row[column.name] = given[(index * (place + 1) + place) % len(given)]
        rows.append(row)
    return rows


def with_hooks(made: Site, **hooks: Callable[..., None]) -> Site:
    """The same with other hooks."""
    made.hooks = replace(made.hooks, **hooks)
    return made
