"""Compares both sides of a bridge, all rows or a share of them, on one snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.errors import BadDeclaration, UpgradeError

from .across import linked, pair_columns, tables_of
from .changes import AnyBridge
from .computed import Computed
from .constraints import ForeignKey
from .expression import AnyOf, Condition, Every, Field, Not, Same
from .filling import beyond
from .marks import MARKS, TABLE
from .move import Move
from .ports import MARKED, Difference
from .rendering import column_type, columns_of, failing, table_of, to_sql
from .shape import Bridge, Column, Table
from .steps import Check
from .substitute import substitute

INCONSISTENT = "inconsistent"
UNCONVERTED = "unconverted"
INEXACT = "inexact"
_BATCH = 1000


class SqlVerifier:
    """See :class:`keystone_viaduct.upgrade.ports.Verifier`. ``share``: the part of the rows to look at."""

    def __init__(
        self, engine: sa.engine.Engine, *, share: float = 1.0, connection: sa.engine.Connection | None = None
    ) -> None:
        self._engine = engine
        self._connection = connection
        self._share = share

    def differences(
        self, bridge: AnyBridge, checks: Sequence[Check] = (), *, written: bool = False
    ) -> Sequence[Difference]:
        """By kind. ``written``: new code has run, so a NULL in a new column may be its own.

        ``inconsistent``, ``marked`` (what is still to be settled), and the kinds of the checks, stand in the
        way of contract. ``unconverted``: an old value has become NULL or the fallback. ``inexact``: going
        back to the old column would give another value than is there (``007``). Both are for people: the old
        value goes with contract.
        """
        with self._snapshot() as connection:
            if not isinstance(bridge, Bridge) and (marked := self._marked(connection, bridge)).rows:
                return [marked]
            if isinstance(bridge, Computed):
                found = self._computed(connection, bridge)
            else:
                found = self._compared(connection, _Compared(bridge), written=written)
            found += [self._checked(connection, check) for check in checks]
        return [item for item in found if item.rows]

    def _compared(self, connection: Any, what: _Compared, *, written: bool) -> list[Difference]:
        wanted = what.rule.consistent() if written or what.once else what.rule.settled()
        failed = sa.or_(*(failing(value, what.resolve) for value in what.rule.total_up()))
        conditions = [
            (INCONSISTENT, to_sql(Not(wanted), what.resolve), True),
            (UNCONVERTED, sa.and_(to_sql(what.rule.filled(), what.resolve), failed), False),
            (INEXACT, sa.and_(to_sql(_inexact(what), what.resolve), sa.not_(failed)), False),
        ]
        return [self._look(connection, what.origin, what.keys, *item) for item in conditions]

    def _computed(self, connection: Any, bridge: Computed) -> list[Difference]:
        """Row by row, in Python; a row that can't be computed differs too."""
        table, last, wrong, example = table_of(bridge), None, 0, ""
        keys = _keys(table, bridge.table)
        while True:
            query = sa.select(table).order_by(*keys).limit(_BATCH)
            chosen = query if last is None else query.where(beyond(keys, last))
            rows = connection.execute(chosen).mappings().all()
            if not rows:
                return [Difference(INCONSISTENT, wrong, example, True)]
            for row in rows:
                last = [row[column.name] for column in keys]
                if not _agrees(bridge, row):
                    wrong, example = wrong + 1, example or "/".join(map(str, last))

    def _marked(self, connection: Any, bridge: AnyBridge) -> Difference:
        if not sa.inspect(connection).has_table(TABLE):
            return Difference(MARKED, 0, "", True)
        this = MARKS.c.bridge == bridge.name
        return self._look(connection, MARKS, [MARKS.c.record], MARKED, this, True, whole=True)

    def wrong(self, check: Check) -> Difference:
        """Rows that do not meet a condition, that have the same as others, or that refer to nothing."""
        with self._snapshot() as connection:
            return self._checked(connection, check)

    def _checked(self, connection: Any, check: Check) -> Difference:
        if check.unique:
            return self._doubled(connection, check)
        if check.refers is not None:
            return self._dangling(connection, check, check.refers)
        if check.holds is None:
            raise BadDeclaration(f"the check {check.kind} of {check.table.name} says nothing")
        names = [*_names(check.table), *check.holds.fields()]
        table = _plain(check.table, dict.fromkeys(names), check.columns)
        condition = to_sql(Not(check.holds), columns_of(table))
        return self._look(connection, table, _keys(table, check.table), check.kind, condition, True)

    def _doubled(self, connection: Any, check: Check) -> Difference:
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
        return self._look(connection, table, _keys(table, check.table), check.kind, condition, True)

    def _dangling(self, connection: Any, check: Check, key: ForeignKey) -> Difference:
        """Rows without the row that they refer to."""
        table = _plain(check.table, dict.fromkeys([*_names(check.table), *key.columns]))
        other = sa.Table(key.refers, sa.MetaData(), *(sa.Column(name) for name in key.referred)).alias(
            "there"
        )
        pairs = zip(key.columns, key.referred, strict=True)
        found = sa.exists().where(*(table.c[one] == other.c[two] for one, two in pairs))
        condition = sa.and_(*(table.c[name].isnot(None) for name in key.columns), sa.not_(found))
        return self._look(connection, table, _keys(table, check.table), check.kind, condition, True)

    def lost(self, bridge: AnyBridge) -> Difference:
        """Rows that only the new columns can hold: what a rollback would lose."""
        if isinstance(bridge, Computed):  # the old side has all: down must find the old value again
            return Difference("lost", 0, "", True)
        what = _Compared(bridge)
        condition = to_sql(Not(what.rule.filled()), what.resolve)
        with self._snapshot() as connection:
            return self._look(connection, what.origin, what.keys, "lost", condition, True)

    def _look(
        self,
        connection: Any,
        origin: Any,
        keys: Sequence[Any],
        kind: str,
        condition: Any,
        fatal: bool,
        *,
        whole: bool = False,
    ) -> Difference:
        sampled = self._share < 1 and not whole
        chosen = sa.and_(self._sampled(connection), condition) if sampled else condition
        query = sa.select(sa.func.count()).select_from(origin).where(chosen)
        count = connection.execute(query).scalar_one()
        example = ""
        if count:
            first = connection.execute(sa.select(*keys).select_from(origin).where(condition).limit(1)).first()
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


