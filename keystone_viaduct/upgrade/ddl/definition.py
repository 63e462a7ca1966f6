"""Edits the text in which SQLite keeps a table's definition: one column of it, or a further constraint."""

from __future__ import annotations

import re
import sqlite3

from keystone_viaduct.errors import UpgradeError
from keystone_viaduct.upgrade.steps import Edit

_TOKEN = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | `(?:[^`]|``)*` | \[[^\]]*\] | --[^\n]* | /\*.*?\*/
    | [A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]* | [0-9.]+(?:[eE][+-]?[0-9]+)? | \s+ | .""",
    re.VERBOSE | re.DOTALL,
)
_CONSTRAINTS = frozenset(
    [
        "CONSTRAINT",
        "NOT",
        "NULL",
        "DEFAULT",
        "PRIMARY",
        "UNIQUE",
        "CHECK",
        "REFERENCES",
        "COLLATE",
        "GENERATED",
        "AS",
    ]
)
_OPEN, _CLOSE = "(", ")"


def edit_definition(sql: str, edit: Edit) -> str:
    """The CREATE TABLE statement with one column's definition changed. Raises UpgradeError."""
    tokens = _TOKEN.findall(sql)
    if edit.constraint is not None:
        last = len(tokens) - 1 - tokens[::-1].index(_CLOSE)
        return "".join([*tokens[:last], f", {edit.constraint}", *tokens[last:]])
    if edit.loose:
        return _without_foreign_key(tokens, edit.loose)
    begin, end = _column_range(tokens, edit.column)
    column = tokens[begin:end]
    if edit.nullable is not None:
        column = _without_not_null(column)
        if not edit.nullable:
            column = [*column, " NOT NULL"]
    if edit.type is not None:
        column = _with_type(column, edit.type)
    if edit.default is not None:
        column = _without_default(column)
        if edit.default != "NULL":
            column = [*column, f" DEFAULT {edit.default}"]
    return "".join([*tokens[:begin], *column, *tokens[end:]])


def check_definition(table: str, sql: str, edit: Edit) -> None:
    """Whether SQLite reads the changed text as it was meant. Raises UpgradeError before it is stored."""
    with sqlite3.connect(":memory:") as scratch:
        try:
            scratch.execute(sql)
        except sqlite3.Error as error:
            raise UpgradeError(f"the definition of {table} could not be changed: {error}", sql=sql) from error
        if not edit.column:
            return
        query = 'SELECT "notnull", dflt_value FROM pragma_table_info(?) WHERE name = ?'
        notnull, default = scratch.execute(query, (table, edit.column)).fetchone()
    scratch.close()
    wrong = edit.nullable is not None and bool(notnull) is edit.nullable
    wrong = wrong or (edit.default is not None and (default or "NULL") != edit.default)
    if wrong:
        raise UpgradeError(f"the definition of {table}.{edit.column} could not be changed", sql=sql)


def _column_range(tokens: list[str], column: str) -> tuple[int, int]:
    """From the column's name to before the comma or parenthesis that ends it, without trailing blanks."""
    depth, begin = 0, -1
    for index, token in enumerate(tokens):
        ends = (token == "," and depth == 1) or (token == _CLOSE and depth == 1)
        if ends and begin >= 0 and _is_named(tokens[begin:index], column):
            while _is_blank(tokens[index - 1]):
                index -= 1
            return begin, index
        depth += {_OPEN: 1, _CLOSE: -1}.get(token, 0)
        if (token == _OPEN and depth == 1) or (token == "," and depth == 1):
            begin = index + 1
    raise UpgradeError(f"no column {column} in its table's definition", hint="look at the declaration")


def _without_foreign_key(tokens: list[str], columns: tuple[str, ...]) -> str:
    """Without the constraint of the table that says FOREIGN KEY (columns)."""
    for begin, end in _parts(tokens):
        part = tokens[begin:end]
        words = [word for _, word in _words(part)]
        if "FOREIGN" in words[:3]:
            opened = next(index for index, token in enumerate(part) if token == _OPEN)
            inside = [token for token in part[opened + 1 : _closing(part, opened)] if not _is_blank(token)]
            named = [token for token in inside if token != ","]
            if len(named) == len(columns) and all(map(_is_named, ([item] for item in named), columns)):
                return "".join([*tokens[: begin - 1], *tokens[end:]])
    raise UpgradeError(
        f"no FOREIGN KEY ({', '.join(columns)}) stands in its table's definition by itself",
        hint="make the table anew without it while nothing runs (Alembic's batch mode)",
    )


def _parts(tokens: list[str]) -> list[tuple[int, int]]:
    """The columns and constraints of the definition, each without the comma that ends it."""
    depth, begin, found = 0, 0, []
    for index, token in enumerate(tokens):
        if depth == 1 and token in (",", _CLOSE):
            found.append((begin, index))
        depth += {_OPEN: 1, _CLOSE: -1}.get(token, 0)
        if depth == 1 and token in (",", _OPEN):
            begin = index + 1
    return found


def _is_blank(token: str) -> bool:
    return token.isspace() or token.startswith(("--", "/*"))


def _is_named(part: list[str], column: str) -> bool:
    first = next((token for token in part if not _is_blank(token)), "")
    if first[:1] in "\"`'" and first:
        quote = first[0]
        first = first[1:-1].replace(quote * 2, quote)
    return first.strip("[]").lower() == column.lower()


def _words(part: list[str]) -> list[tuple[int, str]]:
    """Words and other tokens outside of parentheses, with their places."""
    depth, found = 0, []
    for index, token in enumerate(part):
        if depth == 0 and not _is_blank(token):
            found.append((index, token.upper()))
        depth += {_OPEN: 1, _CLOSE: -1}.get(token, 0)
    return found


def _with_type(part: list[str], type_: str) -> list[str]:
    """The words of a type stand behind the name, perhaps with a length, until a constraint begins."""
    words = _words(part)
    last = 1
    while last < len(words) and words[last][1] not in _CONSTRAINTS:
        last += 1
    end = words[last][0] if last < len(words) else len(part)
    return [*part[: words[0][0] + 1], f" {type_} ", *part[end:]]


def _without_not_null(part: list[str]) -> list[str]:
    words = _words(part)
    for number in range(1, len(words) - 1):
        if (words[number][1], words[number + 1][1]) == ("NOT", "NULL"):
            first, last = number, number + 1
            if number >= 2 and words[number - 2][1] == "CONSTRAINT":
                first = number - 2
            if [word for _, word in words[last + 1 : last + 3]] == ["ON", "CONFLICT"]:
                last += 3
            return part[: words[first][0]] + part[words[last][0] + 1 :]
    return part


def _without_default(part: list[str]) -> list[str]:
    words = _words(part)
    for number in range(1, len(words) - 1):
        if words[number][1] == "DEFAULT":
            begin = words[number][0]
            value = words[number + 1]
            last = words[number + 2][0] if value[1] in ("+", "-") else value[0]
            if value[1] == _OPEN:
                last = _closing(part, value[0])
            return part[:begin] + part[last + 1 :]
    return part


def _closing(part: list[str], opening: int) -> int:
    depth = 0
    for index in range(opening, len(part)):
        depth += {_OPEN: 1, _CLOSE: -1}.get(part[index], 0)
        if depth == 0:
            return index
    raise UpgradeError("a parenthesis in the table's definition is not closed")
