"""Expressions and conditions of ``up`` and ``down`` as SQL, for triggers and for ordinary queries.

What engines say differently stands in the table of templates of ``pieces.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import singledispatch
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.sql.elements import Null

from keystone_viaduct.errors import BadDeclaration

from . import expression as e
from . import times
from . import types as t
from .computed import Computed
from .pieces import AsEnum, EnumText, Piece, differs, null_safe_same
from .shape import Bridge, Column, Table
from .simplify import is_strict, simplified

Resolve = Callable[[str], Any]
"""A column's name to SQL: a column of a table, or of the row that a trigger fired for."""


def column_type(type_: t.Type) -> Any:
    """SQLAlchemy's type for a column."""
    if isinstance(type_, t.Boolean):
        return sa.Boolean()
    if isinstance(type_, t.Integer):
        return {16: sa.SmallInteger(), 32: sa.Integer(), 64: sa.BigInteger()}[type_.bits]
    if isinstance(type_, t.Text):
        return sa.String(type_.length) if type_.length else sa.Text()
    if isinstance(type_, t.Enum):
        return sa.Enum(*type_.values, name=type_.name or None, create_constraint=False)
    if isinstance(type_, t.DateTime):
        return sa.DateTime().with_variant(mysql.DATETIME(fsp=6 if type_.digits else None), "mysql", "mariadb")
    raise BadDeclaration(f"{type(type_).__name__} is no type of a column", hint="use one of upgrade.types")


def readable(value: Any) -> Any:
    """A column, or its value in a trigger's row, as expressions read it: an enumeration as a text."""
    return EnumText(value) if isinstance(value.type, sa.Enum) else value


def table_of(bridge: Bridge | Computed) -> sa.Table:
    """The table of a bridge within it, as SQLAlchemy knows it: its key and both sides."""
    return table_with(bridge.table, bridge.columns)


def table_with(
    table: Table, columns: Iterable[Column], key_types: Mapping[str, Any] = MappingProxyType({})
) -> sa.Table:
    """A table's key and these columns. ``key_types``: where a column of the key has one of its own."""
    found: dict[str, sa.Column[Any]] = {}
    for column in table.key:
        type_ = key_types[column.name] if column.name in key_types else column_type(column.type)
        found[column.name] = sa.Column(column.name, type_, primary_key=True, autoincrement=False)
    for column in columns:
        found.setdefault(column.name, sa.Column(column.name, column_type(column.type)))
    return sa.Table(table.name, sa.MetaData(), *found.values())


def columns_of(table: sa.Table, row: Callable[[Any], Any] = lambda column: column) -> Resolve:
    """Reads the columns of a table; ``row`` makes those of a trigger's row of them."""
    return lambda name: readable(row(table.c[name]))


def stored(column: sa.Column[Any], expression: e.Expression, resolve: Resolve) -> Any:
    """The expression as a column is given it."""
    value = to_sql(expression, resolve)
    return AsEnum(value, column.type) if isinstance(column.type, sa.Enum) else value


def to_sql(expression: e.Expression, resolve: Resolve) -> Any:
    """The expression as SQL."""
    return _sql(simplified(expression), resolve)


def failing(expression: e.Expression, resolve: Resolve) -> Any:
    """The condition under which something in the expression can't be converted (its ``fails``)."""
    found = _fails(expression, resolve)
    return sa.false() if found is None else found


def _constant(value: e.Scalar) -> Any:
    if value is None:
        return sa.null()
    if isinstance(value, bool):
        return sa.true() if value else sa.false()
    if isinstance(value, datetime):
        return Piece("moment", sa.DateTime(), _constant(times.microseconds(value)))
    return sa.literal(value, sa.BigInteger() if isinstance(value, int) else sa.String())


@singledispatch
def _sql(node: e.Expression, resolve: Resolve) -> Any:
    raise BadDeclaration(
        f"{type(node).__name__} has no form in SQL", hint="use the nodes of upgrade.expression"
    )


@_sql.register
def _(node: e.Field, resolve: Resolve) -> Any:
    return resolve(node.name)


@_sql.register
def _(node: e.Literal, resolve: Resolve) -> Any:
    return _constant(node.constant)


@_sql.register
def _(node: e.Uuid, resolve: Resolve) -> Any:
    return Piece("uuid", sa.String())


@_sql.register
def _(node: e.Joined, resolve: Resolve) -> Any:
    first, *rest = (_sql(text, resolve) for text in node.texts)
    for text in rest:
        first = Piece("joined", sa.String(), first, text)
    return first


