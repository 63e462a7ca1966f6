"""SQL constructs for trigger bodies: the row's values, the clock, key text and null-safe comparison.

All but :func:`old` and :func:`new` also work in ordinary queries. Every construct renders its own text for
each dialect, so that the SQL, and with it the fingerprint, is the same under SQLAlchemy 1.4 and 2.x.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import types
from sqlalchemy.exc import CompileError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import ClauseElement, ColumnElement

#: Characters that the column of a key has.
KEY_SIZE = 700

_Column = Any  # Column[Any] under 2.x, Column under 1.4


class RowValue(ColumnElement[Any]):
    """A column of the row that the trigger fired for, before (``old``) or after (``new``) the change."""

    inherit_cache = False

    def __init__(self, row: str, column: _Column) -> None:
        self.row = row
        self.column = column
        self.type = column.type


def old(column: _Column) -> RowValue:
    """The column's value before the change (UPDATE and DELETE triggers)."""
    return RowValue("old", column)


def new(column: _Column) -> RowValue:
    """The column's value after the change (INSERT and UPDATE triggers)."""
    return RowValue("new", column)


class RowAccess:
    """Which rows a trigger may read, and what was read while it was compiled.

    Hung on the compiling dialect as ``viaduct_rows``; a dialect without it is no trigger compiler.
    """

    def __init__(
        self, allowed: frozenset[str], columns: frozenset[str], *, parenthesised: bool = False
    ) -> None:
        self.allowed = allowed
        self.columns = columns
        self.parenthesised = parenthesised
        self.read: set[tuple[str, str]] = set()

    def render(self, row: str, quoted: str) -> str:
        """``NEW."a"``, or ``(NEW)."a"`` where the server insists on it."""
        return f"({row.upper()}).{quoted}" if self.parenthesised else f"{row.upper()}.{quoted}"


@compiles(RowValue)
def _row_value(element: RowValue, compiler: Any, **kw: Any) -> str:
    access: RowAccess | None = getattr(compiler.dialect, "viaduct_rows", None)
    if access is None:
        raise CompileError("old() and new() have a meaning inside a trigger only")
    if element.row not in access.allowed:
        raise CompileError(f"this trigger has no {element.row} row (column {element.column.name})")
    if element.column.name not in access.columns:
        raise CompileError(f"the trigger's table has no column {element.column.name}")
    access.read.add((element.row, element.column.name))
    return access.render(element.row, compiler.preparer.quote(element.column.name))


class now_microseconds(ColumnElement[int]):
    """Microseconds since 1970-01-01 UTC as a BIGINT, by the database server's clock.

    PostgreSQL: the time of the call; MariaDB and MySQL: the time of the statement; SQLite: milliseconds
    only (its clock has no more; ``strftime('%f')`` needs no particular version).
    """

    inherit_cache = False

    def __init__(self) -> None:
        self.type = types.BigInteger()


