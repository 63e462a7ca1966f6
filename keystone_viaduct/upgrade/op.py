"""Bridges in the revisions of any service that migrates by Alembic.

``from keystone_viaduct.upgrade import op``: :func:`bridge_column` and :func:`bridge_columns` in the revision
that expands, :func:`fill_bridge` in one that migrates data, :func:`drop_bridge` in the one that contracts,
:func:`undo_bridge` in a downgrade. All work with ``--sql`` too (:func:`fill_bridge` then prints one UPDATE).
:func:`begin`, :func:`finish` and :func:`undo` take any operation. A revision that was cut off halfway
(MariaDB, MySQL) may be run again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, NotRequired, TypedDict, Unpack

import sqlalchemy as sa
from alembic import op as alembic_op
from sqlalchemy.exc import DBAPIError

from keystone_viaduct.errors import BadDeclaration, TableBusy, UpgradeRefused

from .backfill import fill_now, fill_statement
from .changes import AnyBridge, Change
from .constraints import ForeignKey
from .ddl import Budget, database_on, dialect_for
from .ddl.session import session_of
from .expression import Condition, Expression, Scalar
from .move import Move
from .operations import AddConstraint, ChangeKey, MoveColumn, RenameTable, ReplaceColumns
from .repair import settle_now
from .shape import Bridge, Column, Conversion, Table
from .steps import Check, Operation, Refusal, Server, Statement, Steps
from .types import Boolean, DateTime, Enum, Integer, Text, Type
from .verify import SqlVerifier

#: What is printed is for the newest of its servers.
_NEWEST = (99, 0)
_ENGINES = {"sqlite", "postgresql", "mysql", "mariadb"}
AnyColumn = Column | sa.Column[Any]


class Sides(TypedDict):
    """What a bridge is declared by.

    ``up`` and ``down`` have an expression for each column of their side, or a pair of it and its fallback.
    ``key``: the columns of the primary key, read from the database if they are not given.
    """

    old: Sequence[AnyColumn]
    new: Sequence[AnyColumn]
    up: Mapping[str, Expression | tuple[Expression, Scalar]]
    down: Mapping[str, Expression | tuple[Expression, Scalar]]
    key: NotRequired[Sequence[AnyColumn]]
    name: NotRequired[str]


class Moving(TypedDict):
    """What a move is declared by: see :class:`keystone_viaduct.upgrade.move.Move`."""

    parent: str
    link: Sequence[str]
    old: Sequence[AnyColumn]
    new: Sequence[AnyColumn]
    up: Mapping[str, Expression | tuple[Expression, Scalar]]
    down: NotRequired[Mapping[str, Expression | tuple[Expression, Scalar]]]
    name: NotRequired[str]
    parent_key: NotRequired[Sequence[AnyColumn]]
    child_key: NotRequired[Sequence[AnyColumn]]
    many: NotRequired[bool]
    makes_rows: NotRequired[bool]
    keeps: NotRequired[bool]


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


def bridge_columns(table: str, **sides: Unpack[Sides]) -> Bridge:
    """Add the new columns and arm the triggers; the bridge, for the later revisions.

    Raises BadDeclaration, UpgradeRefused, TableBusy (the statement that it names has changed nothing).
    """
    bridge = declare(table, **sides)
    begin(ReplaceColumns(bridge))
    return bridge


def declare(table: str, **sides: Unpack[Sides]) -> Bridge:
    """The bridge alone, as a later revision says it again. Nothing is done."""
    before, after = tuple(map(_column, sides["old"])), tuple(map(_column, sides["new"]))
    return Bridge(
        name=sides.get("name") or f"{table}_{after[0].name}".lower(),
        table=_table(table, sides.get("key", ())),
        old=before,
        new=after,
        up=tuple(_conversion(column, sides["up"]) for column in after),
        down=tuple(_conversion(column, sides["down"]) for column in before),
    )


def move_column(table: str, to: str, **sides: Unpack[Moving]) -> MoveColumn:
    """Columns of ``table`` move to the table ``to``, and both stay equal; :func:`finish` what this gives.

    ``link``: the columns by which one of the two, the child, refers to the other, ``parent``. Of what
    triggers can't do at once `viaduct upgrade repair` takes care. Raises what :func:`bridge_columns` raises.
    """
    made = declare_move(table, to, **sides)
    begin(made)
    return made


def declare_move(table: str, to: str, **sides: Unpack[Moving]) -> MoveColumn:
    """The operation alone, as a later revision says it again. Nothing is done."""
    parent = sides["parent"]
    if parent not in (table, to):
        raise BadDeclaration(f"{parent} is neither {table} nor {to}", hint="parent= names one of them")
    before, after = tuple(map(_column, sides["old"])), tuple(map(_column, sides["new"]))
    move = Move(
        name=sides.get("name") or f"{to}_{after[0].name}".lower(),
        parent=_table(parent, sides.get("parent_key", ())),
        child=_table(to if parent == table else table, sides.get("child_key", ())),
        link=tuple(sides["link"]),
        to="parent" if to == parent else "child",
        old=before,
        new=after,
        up=tuple(_conversion(column, sides["up"]) for column in after),
        down=tuple(_conversion(column, sides["down"]) for column in before if sides.get("down")),
        many=sides.get("many", True),
        makes_rows=sides.get("makes_rows", False),
        keeps=sides.get("keeps", False),
    )
    return MoveColumn(move)


def begin(operation: Operation) -> None:
    """The expand phase of any operation of ``keystone_viaduct.upgrade.operations``."""
    _play(operation, lambda steps: steps.expand)


def finish(operation: Operation) -> None:
    """Its contract phase. Raises UpgradeRefused if rows do not meet what it demands (not with ``--sql``)."""
    _play(operation, lambda steps: steps.contract, checked=True)


def undo(operation: Operation) -> None:
    """Its rollback, for a downgrade."""
    _play(operation, lambda steps: steps.rollback)


def rename_table(table: str, new_name: str, *, key: Sequence[AnyColumn] = ()) -> RenameTable:
    """A view under the new name; :func:`finish` what this gives in the revision that contracts."""
    made = RenameTable(_table(table, key), new_name)
    begin(made)
    return made


def change_key(table: str, column: AnyColumn, *, key: Sequence[AnyColumn] = ()) -> ChangeKey:
    """A new column that is unique; :func:`fill_bridge` its ``bridge``, then :func:`finish` it."""
    made = ChangeKey(_table(table, key), _column(column))
    begin(made)
    return made


def add_validated_constraint(
    table: str,
    name: str,
    *,
    check: Condition | None = None,
    columns: Sequence[AnyColumn] = (),
    refers: ForeignKey | None = None,
    unique: Sequence[str] = (),
    key: Sequence[AnyColumn] = (),
) -> None:
    """A condition, a reference, or uniqueness; for a revision that runs when no old code does any more."""
    place, read = _table(table, key), tuple(map(_column, columns))
    finish(AddConstraint(place, name, check=check, columns=read, refers=refers, unique=tuple(unique)))


def fill_bridge(bridge: AnyBridge) -> None:
    """Fill the rows that were there before, in batches. New code starts after this revision only.

    With ``--sql`` moves are only marked, for `viaduct upgrade repair`: new code starts when no mark is left.
    """
    context = alembic_op.get_context()
    if context.as_sql:
        context.impl.static_output(f"{fill_statement(bridge, context.dialect)};")
        return
    fill_now(alembic_op.get_bind(), bridge)


def drop_bridge(bridge: Bridge) -> None:
    """Take the triggers and the old columns away. No old code may run any more."""
    finish(ReplaceColumns(bridge))


def undo_bridge(bridge: Bridge) -> None:
    """Take the triggers and the new columns away. No new code may run any more."""
    undo(ReplaceColumns(bridge))


def _column(given: AnyColumn) -> Column:
    if isinstance(given, Column):
        return given
    default = getattr(given.server_default, "arg", None)
    nullable = bool(given.nullable) and not given.primary_key
    return Column(given.name, _type(given), nullable, None if default is None else str(default))


def _table(name: str, key: Sequence[AnyColumn]) -> Table:
    return Table(name, tuple(map(_column, key)) or _key_of(name))


def _type(column: sa.Column[Any]) -> Type:
    type_ = column.type
    if isinstance(type_, sa.Boolean):
        return Boolean()
    if isinstance(type_, sa.Integer):
        bits = 64 if isinstance(type_, sa.BigInteger) else 16 if isinstance(type_, sa.SmallInteger) else 32
        return Integer(bits)
    if isinstance(type_, sa.Enum):
        return Enum(tuple(type_.enums), type_.name or "")
    if isinstance(type_, sa.String):
        return Text(type_.length)
    if isinstance(type_, sa.DateTime) and not type_.timezone:
        digits = getattr(type_, "fsp", None)
        return DateTime(None if digits is None else 6 if digits else 0)
    raise BadDeclaration(
        f"column {column.name}: bridges have no type {type_!r}",
        hint="texts, enumerations, integers, booleans and moments without a time zone",
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


def _play(
    operation: Operation, choose: Callable[[Steps], Sequence[Change]], *, checked: bool = False
) -> None:
    context = alembic_op.get_context()
    if context.dialect.name not in _ENGINES:
        raise UpgradeRefused(f"there are no bridges on {context.dialect.name}")
    if context.as_sql:
        _print(context, operation, choose)
        return
    connection = alembic_op.get_bind()
    database = database_on(connection.engine)
    steps = _steps(operation, database.facts(connection))
    if checked:
        for bridge in steps.bridges:
            settle_now(connection, bridge)
        _refuse_rows(connection, operation, steps.checks)
    for change in choose(steps):
        for statement in _statements(change, database.facts(connection)):
            if database.holds(connection, statement.done) is not statement.done.there:
                _run(context, connection, database, statement)
    if checked:
        _refuse_rows(connection, operation, steps.confirm)


def _refuse_rows(connection: Any, operation: Operation, checks: Sequence[Check]) -> None:
    verifier = SqlVerifier(connection.engine, connection=connection)
    wrong = [item for item in map(verifier.wrong, checks) if item.rows]
    if wrong:
        said = ", ".join(f"{item.rows} {item.kind} (like {item.example})" for item in wrong)
        raise UpgradeRefused(f"{operation.title}: rows are not as they should be: {said}", hint="mend them")


def _steps(operation: Operation, server: Server) -> Steps:
    steps = operation.steps(server)
    if isinstance(steps, Refusal):
        raise UpgradeRefused(f"{steps.engine}: {steps.reason}", hint=steps.way_out)
    return steps


def _statements(change: Change, server: Server) -> Sequence[Statement]:
    found = dialect_for(server).statements(change, server)
    if isinstance(found, Refusal):
        raise UpgradeRefused(f"{found.engine}: {found.reason}", hint=found.way_out)
    return found


def _run(context: Any, connection: Any, database: Any, statement: Statement) -> None:
    """Within the revision's own transaction. PostgreSQL can't try again inside of one: the revision can."""
    found = database.refusal(statement, database.facts(connection))
    if found is not None:
        raise UpgradeRefused(f"{found.engine}: {found.reason}", hint="run it yourself, or leave it")
    if statement.patient:  # CONCURRENTLY waits by itself, and in no transaction
        with context.autocommit_block():
            for sql in filter(None, (statement.around[0], statement.sql)):
                connection.exec_driver_sql(sql, execution_options={"no_parameters": True})
        return
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


def _print(context: Any, operation: Operation, choose: Callable[[Steps], Sequence[Change]]) -> None:
    server = Server(context.dialect.name, _NEWEST)
    if server.engine == "postgresql":
        context.impl.static_output("SET LOCAL lock_timeout = '200ms';")
    for change in choose(_steps(operation, server)):
        for statement in _statements(change, server):
            if statement.edit is not None:
                raise UpgradeRefused(
                    f"SQLite has no SQL for it: {statement.sql}", hint="run the revision without --sql"
                )
            with context.autocommit_block() if statement.patient else nullcontext():
                for sql in filter(None, (statement.around[0], statement.sql, statement.around[1])):
                    body = server.engine in ("mysql", "mariadb") and "BEGIN" in sql
                    text = f"DELIMITER $$\n{sql}$$\nDELIMITER ;" if body else f"{sql};"
                    context.impl.static_output(text)