@_sql.register
def _(node: e.Before, resolve: Resolve) -> Any:
    return Piece("before", sa.String(), _sql(node.text, resolve), _constant(node.separator))


@_sql.register
def _(node: e.After, resolve: Resolve) -> Any:
    return Piece("after", sa.String(), _sql(node.text, resolve), _constant(node.separator))


@_sql.register
def _(node: e.AsText, resolve: Resolve) -> Any:
    return Piece("to_text", sa.String(), _sql(node.integer, resolve))


def _is_integer(text: Any) -> Any:
    return Piece("integer", sa.Boolean(), text)


@_sql.register
def _(node: e.AsInteger, resolve: Resolve) -> Any:
    text = _sql(node.text, resolve)
    return _case((_is_integer(text), Piece("to_integer", sa.BigInteger(), text)))


@_sql.register
def _(node: times.AsMicroseconds, resolve: Resolve) -> Any:
    return Piece("microseconds", sa.BigInteger(), _sql(node.moment, resolve))


@_sql.register
def _(node: times.AsMoment, resolve: Resolve) -> Any:
    return Piece("moment", sa.DateTime(), _sql(node.number, resolve))


@_sql.register
def _(node: times.WholeSeconds, resolve: Resolve) -> Any:
    return Piece("whole_seconds", sa.DateTime(), _sql(node.moment, resolve))


@_sql.register
def _(node: e.Lookup, resolve: Resolve) -> Any:
    given, pairs = _sql(node.of, resolve), node.pairs
    otherwise = sa.null() if node.otherwise is None else _sql(node.otherwise, resolve)
    if _says_what_each_boolean_is(pairs):  # it is a condition by itself: comparing it costs twice as much
        values = {key: _constant(value) for key, value in reversed(pairs)}
        truth = Piece("truth", sa.Boolean(), given)
        return _case(
            (truth, values[True]), (given.isnot(None), values[False]), otherwise=values.get(None, otherwise)
        )
    if all(isinstance(key, int) for key, _ in pairs):  # "=" compares numbers as well
        return _case(
            *((_constant(key), _constant(value)) for key, value in pairs), of=given, otherwise=otherwise
        )
    whens = ((null_safe_same(given, _constant(key)), _constant(value)) for key, value in pairs)
    return _case(*whens, otherwise=otherwise)


def _says_what_each_boolean_is(pairs: Iterable[tuple[e.Scalar, e.Scalar]]) -> bool:
    keys = [key for key, _ in pairs]
    return {True, False} <= set(keys) and all(key is None or isinstance(key, bool) for key in keys)


def _case(*whens: tuple[Any, Any], otherwise: Any = None, of: Any = None) -> Any:
    """CASE. Nobody needs to say that what is not listed is NULL; MariaDB takes its time over it."""
    said = {} if otherwise is None or isinstance(otherwise, Null) else {"else_": otherwise}
    return sa.case(*whens, value=of, **said)


@_sql.register
def _(node: e.Case, resolve: Resolve) -> Any:
    whens = [(_sql(condition, resolve), _sql(value, resolve)) for condition, value in node.branches]
    return _case(*whens, otherwise=_sql(node.otherwise, resolve))


@_sql.register
def _(node: e.FirstOf, resolve: Resolve) -> Any:
    return sa.func.coalesce(*(_sql(value, resolve) for value in node.values))


@_sql.register
def _(node: e.Guarded, resolve: Resolve) -> Any:
    value, fails = _sql(node.of, resolve), _fails(node.of, resolve)
    if fails is None:
        return value
    if is_strict(node.of):  # NULL is what fails, or comes from a NULL
        given = sa.and_(*(resolve(name).isnot(None) for name in sorted(set(node.of.fields()))))
        return sa.func.coalesce(value, _case((given, _constant(node.fallback))))
    return Piece("unless", value.type, value, fails, _constant(node.fallback))


@_sql.register
def _(node: t.Fitted, resolve: Resolve) -> Any:
    value, limits = _sql(node.of, resolve), _limits(node)
    if isinstance(node.type, t.Enum):
        return _case((_listed(node.type, value), value))
    if limits is None:
        return value
    measured = _measured(node, value)
    return _case((measured.between(*limits), value))


@_sql.register
def _(node: e.IsNull, resolve: Resolve) -> Any:
    return _sql(node.of, resolve).is_(None)


@_sql.register
def _(node: e.Same, resolve: Resolve) -> Any:
    return null_safe_same(_sql(node.left, resolve), _sql(node.right, resolve))


