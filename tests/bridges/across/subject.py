"""A move on one engine: both tables bridged, and the same two without, in each shape."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.upgrade import changes as c
from keystone_viaduct.upgrade.ddl import dialect_for, open_database
from keystone_viaduct.upgrade.expression import Scalar
from keystone_viaduct.upgrade.marks import MARKS
from keystone_viaduct.upgrade.move import NEW, OLD, Move
from keystone_viaduct.upgrade.repair import settle_now
from keystone_viaduct.upgrade.steps import Refusal
from tests.bridges.across.statements import Act
from tests.support.moves import Tables, tables

Values = dict[str, Scalar]
Rows = dict[str, Values]


@dataclass
class Told:
    """What both tables hold, by key; ``rewritten``: the children that an act gives values of their own."""

    parents: Rows
    children: Rows
    rewritten: frozenset[str] = frozenset()


class Subject:
    """The bridged tables, and those of the shapes ``old``, ``new`` and ``both``."""

    def __init__(self, url: str, connection: sa.Connection, move: Move) -> None:
        self.connection = connection
        self.engine = "mariadb" if _is_mariadb(connection) else connection.dialect.name
        self.move = move
        metadata = sa.MetaData()
        loose = self.engine == "sqlite"
        self.bridged = tables(move, metadata, (OLD, NEW), loose=loose, bridged=True)
        self.alone = {
            OLD: tables(move, metadata, (OLD,), suffix="_o"),
            NEW: tables(move, metadata, (NEW,), suffix="_n"),
            "both": tables(move, metadata, (OLD, NEW), suffix="_b"),
        }
        with connection.begin():
            metadata.create_all(connection)
        self._arm(url)
        #: What the last act has left, read in its own transaction, if nothing is to be settled.
        self._left: Told | None = None

    def _arm(self, url: str) -> None:
        database = open_database(url)
        dialect = dialect_for(database.server())
        table = self.move.parent
        for change in (c.MakeMarks(table), c.Arm(table, self.move)):
            statements = dialect.statements(change, database.server())
            assert not isinstance(statements, Refusal)
            for statement in statements:
                database.run(statement)
        database.close()

    def begin(self, *, keys: bool) -> None:
        """No rows. ``keys``: whether SQLite checks foreign keys."""
        self._left = None
        if self.engine == "sqlite":
            self.connection.exec_driver_sql(f"PRAGMA foreign_keys = {'ON' if keys else 'OFF'}")
            self.connection.commit()
        with self.connection.begin():
            for table in (self.bridged.child, self.bridged.parent):
                self.connection.execute(table.delete())
        self.settle()

    def told(self) -> Told:
        """What the bridged tables hold."""
        if self._left is not None:
            return self._left
        with self.connection.begin():
            return self._told(self.bridged)

    def _told(self, tables: Tables) -> Told:
        both, told = (tables.parent, tables.child), Told({}, {})
        places = ((told.parents, 0, len(both[0].c)), (told.children, len(both[0].c), None))
        for number, *values in self.connection.execute(_both(tables)):
            rows, begin, end = places[number]
            row = dict(zip(both[number].c.keys(), values[begin:end], strict=True))
            (key,) = both[number].primary_key
            rows[str(row[key.name])] = row
        return told

    def play(self, act: Act) -> None:
        """On the bridged tables. Raises DBAPIError."""
        self._left = None
        with self.connection.begin():
            for statement in act.statements(self.bridged, self.engine):
                statement(self.connection)
            found = self._told(self.bridged)
            unmarked = self.connection.execute(sa.select(MARKS.c.number).limit(1)).first() is None
        self._left = found if unmarked else None

    def alone_does(self, act: Act, before: Told) -> Told | None:
        """What the same does on unbridged tables of its shape; None: it fails there too."""
        alone = self.alone[act.side]
        with self.connection.begin() as transaction:
            try:
                self._load(alone.parent, before.parents)
                self._load(alone.child, before.children)
                chosen = [] if act.rewrites is None else self.connection.scalars(act.rewrites(alone)).all()
                for statement in act.statements(alone, self.engine):
                    statement(self.connection)
                return replace(self._told(alone), rewritten=frozenset(map(str, chosen)))
            except sa.exc.DBAPIError:
                return None
            finally:
                transaction.rollback()

    def _load(self, table: sa.Table, rows: Rows) -> None:
        if rows:
            given = [{column.name: row[column.name] for column in table.c} for row in rows.values()]
            self.connection.execute(table.insert(), given)

    def settle(self) -> int:
        """What the worker does; the number of records that were marked."""
        if self._left is not None:
            return 0
        with self.connection.begin():
            if self.connection.execute(sa.select(MARKS.c.number).limit(1)).first() is None:
                return 0
            return settle_now(self.connection, self.move)


@lru_cache(maxsize=8)
def _both(tables: Tables) -> Any:
    """Both tables in one query: most of what a case takes is the way to the server and back."""
    both = (tables.parent, tables.child)
    parts = [
        sa.select(
            sa.literal(number),
            *(
                column if table is mine else sa.type_coerce(sa.null(), column.type)
                for mine in both
                for column in mine.c
            ),
        ).select_from(table)
        for number, table in enumerate(both)
    ]
    return sa.union_all(*parts)


def _is_mariadb(connection: Any) -> bool:
    return bool(getattr(connection.dialect, "is_mariadb", False))