def _keys(table: sa.Table, declared: Table) -> list[Any]:
    return [table.c[name] for name in _names(declared)]


def _plain(table: Table, names: Iterable[str], columns: Sequence[Column] = ()) -> sa.Table:
    """The table with these columns; with their types where they are known."""
    types = {column.name: column_type(column.type) for column in columns}
    return sa.Table(table.name, sa.MetaData(), *(sa.Column(name, types.get(name)) for name in names))


def _inexact(what: _Compared) -> Condition:
    """A row that ``up`` has filled and ``down`` would not make again; one way: one with its own value."""
    bridge = what.rule
    if what.once:
        return Every((bridge.derived(), Not(bridge.filled())))
    if bridge.one_way:
        return AnyOf(())
    made = {column.name: value for column, value in zip(bridge.new, bridge.total_up(), strict=True)}
    pairs = zip(bridge.old, bridge.total_down(), strict=True)
    again = tuple(Not(Same(Field(column.name), substitute(value, made))) for column, value in pairs)
    return Every((bridge.filled(), AnyOf(again)))


class _Compared:
    """What is compared: rows of a table, or pairs of a parent and a child (NULLs if it is absent)."""

    def __init__(self, bridge: Bridge | Move) -> None:
        self.rule = bridge.pair if isinstance(bridge, Move) else bridge
        #: A row takes what the other side has once, and never anything again.
        self.once = isinstance(bridge, Move) and bridge.one_way
        if isinstance(bridge, Bridge):
            table = table_of(bridge)
            self.origin: Any = table
            self.keys = _keys(table, bridge.table)
            self.resolve = columns_of(table)
            return
        parent, child = tables_of(bridge)
        self.origin = parent.join(child, linked(bridge, parent, child), isouter=bridge.makes_rows)
        self.keys = _keys(parent, bridge.parent)
        self.resolve = pair_columns(bridge, parent, child)


def _agrees(bridge: Computed, row: Any) -> bool:
    try:
        return bridge.is_consistent(row)
    except UpgradeError:
        return False
