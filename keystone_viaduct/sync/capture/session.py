"""Capture without triggers: the marks are written by events of the engine in Keystone's own processes.

For databases that have no triggers, or do not let us make any. Each INSERT, UPDATE and DELETE that SQLAlchemy
sends to a table of a kind, from a flush or as a bulk statement, is answered by the marks that the triggers
would write, in the same transaction. To know them, the rows that an UPDATE or a DELETE is going to meet are
read before it, and those of an INSERT or UPDATE after it.

Not seen, unlike with triggers: what other programs and hand-written SQL change, and statements given as text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from keystone_viaduct.documents.schema import reflect
from keystone_viaduct.errors import SchemaMissing
from keystone_viaduct.sync.capture.marking import Marking, Row

MARKS_TABLE = "viaduct_dirty"
_PENDING = "viaduct_capture"


@dataclass
class _Statement:
    """One statement under way, and the rows that it was going to meet."""

    element: Any
    before: list[Row] = field(default_factory=list)


class SessionCapture:
    """The events on engines; one object per process and database.

    ``wanted`` is asked once, with a connection; without it the marks are always written.
    """

    def __init__(self, wanted: Callable[[Any], bool] = lambda _connection: True) -> None:
        self._wanted = wanted
        self._idle = False
        self._marking: Marking | None = None

    def attach(self, engine: sa.engine.Engine) -> None:
        """Listen to ``engine``; marks are written as soon as the site is initialised."""
        event.listen(engine, "before_execute", self._before)
        event.listen(engine, "after_execute", self._after)

    def _before(self, connection: Any, element: Any, multiparams: Any, params: Any, _options: Any) -> None:
        if not isinstance(element, (sa.sql.dml.Insert, sa.sql.dml.Update, sa.sql.dml.Delete)):
            return
        table: Any = element.table
        marking = self._ready(connection)
        if marking is None or not marking.concerns(table.name):
            return
        statement = _Statement(element)
        if not isinstance(element, sa.sql.dml.Insert):
            statement.before = list(_met(connection, element, _parameter_sets(multiparams, params)))
        if isinstance(element, sa.sql.dml.Delete):
            marking.deleted(connection, table.name, statement.before)
        connection.info.setdefault(_PENDING, []).append(statement)

    def _after(
        self, connection: Any, element: Any, _multiparams: Any, _params: Any, _options: Any, result: Any
    ) -> None:
        pending: list[_Statement] = connection.info.get(_PENDING, [])
        while pending and pending[-1].element is not element and _writes(element):
            pending.pop()  # it failed
        if not pending or pending[-1].element is not element or self._marking is None:
            return
        statement, table = pending.pop(), element.table
        given = list(result.context.compiled_parameters)
        if isinstance(element, sa.sql.dml.Insert):
            rows = list(_inserted(connection, self._marking, table, result, given))
            self._marking.inserted(connection, table.name, rows)
        elif isinstance(element, sa.sql.dml.Update):
            self._marking.updated(connection, table.name, list(_changed(connection, table, statement, given)))

    def _ready(self, connection: Any) -> Marking | None:
        """What to mark, once our tables are there: Keystone works on a site that is not initialised too."""
        if self._idle or self._marking is not None:
            return self._marking
        if not self._wanted(connection):
            self._idle = True
        elif sa.inspect(connection).has_table(MARKS_TABLE):
            with suppress(SchemaMissing):
                self._marking = Marking(reflect(connection))
        return self._marking


def _writes(element: Any) -> bool:
    """Whether it is a statement of Keystone's own: what is sent from here is no reason to forget any."""
    dml = isinstance(element, (sa.sql.dml.Insert, sa.sql.dml.Update, sa.sql.dml.Delete))
    return dml and element.table.name != MARKS_TABLE


def _parameter_sets(multiparams: Any, params: Any) -> list[dict[str, Any]]:
    """The parameters of each execution (SQLAlchemy 1.4 hands over what it was given)."""
    sets = [item for each in multiparams or () for item in (each if isinstance(each, list) else [each])]
    return [dict(item) for item in sets] or [dict(params or {})]


def _met(connection: Any, element: Any, sets: Sequence[dict[str, Any]]) -> Iterator[Row]:
    """The rows that an UPDATE or DELETE is going to meet."""
    chosen, named = sa.select(*element.table.c), set()
    if element.whereclause is not None:
        chosen = chosen.where(element.whereclause)
        named = {item.key for item in _parameters_of(element.whereclause)}
    for parameters in sets:
        known = {name: value for name, value in parameters.items() if name in named}
        yield from _rows(connection, chosen, element.table, known)


def _parameters_of(expression: Any) -> Iterator[Any]:
    for item in sa.sql.visitors.iterate(expression):
        if isinstance(item, sa.sql.elements.BindParameter):
            yield item


def _rows(connection: Any, chosen: Any, table: Any, parameters: dict[str, Any]) -> list[Row]:
    names = [column.name for column in table.c]
    return [dict(zip(names, row, strict=True)) for row in connection.execute(chosen, parameters)]


def _inserted(
    connection: Any, marking: Marking, table: Any, result: Any, given: Sequence[dict[str, Any]]
) -> Iterator[Row]:
    """New rows: what was sent, with the key that the database gave; read where that does not suffice."""
    keys = result.inserted_primary_key_rows if isinstance(table, sa.Table) else [() for _ in given]
    names = [column.name for column in _primary_key(connection, table)]
    for parameters, key in zip(given, keys, strict=False):
        row = {column.name: parameters[column.key] for column in table.c if column.key in parameters}
        row |= {name: value for name, value in zip(names, key, strict=False) if value is not None}
        missing = marking.needed(table.name) - row.keys()
        yield from [row] if not missing else _found(connection, table, row)


def _changed(
    connection: Any, table: Any, statement: _Statement, given: Sequence[dict[str, Any]]
) -> Iterator[tuple[Row, Row]]:
    """Each row before and after an UPDATE; the primary key may have been changed."""
    keys = {column.name: column.key for column in _primary_key(connection, table)}
    several = len(given) == len(statement.before)
    for number, before in enumerate(statement.before):
        parameters = given[number if several else 0]
        now = {name: parameters.get(key, before[name]) for name, key in keys.items()}
        for after in _found(connection, table, now):
            yield before, after


def _found(connection: Any, table: Any, values: Row) -> list[Row]:
    """The row of a primary key."""
    conditions = [column == values[column.name] for column in _primary_key(connection, table)]
    return _rows(connection, sa.select(*table.c).where(*conditions), table, {})


def _primary_key(connection: Any, table: Any) -> list[Any]:
    """Its columns; those of a lightweight table are asked of the database."""
    if isinstance(table, sa.Table):
        return list(table.primary_key.columns)
    names = sa.inspect(connection).get_pk_constraint(table.name)["constrained_columns"]
    return [table.c[name] for name in names]
