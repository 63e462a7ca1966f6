"""What commands print: tables and progress for people, or one JSON value for programs."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

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


class Terminal:
    """Standard output and standard error. With ``as_json`` output is one JSON value and nothing else."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.out = Console(file=sys.stdout, highlight=False)
        self.err = Console(file=sys.stderr, highlight=False)

    def say(self, text: str) -> None:
        """A line for people."""
        if not self.as_json:
            self.out.print(inert(text), markup=False)

    def say_error(self, text: str) -> None:
        """A line on standard error."""
        self.err.print(inert(text), markup=False)

    def json(self, value: Any) -> None:
        """The result for programs."""
        if self.as_json:
            sys.stdout.write(json.dumps(value, indent=2) + "\n")

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """A table for people; what is too wide goes on below, for a key that is cut off is of no use."""
        if self.as_json:
            return
        table = Table(
            *(Column(_cell(name), overflow="fold") for name in columns),
            title=_cell(title),
            title_justify="left",
        )
        for row in rows:
            table.add_row(*map(_cell, row))
        self.out.print(table)

    def error(self, error: ViaductError) -> None:
        """What went wrong and what to do, on standard error; with ``as_json`` also as the result."""
        self.err.print(f"[bold red]error[/]: {_cell(error.message)}", soft_wrap=True)
        if error.hint:
            self.err.print(f"[bold]hint[/]: {_cell(error.hint)}", soft_wrap=True)
        self.json({"error": {"code": error.code, "message": error.message, "hint": error.hint}})

    @contextmanager
    def progress(self, title: str, total: int) -> Iterator[Step]:
        """Shows progress while a person is watching; ``step(advance, note)`` moves it on."""
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self.err,
            disable=not self.err.is_terminal or self.as_json,
            transient=True,
        ) as bar:
            yield Step(bar, bar.add_task(title, total=total), title)


def _cell(value: object) -> str:
    return escape(inert(str(value)))


def moment(microseconds: int) -> str:
    """A time since the epoch, in UTC, for people."""
    return datetime.fromtimestamp(microseconds / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


class Step:
    """Moves a progress bar."""

    def __init__(self, bar: Progress, task: Any, title: str) -> None:
        self._bar = bar
        self._task = task
        self._title = title

    def __call__(self, advance: int, note: str = "") -> None:
        """``advance`` units more; ``note`` says what is being done."""
        self._bar.update(self._task, advance=advance, description=_cell(f"{self._title} {note}".rstrip()))
