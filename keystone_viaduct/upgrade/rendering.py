"""Expressions and conditions of ``up`` and ``down`` as SQL, for triggers and for ordinary queries.

What engines say differently stands in one table of templates. Texts are searched and compared code point
by code point, whatever the collation is (on MariaDB and MySQL ``'：' = ':'`` may hold). No template has a
percent sign: drivers would take it for a parameter.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import ColumnElement

from keystone_viaduct.errors import BadDeclaration
from keystone_viaduct.triggers import same as null_safe_same

from . import expression as e
from . import types as t

Resolve = Callable[[str], Any]
"""A column's name to SQL: a column of a table, or of the row that a trigger fired for."""

_BIN = "CONVERT({0} USING utf8mb4) COLLATE utf8mb4_bin"
_TEMPLATES: dict[str, dict[str, str]] = {
    # the whole text where there is no separator
    "before": {
        "sqlite": "CASE WHEN instr({0}, {1}) = 0 THEN {0} ELSE substr({0}, 1, instr({0}, {1}) - 1) END",
        "postgresql": "CASE WHEN strpos({0}, {1}) = 0 THEN {0} ELSE substr({0}, 1, strpos({0}, {1}) - 1) END",
        "mysql": f"CASE WHEN LOCATE({{1}}, {_BIN}) = 0 THEN {{0}}"
        f" ELSE SUBSTRING({{0}}, 1, LOCATE({{1}}, {_BIN}) - 1) END",
    },
    "after": {
        "sqlite": "CASE WHEN instr({0}, {1}) = 0 THEN NULL"
        " ELSE substr({0}, instr({0}, {1}) + length({1})) END",
        "postgresql": "CASE WHEN strpos({0}, {1}) = 0 THEN NULL"
        " ELSE substr({0}, strpos({0}, {1}) + length({1})) END",
        "mysql": f"CASE WHEN LOCATE({{1}}, {_BIN}) = 0 THEN NULL"
        f" ELSE SUBSTRING({{0}}, LOCATE({{1}}, {_BIN}) + CHAR_LENGTH({{1}})) END",
    },
    "contains": {
        "sqlite": "(coalesce(instr({0}, {1}), 0) > 0)",
        "postgresql": "(coalesce(strpos({0}, {1}), 0) > 0)",
        "mysql": f"(COALESCE(LOCATE({{1}}, {_BIN}), 0) > 0)",
    },
    # digits, perhaps after a minus; "$" alone would let a newline pass on MariaDB and MySQL
    "integer": {
        "sqlite": "(coalesce(({0} GLOB '[0-9]*' OR {0} GLOB '-[0-9]*') AND substr({0}, 2) NOT GLOB '*[^0-9]*'"
        " AND length(ltrim({0}, '-')) <= 18, 0))",
        "postgresql": "(coalesce({0} ~ '^-?[0-9]{{1,18}}$', false))",
        "mysql": "(COALESCE({0} REGEXP '^-?[0-9]{{1,18}}$' AND {0} NOT REGEXP '[^-0-9]', FALSE))",
    },
    "to_integer": {
        "sqlite": "CAST({0} AS INTEGER)",
        "postgresql": "CAST({0} AS BIGINT)",
        "mysql": "CAST({0} AS SIGNED)",
    },
    "to_text": {
        "sqlite": "CAST({0} AS TEXT)",
        "postgresql": "CAST({0} AS TEXT)",
        "mysql": "CAST({0} AS CHAR)",
    },
    "length": {"sqlite": "length({0})", "postgresql": "length({0})", "mysql": "CHAR_LENGTH({0})"},
    "joined": {"sqlite": "({0} || {1})", "postgresql": "({0} || {1})", "mysql": "CONCAT({0}, {1})"},
    "unless": {
        "sqlite": "CASE WHEN {1} THEN {2} ELSE {0} END",
        "postgresql": "CASE WHEN {1} THEN {2} ELSE {0} END",
        "mysql": "CASE WHEN {1} THEN {2} ELSE {0} END",
    },
    "outside": {
        "sqlite": "(coalesce({0} NOT BETWEEN {1} AND {2}, 0))",
        "postgresql": "(coalesce({0} NOT BETWEEN {1} AND {2}, false))",
        "mysql": "(COALESCE({0} NOT BETWEEN {1} AND {2}, FALSE))",
    },
}
_SAID_LIKE = {"mariadb": "mysql", "cockroachdb": "postgresql"}


class Piece(ColumnElement[Any]):
    """One template with its arguments."""

    inherit_cache = False

    def __init__(self, template: str, type_: Any, *arguments: Any) -> None:
        self.template = template
        self.type = type_
        self.arguments = arguments

    def get_children(self, *args: Any, **kw: Any) -> Any:
        """The arguments, for SQLAlchemy's visitors."""
        return self.arguments

    @property
    def _from_objects(self) -> list[Any]:
        return [origin for item in self.arguments for origin in item._from_objects]


