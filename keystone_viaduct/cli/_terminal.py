"""What commands print: tables and progress for people, or one JSON value for programs."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TextIO

import yaml
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from keystone_viaduct.errors import ViaductError

#: What does something to a terminal, or can't be written to it: controls (but line ends and tabs), marks of a
#: text's direction, halves of surrogate pairs.
_ACTIVE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def inert(text: str) -> str:
    """Text that says the same and does nothing: names in it come from any user of any site."""
    return _ACTIVE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


#: Characters in a line where nobody is watching: what reads it looks for whole words.
_ENDLESS = 10_000
#: Characters that a table's frame takes, and a column at least.
_FRAME, _ROOM = 4, 12

#: How each command ends that has only tried.
UNCHANGED = "nothing was changed (--dry-run)"


class Terminal:
    """Standard output and standard error. ``form`` is table, json or yaml; with the latter two output is one
    value and nothing else.
    """

    def __init__(self, *, form: str = "table") -> None:
        self.form = form
        self.out = _console(sys.stdout)
        self.err = _console(sys.stderr)

    @property
    def for_people(self) -> bool:
        """Whether people read the output."""
        return self.form == "table"

    def say(self, text: str) -> None:
        """A line for people."""
        if self.for_people:
            self.out.print(inert(text), markup=False, soft_wrap=True)

    def say_error(self, text: str) -> None:
        """A line on standard error."""
        self.err.print(inert(text), markup=False, soft_wrap=True)

    def data(self, value: Any) -> None:
        """The result for programs."""
        if self.form == "json":
            sys.stdout.write(json.dumps(value, indent=2) + "\n")
        elif self.form == "yaml":
            # what is no value of YAML's (halves of surrogate pairs, enumerations) goes by way of JSON
            plain = json.loads(json.dumps(value))
            sys.stdout.write(yaml.safe_dump(plain, sort_keys=False, width=_ENDLESS))

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """A table for people. No word is cut off: what is too wide goes on below, the first column last; in a
        pipe each row is a line.
        """
        if not self.for_people:
            return
        if not self.out.is_terminal:
            self._lines(title, columns, rows)
            return
        whole = _fits([str(row[0]) for row in rows], len(columns), self.out.width)
        table = Table(
            *(
                Column(_cell(name), overflow="fold", no_wrap=whole and not number)
                for number, name in enumerate(columns)
            ),
            title=_cell(title),
            title_justify="left",
        )
        for row in rows:
            table.add_row(*map(_cell, row))
        self.out.print(table)

    def _lines(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """The same without a frame, for programs that look for words in lines."""
        cells = [list(columns), *([inert(str(value)).replace("\n", " ") for value in row] for row in rows)]
        widths = [max((len(row[place]) for row in cells), default=0) for place in range(len(columns))]
        if title:
            self.say(title)
        for row in cells:
            line = "  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True))
            self.say(line.rstrip())

    def error(self, error: ViaductError) -> None:
        """What went wrong and what to do, on standard error; for programs also as the result."""
        self.err.print(f"[bold red]error[/]: {_cell(error.message)}", soft_wrap=True)
        if error.hint:
            self.err.print(f"[bold]hint[/]: {_cell(error.hint)}", soft_wrap=True)
        self.data({"error": {"code": error.code, "message": error.message, "hint": error.hint}})

    @contextmanager
    def progress(self, title: str, total: int) -> Iterator[Step]:
        """Shows progress: a bar while a person is watching, else a line for each tenth.
        ``step(advance, note)`` moves it on.
        """
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self.err,
            disable=not self.err.is_terminal or not self.for_people,
            transient=True,
        ) as bar:
            say = self.say_error if self.for_people and not self.err.is_terminal else _nothing
            yield Step(bar, bar.add_task(title, total=total), Tenths(title, say, total))


def _console(file: TextIO) -> Console:
    """As wide as the terminal; without end where there is none, unless somebody says how wide."""
    console = Console(file=file, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _ENDLESS
    return console


def _fits(keys: Sequence[str], columns: int, width: int) -> bool:
    """Whether the first column can stand in one line, with room for a word in each of the others."""
    return max((len(inert(key)) for key in keys), default=0) + _FRAME + (columns - 1) * _ROOM <= width


def _nothing(_text: str) -> None:
    """Nobody reads it."""


def _cell(value: object) -> str:
    return escape(inert(str(value)))


def moment(microseconds: int) -> str:
    """A time since the epoch, in UTC, for people."""
    return datetime.fromtimestamp(microseconds / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


class Tenths:
    """Progress as lines: one when it begins, and one whenever another tenth is done."""

    def __init__(self, title: str, say: Callable[[str], None], total: int | None = None) -> None:
        self.title, self._say, self._told = title, say, -1
        self.total, self.done = total, 0

    def at(self, done: int, total: int | None = None) -> None:
        """So much is done, of so much as is known now."""
        self.done, self.total = done, self.total if total is None else total
        tenth = 10 * done // self.total if self.total else 0
        if tenth > self._told:
            self._told = tenth
            self._say(f"{self.title}: {done} of {'?' if self.total is None else self.total}")


class Step:
    """Moves a progress bar."""

    def __init__(self, bar: Progress, task: Any, tenths: Tenths) -> None:
        self._bar = bar
        self._task = task
        self._tenths = tenths

    def __call__(self, advance: int, note: str = "") -> None:
        """``advance`` units more; ``note`` says what is being done."""
        title = f"{self._tenths.title} {note}".rstrip()
        self._bar.update(self._task, advance=advance, description=_cell(title))
        self._tenths.at(self._tenths.done + advance)
