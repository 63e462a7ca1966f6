"""Bridges in the revisions of any service that migrates by Alembic.

``from keystone_viaduct.upgrade import op``: :func:`bridge_column` and :func:`bridge_columns` in the revision
that expands, :func:`fill_bridge` in one that migrates data, :func:`drop_bridge` in the one that contracts,
:func:`undo_bridge` in a downgrade. All work with ``--sql`` too (:func:`fill_bridge` then prints one UPDATE).
A revision that was cut off halfway (MariaDB, MySQL) may be run again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op as alembic_op
from sqlalchemy.exc import DBAPIError

from keystone_viaduct.errors import BadDeclaration, TableBusy, UpgradeRefused

from .backfill import fill_now, fill_statement
from .changes import Change
from .ddl import Budget, database_on, dialect_for
from .ddl.session import session_of
from .expression import Expression, Scalar
from .operations import ReplaceColumns
from .shape import Bridge, Column, Conversion, Table
from .steps import Refusal, Server, Statement, Steps
from .types import Boolean, Integer, Text, Type

_ENGINES = {"sqlite", "postgresql", "mysql", "mariadb"}
AnyColumn = Column | sa.Column[Any]


def bridge_column(
    table: str,
    *,
    old: AnyColumn,
    new: AnyColumn,
    up: Expression,
    down: Expression,
    up_fallback: Scalar = None,
    down_fallback: Scalar = None,
    key: Sequence[AnyColumn] = (),
    name: str = "",
) -> Bridge:
    """Add ``new`` beside ``old`` and keep both equal; see :func:`bridge_columns`."""
    given, made = _column(old), _column(new)
    return bridge_columns(
        table,
        old=(given,),
        new=(made,),
        up={made.name: (up, up_fallback)},
        down={given.name: (down, down_fallback)},
        key=key,
        name=name,
    )


def bridge_columns(
    table: str,
    *,
    old: Sequence[AnyColumn],
    new: Sequence[AnyColumn],
    up: Mapping[str, Expression | tuple[Expression, Scalar]],
    down: Mapping[str, Expression | tuple[Expression, Scalar]],
    key: Sequence[AnyColumn] = (),
    name: str = "",
) -> Bridge:
    """Add the new columns and arm the triggers; the bridge, for the later revisions.

    ``up`` and ``down`` have an expression for each column of their side, or a pair of it and its fallback.
    ``key``: the columns of the primary key, read from the database if they are not given. Raises
    BadDeclaration, UpgradeRefused, TableBusy (then nothing was changed by the statement that it names).
    """
    bridge = declare(table, old=old, new=new, up=up, down=down, key=key, name=name)
    _play(bridge, lambda steps: steps.expand)
    return bridge


def declare(
    table: str,
    *,
    old: Sequence[AnyColumn],
    new: Sequence[AnyColumn],
    up: Mapping[str, Expression | tuple[Expression, Scalar]],
    down: Mapping[str, Expression | tuple[Expression, Scalar]],
    key: Sequence[AnyColumn] = (),
    name: str = "",
) -> Bridge:
    """The bridge alone, as a later revision says it again. Nothing is done."""
    before, after = tuple(map(_column, old)), tuple(map(_column, new))
    return Bridge(
        name=name or f"{table}_{after[0].name}".lower(),
        table=Table(table, tuple(map(_column, key)) or _key_of(table)),
        old=before,
        new=after,
        up=tuple(_conversion(column, up) for column in after),
        down=tuple(_conversion(column, down) for column in before),
    )


def fill_bridge(bridge: Bridge) -> None:
    """Fill the rows that were there before, in batches. New code starts after this revision only."""
    context = alembic_op.get_context()
    if context.as_sql:
        context.impl.static_output(f"{fill_statement(bridge, context.dialect)};")
        return
    fill_now(alembic_op.get_bind(), bridge)


def drop_bridge(bridge: Bridge) -> None:
    """Take the triggers and the old columns away. No old code may run any more."""
    _play(bridge, lambda steps: steps.contract)


def undo_bridge(bridge: Bridge) -> None:
    """Take the triggers and the new columns away. No new code may run any more."""
    _play(bridge, lambda steps: steps.rollback)


def _column(given: AnyColumn) -> Column:
    if isinstance(given, Column):
        return given
    default = getattr(given.server_default, "arg", None)
    nullable = bool(given.nullable) and not given.primary_key
    return Column(given.name, _type(given), nullable, None if default is None else str(default))


def _type(column: sa.Column[Any]) -> Type:
    type_ = column.type
    if isinstance(type_, sa.Boolean):
        return Boolean()
    if isinstance(type_, sa.Integer):
        bits = 64 if isinstance(type_, sa.BigInteger) else 16 if isinstance(type_, sa.SmallInteger) else 32
        return Integer(bits)
    if isinstance(type_, sa.String) and not isinstance(type_, sa.Enum):
        return Text(type_.length)
    raise BadDeclaration(
        f"column {column.name}: bridges have no type {type_!r}", hint="texts, integers and booleans only"
    )


def _key_of(table: str) -> tuple[Column, ...]:
    context = alembic_op.get_context()
    if context.as_sql:
        raise BadDeclaration(f"{table}: with --sql nothing can be read", hint="give key=(…)")
    inspector = sa.inspect(alembic_op.get_bind())
    names = inspector.get_pk_constraint(table)["constrained_columns"]
    found = {item["name"]: item["type"] for item in inspector.get_columns(table)}
    return tuple(_column(sa.Column(name, found[name], primary_key=True)) for name in names)


def _conversion(column: Column, given: Mapping[str, Expression | tuple[Expression, Scalar]]) -> Conversion:
    try:
        value = given[column.name]
    except KeyError:
        raise BadDeclaration(f"nothing says how {column.name} is computed", hint="give it too") from None
    return Conversion(column.name, *value) if isinstance(value, tuple) else Conversion(column.name, value)


def _play(bridge: Bridge, choose: Any) -> None:
    context = alembic_op.get_context()
    if context.dialect.name not in _ENGINES:
        raise UpgradeRefused(f"there are no bridges on {context.dialect.name}")
    if context.as_sql:
        _print(context, bridge, choose)
        return
    connection = alembic_op.get_bind()
    database = database_on(connection.engine)
    for change in choose(_steps(bridge, database.facts(connection))):
        for statement in _statements(change, database.facts(connection)):
            if database.holds(connection, statement.done) is not statement.done.there:
                _run(connection, database, statement)


def _steps(bridge: Bridge, server: Server) -> Steps:
    steps = ReplaceColumns(bridge).steps(server)
    if isinstance(steps, Refusal):
        raise UpgradeRefused(f"{steps.engine}: {steps.reason}", hint=steps.way_out)
    return steps


def _statements(change: Change, server: Server) -> Sequence[Statement]:
    found = dialect_for(server).statements(change, server)
    if isinstance(found, Refusal):
        raise UpgradeRefused(f"{found.engine}: {found.reason}", hint=found.way_out)
    return found


def _run(connection: Any, database: Any, statement: Statement) -> None:
    """Within the revision's own transaction. PostgreSQL can't try again inside of one: the revision can."""
    budget = Budget()
    with session_of(connection, database.facts(connection), budget.wait):
        for pause in budget.pauses():
            try:
                database.execute(connection, statement)
                return
            except DBAPIError as error:
                if statement.instead is not None and database.is_not_so_quick(error):
                    statement = statement.instead
                    continue
                if not database.is_busy(error):
                    raise
                if connection.dialect.name == "postgresql":
                    break
            time.sleep(pause)
    raise TableBusy(
        f"{statement.table} was in use: {statement.sql}", hint="run the migration again", sql=statement.sql
    )


def _print(context: Any, bridge: Bridge, choose: Any) -> None:
    server = Server(context.dialect.name, (0,))
    if server.engine == "postgresql":
        context.impl.static_output("SET LOCAL lock_timeout = '200ms';")
    for change in choose(_steps(bridge, server)):
        for statement in _statements(change, server):
            if statement.edit is not None:
                raise UpgradeRefused(
                    f"SQLite has no SQL for it: {statement.sql}", hint="run the revision without --sql"
                )
            body = server.engine in ("mysql", "mariadb") and "BEGIN" in statement.sql
            text = f"DELIMITER $$\n{statement.sql}$$\nDELIMITER ;" if body else f"{statement.sql};"
            context.impl.static_output(text)