@_sql.register
def _(node: e.Not, resolve: Resolve) -> Any:
    if isinstance(node.of, e.Same):
        return differs(_sql(node.of.left, resolve), _sql(node.of.right, resolve))
    return sa.not_(_sql(node.of, resolve))


@_sql.register
def _(node: e.Within, resolve: Resolve) -> Any:
    limits = _constant(node.least), _constant(node.most)
    return Piece("within", sa.Boolean(), _sql(node.of, resolve), *limits)


@_sql.register
def _(node: e.Every, resolve: Resolve) -> Any:
    return sa.and_(sa.true(), *(_sql(item, resolve) for item in node.of))


@_sql.register
def _(node: e.AnyOf, resolve: Resolve) -> Any:
    return sa.or_(sa.false(), *(_sql(item, resolve) for item in node.of))


def _listed(type_: t.Enum, value: Any) -> Any:
    """Whether a text is one of an enumeration's."""
    return _either(*(null_safe_same(value, _constant(item)) for item in type_.values))


def _either(*conditions: Any) -> Any | None:
    """OR, without those that can't be."""
    found = [item for item in conditions if item is not None]
    if len(found) < 2:
        return found[0] if found else None
    return sa.or_(*found)


def _limits(node: t.Fitted) -> tuple[Any, Any] | None:
    """What the number, or the length of the text, has to lie between; None where everything fits."""
    if isinstance(node.type, t.Text):
        return None if node.type.length is None else (_constant(0), _constant(node.type.length))
    if isinstance(node.type, t.Integer):
        return _constant(node.type.least), _constant(node.type.most)
    return None


def _measured(node: t.Fitted, value: Any) -> Any:
    return Piece("length", sa.Integer(), value) if isinstance(node.type, t.Text) else value


@singledispatch
def _fails(node: e.Expression, resolve: Resolve) -> Any | None:
    return _either(*(_fails(part, resolve) for part in node.parts()))


@_fails.register
def _(node: e.After, resolve: Resolve) -> Any | None:
    if not node.required:
        return _fails(node.text, resolve)
    text = _sql(node.text, resolve)
    found = Piece("contains", sa.Boolean(), text, _constant(node.separator))
    return _either(sa.and_(text.isnot(None), sa.not_(found)), _fails(node.text, resolve))


@_fails.register(times.AsMicroseconds)
@_fails.register(times.AsMoment)
def _(node: times.AsMicroseconds | times.AsMoment, resolve: Resolve) -> Any | None:
    (of,) = node.parts()
    lost = sa.and_(_sql(of, resolve).isnot(None), _sql(node, resolve).is_(None))
    return _either(lost, _fails(of, resolve))


@_fails.register
def _(node: e.AsInteger, resolve: Resolve) -> Any | None:
    text = _sql(node.text, resolve)
    return _either(sa.and_(text.isnot(None), sa.not_(_is_integer(text))), _fails(node.text, resolve))


@_fails.register
def _(node: e.Lookup, resolve: Resolve) -> Any | None:
    given = _sql(node.of, resolve)
    unlisted = [sa.not_(null_safe_same(given, _constant(key))) for key, _ in node.pairs]
    if node.otherwise is None:
        return _either(sa.and_(given.isnot(None), *unlisted), _fails(node.of, resolve))
    otherwise = _fails(node.otherwise, resolve)
    missing = None if otherwise is None else sa.and_(*unlisted, otherwise)
    return _either(_fails(node.of, resolve), missing)


@_fails.register
def _(node: e.Case, resolve: Resolve) -> Any | None:
    conditions = [_sql(condition, resolve) for condition, _ in node.branches]
    values = [*(value for _, value in node.branches), node.otherwise]
    found = [_fails(value, resolve) for value in values]
    if not any(item is not None for item in found):
        return None
    parts = []
    for index, fails in enumerate(found):
        if fails is not None:
            turn = [sa.not_(item) for item in conditions[:index]] + conditions[index : index + 1]
            parts.append(sa.and_(*turn, fails))
    return _either(*parts)


@_fails.register
def _(node: t.Fitted, resolve: Resolve) -> Any | None:
    limits, value = _limits(node), _sql(node.of, resolve)
    if isinstance(node.type, t.Enum):
        unlisted = sa.and_(value.isnot(None), sa.not_(_listed(node.type, value)))
        return _either(unlisted, _fails(node.of, resolve))
    misfit = None if limits is None else Piece("outside", sa.Boolean(), _measured(node, value), *limits)
    return _either(misfit, _fails(node.of, resolve))
