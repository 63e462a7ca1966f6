"""What engines say differently, as a table of templates, and the SQL element that fills one in.

Texts are searched and compared code point by code point, whatever the collation is (on MariaDB and MySQL
``'：' = ':'`` may hold). No template but SQLite's has a percent sign: drivers would take it for a parameter.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import ColumnElement

from keystone_viaduct.triggers import new, old
from keystone_viaduct.triggers.expressions import Differs

from .times import LEAST, MOST

_BIN = "CONVERT({0} USING utf8mb4) COLLATE utf8mb4_bin"
_EPOCH = "TIMESTAMP '1970-01-01 00:00:00'"
_FIRST, _LAST = "TIMESTAMP '1000-01-01 00:00:00'", "TIMESTAMP '9999-12-31 23:59:59.999999'"
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
    # the number counted from the year 1000 is never negative: so / and % round down
    "microseconds": {
        "sqlite": "(CASE WHEN {0} GLOB '[1-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] '"
        " || '[0-9][0-9]:[0-9][0-9]:[0-9][0-9]*'"
        " AND substr({0}, 20) NOT GLOB '*[^.0-9]*'"
        " THEN CAST(strftime('%s', substr({0}, 1, 19)) AS INTEGER) * 1000000"
        " + CAST(substr(substr({0}, 21) || '000000', 1, 6) AS INTEGER) END)",
        "postgresql": f"(CASE WHEN {{0}} BETWEEN {_FIRST} AND {_LAST}"
        " THEN CAST(EXTRACT(EPOCH FROM date_trunc('second', {0})) AS BIGINT) * 1000000"
        " + mod(CAST(EXTRACT(MICROSECONDS FROM {0}) AS BIGINT), 1000000) END)",
        "mysql": f"(CASE WHEN {{0}} BETWEEN {_FIRST} AND {_LAST}"
        f" THEN TIMESTAMPDIFF(MICROSECOND, {_EPOCH}, {{0}}) END)",
    },
    "moment": {
        "sqlite": f"(CASE WHEN {{0}} BETWEEN {LEAST} AND {MOST}"
        f" THEN datetime(({{0}} - {LEAST}) / 1000000 + {LEAST // 1000000}, 'unixepoch')"
        f" || '.' || substr('000000' || (({{0}} - {LEAST}) % 1000000), -6) END)",
        "postgresql": f"(CASE WHEN {{0}} BETWEEN {LEAST} AND {MOST} THEN {_EPOCH}"
        " + CAST(div({0}, 86400000000) AS INTEGER) * INTERVAL '1 day'"
        " + mod({0}, 86400000000) * INTERVAL '1 microsecond' END)",
        "mysql": f"(CASE WHEN {{0}} BETWEEN {LEAST} AND {MOST} THEN {_EPOCH}"
        " + INTERVAL ({0} DIV 1000000) SECOND + INTERVAL ({0} MOD 1000000) MICROSECOND END)",
    },
    "whole_seconds": {
        "sqlite": "(substr({0}, 1, 19) || '.000000')",
        "postgresql": "date_trunc('second', {0})",
        "mysql": "({0} - INTERVAL MICROSECOND({0}) MICROSECOND)",
    },
    "uuid": {
        "sqlite": "lower(hex(randomblob(16)))",
        "postgresql": "replace(CAST(gen_random_uuid() AS TEXT), '-', '')",
        "mysql": "LOWER(HEX(RANDOM_BYTES(16)))",
    },
    # whether whoever writes is not the worker of repair.py, nor a backfill
    "loud": {
        "sqlite": "(1 = 1)",
        "postgresql": "(coalesce(current_setting('viaduct.settling', true), '') <> 'on')",
        "mysql": "(@viaduct_settling IS NULL)",
    },
    # a boolean as a condition, without the "= 1" that SQLAlchemy gives it on MariaDB and MySQL
    "truth": {"sqlite": "{0}", "postgresql": "{0}", "mysql": "{0}"},
    "within": {
        "sqlite": "(coalesce({0} BETWEEN {1} AND {2}, 0))",
        "postgresql": "(coalesce({0} BETWEEN {1} AND {2}, false))",
        "mysql": "(COALESCE({0} BETWEEN {1} AND {2}, FALSE))",
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

    def self_group(self, against: Any = None) -> Any:
        """Each template stands in parentheses, is a call or a CASE: a condition, or a value, by itself."""
        return self

    @property
    def _from_objects(self) -> list[Any]:
        return [origin for item in self.arguments for origin in item._from_objects]


@compiles(Piece)
def _piece(element: Piece, compiler: Any, **kw: Any) -> str:
    name = compiler.dialect.name
    template = _TEMPLATES[element.template][_SAID_LIKE.get(name, name)]
    return template.format(*(f"{compiler.process(item, **kw)}" for item in element.arguments))


def by_others() -> Any:
    """Whether the writer is not one of ours, who takes care of both sides; for triggers."""
    return Piece("loud", sa.Boolean())


class _NullSafe(Differs):
    """A comparison that is a condition by itself: MariaDB and MySQL need no ``= 1`` behind it."""

    inherit_cache = False

    def self_group(self, against: Any = None) -> Any:
        """It stands in parentheses already."""
        return self


def null_safe_same(left: Any, right: Any) -> Any:
    """Whether both are the same, NULL being the same as NULL; texts byte by byte."""
    return _NullSafe(left, right, negated=True)


def differs(left: Any, right: Any) -> Any:
    """The opposite."""
    return _NullSafe(left, right)


def has_changed(column: sa.Column[Any]) -> Any:
    """Whether an UPDATE really changes a column; for triggers."""
    return _NullSafe(old(column), new(column))


class AsEnum(ColumnElement[Any]):
    """A text as the value of an enumeration; PostgreSQL wants it said."""

    inherit_cache = False

    def __init__(self, value: Any, type_: Any) -> None:
        self.value = value
        self.type = type_

    def get_children(self, *args: Any, **kw: Any) -> Any:
        """The text."""
        return (self.value,)

    @property
    def _from_objects(self) -> list[Any]:
        return list(self.value._from_objects)


@compiles(AsEnum)
def _as_enum(element: AsEnum, compiler: Any, **kw: Any) -> str:
    value = compiler.process(element.value, **kw)
    if compiler.dialect.name not in ("postgresql", "cockroachdb"):
        return str(value)
    return f"CAST({value} AS {compiler.preparer.format_type(element.type)})"


class EnumText(AsEnum):
    """The value of an enumeration as a text."""

    inherit_cache = False

    def __init__(self, value: Any) -> None:
        super().__init__(value, sa.String())


@compiles(EnumText)
def _enum_text(element: EnumText, compiler: Any, **kw: Any) -> str:
    value = compiler.process(element.value, **kw)
    said = compiler.dialect.name in ("postgresql", "cockroachdb")
    return f"CAST({value} AS TEXT)" if said else str(value)