@compiles(now_microseconds)
def _now(element: now_microseconds, compiler: Any, **kw: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"


@compiles(now_microseconds, "sqlite")
def _now_sqlite(element: now_microseconds, compiler: Any, **kw: Any) -> str:
    return (
        "(CAST(strftime('%s', 'now') AS INTEGER) * 1000000"
        " + CAST(substr(strftime('%f', 'now'), 4) AS INTEGER) * 1000)"
    )


@compiles(now_microseconds, "mysql", "mariadb")
def _now_mysql(element: now_microseconds, compiler: Any, **kw: Any) -> str:
    return "TIMESTAMPDIFF(MICROSECOND, TIMESTAMP '1970-01-01 00:00:00', UTC_TIMESTAMP(6))"


class KeyText(ColumnElement[str]):
    """See :func:`key_text`."""

    inherit_cache = False

    def __init__(self, parts: tuple[Any, ...]) -> None:
        self.parts = parts
        self.type = types.String()

    def get_children(self, *args: Any, **kw: Any) -> Any:
        """The parts, for SQLAlchemy's visitors."""
        return tuple(part for part in self.parts if isinstance(part, ClauseElement))

    @property
    def _from_objects(self) -> list[Any]:
        return [origin for part in self.get_children() for origin in part._from_objects]


def key_text(*parts: Any) -> KeyText:
    """The record key made of these columns (or ``old()``/``new()`` values, or plain strings) as one SQL text.

    Each part's text form has ``%`` escaped as ``%25`` and ``/`` as ``%2F``; the parts are joined by ``/``.
    What would be longer than a key may be is written more shortly: ``%~``, and ``%%`` and ``%s`` instead.
    NULL is the empty text, a boolean is ``1`` or ``0``, an integer its decimal digits.
    """
    if not parts:
        raise ValueError("key_text() needs at least one part")
    return KeyText(parts)


#: What stands for ``%`` and for ``/`` inside a part, usually and where the key would be too long so.
_USUAL, _SHORTER = ("%25", "%2F"), ("%%", "%s")


def _key_part(part: Any, compiler: Any, escapes: tuple[str, str], kw: dict[str, Any]) -> str:
    """One part as SQL text that is never NULL."""
    if isinstance(part, str):
        escaped = part.replace("%", escapes[0]).replace("/", escapes[1])
        return str(compiler.render_literal_value(escaped, types.String()))
    text = compiler.process(part, **kw)
    if isinstance(part.type, types.Boolean):
        return f"CASE WHEN {text} IS NULL THEN '' WHEN {text} THEN '1' ELSE '0' END"
    mysql = compiler.dialect.name in ("mysql", "mariadb")
    if not (mysql and isinstance(part.type, types.String)):
        # A cast to CHAR would convert text to the connection's character set, so text is left as it is there.
        text = f"CAST({text} AS {'CHAR' if mysql else 'TEXT'})"
    if isinstance(part.type, types.Integer):
        return f"coalesce({text}, '')"
    percent, percents, slash = (
        compiler.render_literal_value(value, types.String()) for value in ("%", *escapes)
    )
    return f"replace(replace(coalesce({text}, ''), {percent}, {percents}), '/', {slash})"


def _longest(part: Any) -> int:
    """The characters that a part may have as it is usually written."""
    if isinstance(part, str):
        return 3 * len(part)
    if isinstance(part.type, types.String):
        return KEY_SIZE + 1 if part.type.length is None else 3 * int(part.type.length)
    return 20


def _joined(element: KeyText, compiler: Any, escapes: tuple[str, str], kw: dict[str, Any]) -> str:
    parts = [_key_part(part, compiler, escapes, kw) for part in element.parts]
    begin = [str(compiler.render_literal_value("%~", types.String()))] if escapes is _SHORTER else []
    pieces = [*begin, parts[0], *(piece for part in parts[1:] for piece in ("'/'", part))]
    if len(pieces) == 1:
        return pieces[0]
    if compiler.dialect.name in ("mysql", "mariadb"):
        return "concat(" + ", ".join(pieces) + ")"
    return "(" + " || ".join(pieces) + ")"


@compiles(KeyText)
def _key_text(element: KeyText, compiler: Any, **kw: Any) -> str:
    usual = _joined(element, compiler, _USUAL, kw)
    # SQLite keeps to no column's length
    bounded = sum(_longest(part) + 1 for part in element.parts) <= KEY_SIZE
    if bounded and compiler.dialect.name != "sqlite":
        return usual
    length = "char_length" if compiler.dialect.name in ("mysql", "mariadb") else "length"
    shorter = _joined(element, compiler, _SHORTER, kw)
    return f"CASE WHEN {length}({usual}) > {KEY_SIZE} THEN {shorter} ELSE {usual} END"


class Differs(ColumnElement[bool]):
    """See :func:`differs`."""

    inherit_cache = False

    def __init__(self, left: Any, right: Any, *, negated: bool = False) -> None:
        self.left = left
        self.right = right
        self.negated = negated
        self.type = types.Boolean()

    def get_children(self, *args: Any, **kw: Any) -> Any:
        """Both sides, for SQLAlchemy's visitors."""
        return (self.left, self.right)

    @property
    def _from_objects(self) -> list[Any]:
        return [*self.left._from_objects, *self.right._from_objects]


def differs(left: Any, right: Any) -> Differs:
    """True when the two values are not the same, NULL being equal to NULL only; never NULL itself.

    On MariaDB and MySQL texts are compared byte by byte: their usual collations would not see a change of
    case, of an accent or of trailing spaces.
    """
    return Differs(left, right)


def same(left: Any, right: Any) -> Differs:
    """The opposite of :func:`differs`."""
    return Differs(left, right, negated=True)


def has_changed(column: _Column) -> Differs:
    """True in an UPDATE trigger when the statement really changed the column."""
    return Differs(old(column), new(column))


@compiles(Differs)
def _differs(element: Differs, compiler: Any, **kw: Any) -> str:
    left, right = compiler.process(element.left, **kw), compiler.process(element.right, **kw)
    if isinstance(element.left.type, types.JSON) and type(element.left.type).__name__ != "JSONB":
        left, right = f"CAST({left} AS TEXT)", f"CAST({right} AS TEXT)"  # json has no equality
    return f"({left} IS {'NOT ' if element.negated else ''}DISTINCT FROM {right})"


@compiles(Differs, "sqlite")
def _differs_sqlite(element: Differs, compiler: Any, **kw: Any) -> str:
    left, right = compiler.process(element.left, **kw), compiler.process(element.right, **kw)
    return f"({left} {'IS' if element.negated else 'IS NOT'} {right})"


@compiles(Differs, "mysql", "mariadb")
def _differs_mysql(element: Differs, compiler: Any, **kw: Any) -> str:
    left, right = compiler.process(element.left, **kw), compiler.process(element.right, **kw)
    if isinstance(element.left.type, (types.String, types.NullType)):
        left, right = f"CAST({left} AS BINARY)", f"CAST({right} AS BINARY)"
    return f"({left} <=> {right})" if element.negated else f"(NOT ({left} <=> {right}))"


def contains_query(element: Any) -> bool:
    """Whether the expression has a SELECT in it."""
    return any(item.__visit_name__ in ("select", "compound_select") for item in visitors.iterate(element))
