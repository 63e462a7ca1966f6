"""A site's database asked by the judge: what it takes for equal, and what its site says it can't hold.

A database may compare names without looking at case, accents or blanks at the end. Then two records of
another site can be one name too many here, and Keystone may have stored a reference in another spelling than
its target has. It is asked; nothing is guessed from the name of an engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from keystone_viaduct.demo.sheets import REFERENCES
from keystone_viaduct.kinds.value import join_key

#: MySQL and MariaDB: a text that the column's character set can't hold is not compared with it.
_NOT_COMPARABLE = 1267
_RECORDS = sa.table("viaduct_record", *map(sa.column, ("kind", "key", "waits", "digest")))

Key = tuple[str, ...]
Row = Mapping[str, Any]


class Said(NamedTuple):
    """What a site's bookkeeping says of a record: its digest, and why it is only carried there (or None)."""

    digest: str
    reason: str | None


class Equality:
    """One site's database."""

    def __init__(self, connection: sa.engine.Connection) -> None:
        self._connection = connection
        self._tables = sa.MetaData()
        self._known: dict[str, sa.Table] = {}
        self._initialised = sa.inspect(connection).has_table(_RECORDS.name)

    def said(self, kind: str, key: Key) -> Said | None:
        """What the site knows of a record; None where it knows none, or is no site."""
        if not self._initialised:
            return None
        query = sa.select(_RECORDS.c.digest, _RECORDS.c.waits)
        query = query.where(_RECORDS.c.kind == kind, _RECORDS.c.key == join_key(key))
        row = self._connection.execute(query).first()
        return None if row is None else Said(row.digest, row.waits)

    def is_taken(self, table: str, own: Row, row: Row) -> bool:
        """Whether a value of this row that has to be unique is equal here to that of another row.

        ``own`` are the columns that tell the row from others.
        """
        found = self._table(table)
        return any(self._is_taken(found, columns, own, row) for columns in _unique(found))

    def _is_taken(self, table: sa.Table, columns: Sequence[str], own: Row, row: Row) -> bool:
        if any(name not in row or row[name] is None for name in columns):
            return False
        query = sa.select(*(table.c[name] for name in own if name in table.c))
        query = query.where(*(table.c[name] == row[name] for name in columns))
        try:
            rows = self._connection.execute(query).all()
        except OperationalError as error:
            if getattr(error.orig, "args", (None,))[0] != _NOT_COMPARABLE:
                raise
            return False
        mine = tuple(str(value) for name, value in own.items() if name in table.c)
        return any(tuple(map(str, other)) != mine for other in rows)

    def spelt(self, table: str, column: str, value: Any) -> Any:
        """A reference as its target is spelt; as it is where that is not there."""
        if not isinstance(value, str):
            return value
        for key in self._targets(table, column):
            found = self._connection.execute(sa.select(key).where(key == value)).scalars().all()
            if found and value not in found:
                return found[0]
        return value

    def _targets(self, table: str, column: str) -> Iterator[sa.Column[Any]]:
        named = [REFERENCES[table, column]] if (table, column) in REFERENCES else []
        keys = (key.column for key in self._table(table).c[column].foreign_keys)
        for other, key in (*named, *((found.table.name, found.name) for found in keys)):
            yield self._table(other).c[key]

    def _table(self, name: str) -> sa.Table:
        if name not in self._known:
            self._known[name] = sa.Table(name, self._tables, autoload_with=self._connection)
        return self._known[name]


def _unique(table: sa.Table) -> Iterator[Sequence[str]]:
    """The columns that are unique together: the primary key, constraints, and indexes."""
    yield [column.name for column in table.primary_key]
    for constraint in table.constraints:
        if isinstance(constraint, sa.UniqueConstraint):
            yield [column.name for column in constraint.columns]
    for index in table.indexes:
        if index.unique:
            yield [column.name for column in index.columns]
