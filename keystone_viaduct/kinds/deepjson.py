"""Python's JSON, NaN and infinities included, read and written without recursion: for values of any depth."""

from __future__ import annotations

import json
import math
from json.decoder import scanstring  # type: ignore[attr-defined]
from json.encoder import encode_basestring_ascii
from typing import Any

#: The deepest that a value is read or written.
DEPTH = 1000

_WORDS = {
    "true": True,
    "false": False,
    "null": None,
    "NaN": math.nan,
    "Infinity": math.inf,
    "-Infinity": -math.inf,
}
_BLANKS = " \t\n\r"
_leaf = json.JSONEncoder(ensure_ascii=True, allow_nan=True, separators=(",", ":")).encode
_number = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


class TooDeep(ValueError):
    """Lists and objects lie deeper in each other than a record may have them."""


def encode(value: Any, depth: int = DEPTH) -> str:
    """The canonical text: ASCII, keys sorted, no blanks. Raises TooDeep."""
    out: list[str] = []
    todo: list[tuple[Any, int]] = [(value, 0)]
    while todo:
        one, level = todo.pop()
        if level < 0:  # a piece of text
            out.append(one)
            continue
        if isinstance(one, (dict, list)):
            _check_depth(level, depth)
        if isinstance(one, dict) and one:
            todo.append(("}", -1))
            for place, name in enumerate(sorted(one, reverse=True), 1):
                todo.append((one[name], level + 1))
                todo.append((("{" if place == len(one) else ",") + encode_basestring_ascii(name) + ":", -1))
        elif isinstance(one, list) and one:
            todo.append(("]", -1))
            for place in range(len(one) - 1, -1, -1):
                todo.append((one[place], level + 1))
                todo.append(("," if place else "[", -1))
        else:
            out.append(_leaf(one))
    return "".join(out)


def decode(text: str, depth: int = DEPTH) -> Any:
    """What Python's parser would make of the text if it did not recurse. Raises ValueError, TooDeep."""
    return _Reader(text, depth).read()


def _check_depth(depth: int, most: int) -> None:
    if depth >= most:
        raise TooDeep(f"is nested more than {DEPTH} deep")


class _Reader:
    """Keeps its place in a list instead of calling itself."""

    def __init__(self, text: str, depth: int) -> None:
        self._text = text
        self._depth = depth
        self._at = 0
        #: Each list or object that is open, and behind a dot the name of its next member; '' for none yet
        self._open: list[tuple[Any, str]] = []

    def read(self) -> Any:
        """The value. Raises ValueError."""
        found = self._value()
        while self._open:
            found = self._next()
        if self._peek():
            raise self._wrong()
        return found

    def _next(self) -> Any:
        """Go on inside the innermost list or object; what it is when it ends there."""
        holder, name = self._open[-1]
        mark = self._peek()
        if mark == ("}" if isinstance(holder, dict) else "]"):
            self._at += 1
            self._open.pop()
            return self._put(holder)
        if name:
            if mark != ",":
                raise self._wrong()
            self._at += 1
        self._open[-1] = holder, f".{self._name()}" if isinstance(holder, dict) else "."
        return self._value()

    def _name(self) -> str:
        if self._peek() != '"':
            raise self._wrong()
        name, self._at = scanstring(self._text, self._at + 1, True)
        if self._peek() != ":":
            raise self._wrong()
        self._at += 1
        return str(name)

    def _value(self) -> Any:
        """The next value, put where it belongs unless it is a list or object that has only been opened."""
        mark = self._peek()
        if mark in ("[", "{"):
            _check_depth(len(self._open), self._depth)
            self._at += 1
            self._open.append(([] if mark == "[" else {}, ""))
            return None
        return self._put(self._plain(mark))

    def _plain(self, mark: str) -> Any:
        if mark == '"':
            text, self._at = scanstring(self._text, self._at + 1, True)
            return text
        for word, value in _WORDS.items():
            if self._text.startswith(word, self._at):
                self._at += len(word)
                return value
        if not mark or mark not in "-0123456789":
            raise self._wrong()
        try:
            number, self._at = _number(self._text, self._at)
        except StopIteration:
            raise self._wrong() from None
        return number

    def _put(self, value: Any) -> Any:
        if self._open:
            holder, name = self._open[-1]
            if isinstance(holder, dict):
                holder[name[1:]] = value
            else:
                holder.append(value)
        return value

    def _peek(self) -> str:
        """The next character that is no blank; '' at the end."""
        text, size = self._text, len(self._text)
        while self._at < size and text[self._at] in _BLANKS:
            self._at += 1
        return text[self._at] if self._at < size else ""

    def _wrong(self) -> ValueError:
        return json.JSONDecodeError("is no JSON", self._text, self._at)
