"""Compares both sides of a bridge, all rows or a share of them, on one snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.errors import BadDeclaration

from .arming import table_of
from .constraints import ForeignKey
from .expression import AnyOf, Condition, Every, Field, Not, Same
from .ports import Difference
from .rendering import column_type, columns_of, failing, to_sql
from .shape import Bridge, Column, Table
from .steps import Check
from .substitute import substitute

INCONSISTENT = "inconsistent"
UNCONVERTED = "unconverted"
INEXACT = "inexact"


class SqlVerifier:
    """See :class:`keystone_viaduct.upgrade.ports.Verifier`. ``share``: the part of the rows to look at."""

    def __init__(
        self, engine: sa.engine.Engine, *, share: float = 1.0, connection: sa.engine.Connection | None = None
    ) -> None:
        self._engine = engine
        self._connection = connection
        self._share = share

    def differences(
        self, bridge: Bridge, checks: Sequence[Check] = (), *, written: bool = False
    ) -> Sequence[Difference]:
        """By kind. ``written``: new code has run, so a NULL in a new column may be its own.

        ``inconsistent``, and the kinds of the checks, stand in the way of contract. ``unconverted``: an old
        value has become NULL or the fallback. ``inexact``: going back to the old column would give another
        value than is there (``007``). Both are for people: the old value goes with contract.
        """
        table = table_of(bridge)

        resolve = columns_of(table)
        wanted = bridge.consistent() if written else bridge.settled()
        failed = sa.or_(*(failing(value, resolve) for value in bridge.total_up()))
        conditions = [
            (INCONSISTENT, to_sql(Not(wanted), resolve), True),
            *((check.kind, to_sql(Not(check.holds), resolve), True) for check in checks if check.holds),
            (UNCONVERTED, sa.and_(to_sql(bridge.filled(), resolve), failed), False),
            (INEXACT, sa.and_(to_sql(_inexact(bridge), resolve), sa.not_(failed)), False),
        ]
        with self._snapshot() as connection:
            found = [self._look(connection, table, bridge.table, *item) for item in conditions]
        return [item for item in found if item.rows]

    def wrong(self, check: Check) -> Difference:
        """Rows that do not meet a condition, that have the same as others, or that refer to nothing."""
        if check.unique:
            return self._doubled(check)
        if check.refers is not None:
            return self._dangling(check, check.refers)
        if check.holds is None:
            raise BadDeclaration(f"the check {check.kind} of {check.table.name} says nothing")
        names = [*(column.name for column in check.table.key), *check.holds.fields()]
        table = _plain(check.table, dict.fromkeys(names), check.columns)
        condition = to_sql(Not(check.holds), columns_of(table))
        with self._snapshot() as connection:
            return self._look(connection, table, check.table, check.kind, condition, True)

    def _doubled(self, check: Check) -> Difference:
        """Rows whose values of some columns another row has too; one with a NULL is like none."""
        table = _plain(check.table, dict.fromkeys([*_names(check.table), *check.unique]))
        columns = [table.c[name] for name in check.unique]
        again = (
            sa.select(*columns)
            .where(*(column.isnot(None) for column in columns))
            .group_by(*columns)
            .having(sa.func.count() > 1)
        ).subquery()
        pairs = [column == again.c[column.name] for column in columns]
        condition = sa.exists().where(*pairs)
        with self._snapshot() as connection:
            return self._look(connection, table, check.table, check.kind, condition, True)

    def _dangling(self, check: Check, key: ForeignKey) -> Difference:
        """Rows without the row that they refer to."""
        table = _plain(check.table, dict.fromkeys([*_names(check.table), *key.columns]))
        other = sa.Table(key.refers, sa.MetaData(), *(sa.Column(name) for name in key.referred)).alias(
            "there"
        )
        pairs = zip(key.columns, key.referred, strict=True)
        found = sa.exists().where(*(table.c[one] == other.c[two] for one, two in pairs))
        condition = sa.and_(*(table.c[name].isnot(None) for name in key.columns), sa.not_(found))
        with self._snapshot() as connection:
            return self._look(connection, table, check.table, check.kind, condition, True)

    def lost(self, bridge: Bridge) -> Difference:
        """Rows that only the new columns can hold: what a rollback would lose."""
        table = table_of(bridge)
        condition = to_sql(Not(bridge.filled()), columns_of(table))
        with self._snapshot() as connection:
            return self._look(connection, table, bridge.table, "lost", condition, True)

    def _look(
        self, connection: Any, table: sa.Table, place: Table, kind: str, condition: Any, fatal: bool
    ) -> Difference:
        keys = [table.c[column.name] for column in place.key]
        chosen = condition if self._share >= 1 else sa.and_(self._sampled(connection), condition)
        count = connection.execute(sa.select(sa.func.count()).select_from(table).where(chosen)).scalar_one()
        example = ""
        if count:
            first = connection.execute(sa.select(*keys).where(condition).limit(1)).first()
            example = "/".join(str(part) for part in first or ())
        return Difference(kind, int(count), example, fatal)

    def _sampled(self, connection: Any) -> Any:
        if connection.dialect.name == "sqlite":
            return sa.text(f"(random() & 65535) < {round(self._share * 65536)}")
        name = "rand()" if connection.dialect.name == "mysql" else "random()"
        return sa.text(f"{name} < {self._share}")

    @contextmanager
    def _snapshot(self) -> Iterator[Any]:
        """A transaction that sees one moment, or the one that somebody has begun."""
        if self._connection is not None:
            yield self._connection
            return
        options = {} if self._engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
        with self._engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection


def _names(table: Table) -> list[str]:
    return [column.name for column in table.key]


def _plain(table: Table, names: Iterable[str], columns: Sequence[Column] = ()) -> sa.Table:
    """The table with these columns; with their types where they are known."""
    types = {column.name: column_type(column.type) for column in columns}
    return sa.Table(table.name, sa.MetaData(), *(sa.Column(name, types.get(name)) for name in names))


def _inexact(bridge: Bridge) -> Condition:
    """A row that ``up`` has filled, and that ``down`` would not make again."""
    if bridge.one_way:
        return AnyOf(())
    made = {column.name: value for column, value in zip(bridge.new, bridge.total_up(), strict=True)}
    pairs = zip(bridge.old, bridge.total_down(), strict=True)
    again = tuple(Not(Same(Field(column.name), substitute(value, made))) for column, value in pairs)
    return Every((bridge.filled(), AnyOf(again)))
