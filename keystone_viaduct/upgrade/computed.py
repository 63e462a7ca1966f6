"""Values that only Python can compute: columns whose ``up`` and ``down`` are functions.

Triggers can't call them. They leave a mark at each write, and the worker (``repair.py``) computes the other
side within a second: for as long a reader of that side sees the value from before.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from keystone_viaduct.errors import BadDeclaration, UpgradeError

from .expression import Row, Scalar, same
from .move import NEW, OLD
from .shape import Column, Table, check_name

Function = Callable[[Row], Mapping[str, Scalar]]


@dataclass(frozen=True)
class Computed:
    """``old`` columns of a table become ``new`` ones of it, by functions.

    ``up`` and ``down`` are ``module:function``. Each takes the values of the other side's columns by name,
    and returns those of its own. ``down`` must find the old values again: a row is consistent if it does, so
    ``up`` may be one that never gives the same twice, as an encryption does.
    """

    name: str
    table: Table
    old: tuple[Column, ...]
    new: tuple[Column, ...]
    up: str
    down: str

    def __post_init__(self) -> None:
        check_name(self.name)
        names = [column.name for column in (*self.table.key, *self.old, *self.new)]
        if len(names) != len(set(names)) or not self.old or not self.new:
            raise self._error("each side needs a column, and none may be named twice")

    def _error(self, problem: str, hint: str = "") -> BadDeclaration:
        return BadDeclaration(f"{self.name}: {problem}", hint=hint, bridge=self.name)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Both sides, the old one first."""
        return (*self.old, *self.new)

    def places(self, side: str) -> list[tuple[str, str]]:
        """(table, column) of one side."""
        columns = self.old if side == OLD else self.new
        return [(self.table.name, column.name) for column in columns]

    @cached_property
    def functions(self) -> tuple[Function, Function]:
        """Up and down. Raises BadDeclaration if they can't be found."""
        return self._function(self.up), self._function(self.down)

    def _function(self, name: str) -> Function:
        module, _, function = name.partition(":")
        try:
            found: Any = getattr(importlib.import_module(module), function)
        except (ImportError, AttributeError, ValueError) as error:
            hint = "say module:function, as Python imports it"
            raise self._error(f"{name} can't be found: {error}", hint) from error
        return found  # type: ignore[no-any-return]

    def is_consistent(self, row: Row) -> bool:
        """Whether one side is what the other makes."""
        if self._is_empty(row, NEW):
            return self._is_empty(row, OLD)
        return self._agrees(row, OLD) or (not self._is_empty(row, OLD) and self._agrees(row, NEW))

    def _agrees(self, row: Row, side: str) -> bool:
        made = self.made_of(row, side)
        return all(same(row[name], value) for name, value in made.items())

    def _is_empty(self, row: Row, side: str) -> bool:
        return all(row[column.name] is None for column in (self.old if side == OLD else self.new))

    def made_of(self, row: Row, side: str) -> dict[str, Scalar]:
        """The values of a side as the other side makes them; NULL of nothing."""
        source, targets = (self.old, self.new) if side == NEW else (self.new, self.old)
        given = {column.name: row[column.name] for column in source}
        if all(value is None for value in given.values()):
            return {column.name: None for column in targets}
        function = self.functions[0 if side == NEW else 1]
        try:
            made = function(given)
            return {column.name: made[column.name] for column in targets}
        except Exception as error:  # whatever somebody else's function raises is about this row alone
            name = self.up if side == NEW else self.down
            raise UpgradeError(
                f"{self.name}: {name} fails: {type(error).__name__}: {error}",
                hint="mend the row, or let the function take it",
                bridge=self.name,
            ) from error

    def settle(self, row: Row, *, new_wins: bool) -> dict[str, Scalar]:
        """What is to be written so that the row is consistent; empty if it is."""
        if self.is_consistent(row):
            return {}
        empty = self._is_empty(row, OLD) and not self._is_empty(row, NEW)
        return self.made_of(row, OLD if new_wins or empty else NEW)