@compiles(Piece)
def _piece(element: Piece, compiler: Any, **kw: Any) -> str:
    name = compiler.dialect.name
    template = _TEMPLATES[element.template][_SAID_LIKE.get(name, name)]
    return template.format(*(f"{compiler.process(item, **kw)}" for item in element.arguments))


def column_type(type_: t.Type) -> Any:
    """SQLAlchemy's type for a column."""
    if isinstance(type_, t.Boolean):
        return sa.Boolean()
    if isinstance(type_, t.Integer):
        return {16: sa.SmallInteger(), 32: sa.Integer(), 64: sa.BigInteger()}[type_.bits]
    if isinstance(type_, t.Text):
        return sa.String(type_.length) if type_.length else sa.Text()
    raise BadDeclaration(f"{type(type_).__name__} is no type of a column", hint="use one of upgrade.types")


def to_sql(expression: e.Expression, resolve: Resolve) -> Any:
    """The expression as SQL."""
    return _sql(expression, resolve)


def failing(expression: e.Expression, resolve: Resolve) -> Any:
    """The condition under which something in the expression can't be converted (its ``fails``)."""
    found = _fails(expression, resolve)
    return sa.false() if found is None else found


def _constant(value: e.Scalar) -> Any:
    if value is None:
        return sa.null()
    if isinstance(value, bool):
        return sa.true() if value else sa.false()
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
    return sa.case((_is_integer(text), Piece("to_integer", sa.BigInteger(), text)), else_=sa.null())


@_sql.register
def _(node: e.Lookup, resolve: Resolve) -> Any:
    given = _sql(node.of, resolve)
    otherwise = sa.null() if node.otherwise is None else _sql(node.otherwise, resolve)
    whens = [(null_safe_same(given, _constant(key)), _constant(value)) for key, value in node.pairs]
    return sa.case(*whens, else_=otherwise)


@_sql.register
def _(node: e.Case, resolve: Resolve) -> Any:
    whens = [(_sql(condition, resolve), _sql(value, resolve)) for condition, value in node.branches]
    return sa.case(*whens, else_=_sql(node.otherwise, resolve))


@_sql.register
def _(node: e.FirstOf, resolve: Resolve) -> Any:
    return sa.func.coalesce(*(_sql(value, resolve) for value in node.values))


@_sql.register
def _(node: e.Guarded, resolve: Resolve) -> Any:
    value, fails = _sql(node.of, resolve), _fails(node.of, resolve)
    if fails is None:
        return value
    if _is_strict(node.of):  # NULL is what fails, or comes from a NULL
        given = sa.and_(*(resolve(name).isnot(None) for name in sorted(set(node.of.fields()))))
        return sa.func.coalesce(value, sa.case((given, _constant(node.fallback)), else_=sa.null()))
    return Piece("unless", value.type, value, fails, _constant(node.fallback))


@_sql.register
def _(node: t.Fitted, resolve: Resolve) -> Any:
    value, limits = _sql(node.of, resolve), _limits(node)
    if limits is None:
        return value
    measured = _measured(node, value)
    return sa.case((measured.between(*limits), value), else_=sa.null())


@_sql.register
def _(node: e.IsNull, resolve: Resolve) -> Any:
    return _sql(node.of, resolve).is_(None)


@_sql.register
def _(node: e.Same, resolve: Resolve) -> Any:
    return null_safe_same(_sql(node.left, resolve), _sql(node.right, resolve))


@_sql.register
def _(node: e.Not, resolve: Resolve) -> Any:
    return sa.not_(_sql(node.of, resolve))


@_sql.register
def _(node: e.Every, resolve: Resolve) -> Any:
    return sa.and_(sa.true(), *(_sql(item, resolve) for item in node.of))


@_sql.register
def _(node: e.AnyOf, resolve: Resolve) -> Any:
    return sa.or_(sa.false(), *(_sql(item, resolve) for item in node.of))


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


def _is_strict(node: e.Expression) -> bool:
    """Whether it is NULL only where it fails, or where a column that it reads is NULL."""
    strict = isinstance(node, (e.Field, e.Joined, e.Before, e.AsText, e.AsInteger, t.Fitted))
    strict = strict or (isinstance(node, e.After) and node.required)
    strict = strict or (isinstance(node, e.Literal) and node.constant is not None)
    return strict and all(_is_strict(part) for part in node.parts())


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
    misfit = None if limits is None else Piece("outside", sa.Boolean(), _measured(node, value), *limits)
    return _either(misfit, _fails(node.of, resolve))
