"""What becomes of a row that a statement has given or changed: the rules, in Python, without a database."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from keystone_viaduct.upgrade.expression import Scalar, same
from keystone_viaduct.upgrade.shape import Bridge

Values = dict[str, Scalar]
Rows = Mapping[str, Values]


class Rules(Protocol):
    """Of one table; its rows have these columns besides the key, ``parent_id`` and ``note``."""

    def inserted(self, given: Values) -> Values:
        """A new row, as it is stored."""

    def updated(self, before: Values, after: Values) -> Values:
        """A row that was this and has been made that, as it is stored."""

    def told(self, row: Values, found: Values) -> Values:
        """The row, with what only the database could know."""

    def hold(self, rows: Rows) -> bool:
        """Whether the rows are as the operation wants them."""


@dataclass(frozen=True)
class BridgeRules:
    """The rules of a bridge."""

    bridge: Bridge

    def inserted(self, given: Values) -> Values:
        """The new side counts if one of its columns has a value."""
        row = {"parent_id": None, "note": None, **dict.fromkeys(column.name for column in self.bridge.new)}
        row |= {column.name: column.default for column in self.bridge.old} | given
        return self.bridge.settle(row, new_side=self.bridge.given().holds(row), inserted=True)

    def updated(self, before: Values, after: Values) -> Values:
        """The side that was changed counts, the new one if both were."""
        if all(same(before[column.name], after[column.name]) for column in self.bridge.columns):
            return after
        new_side = any(not same(before[column.name], after[column.name]) for column in self.bridge.new)
        return self.bridge.settle(after, new_side=new_side or self.bridge.missing().holds(after))

    def told(self, row: Values, found: Values) -> Values:
        """Everything is known."""
        return row

    def hold(self, rows: Rows) -> bool:
        """Each row is consistent."""
        return all(self.bridge.consistent().holds(row) for row in rows.values())


@dataclass(frozen=True)
class PlainRules:
    """Nothing happens to a row but that what is left out gets its default."""

    defaults: Values
    holds: Callable[[Rows], bool] = field(default=lambda rows: True)

    def inserted(self, given: Values) -> Values:
        """With the defaults."""
        return {"parent_id": None, "note": None, **self.defaults, **given}

    def updated(self, before: Values, after: Values) -> Values:
        """As it was given."""
        return after

    def told(self, row: Values, found: Values) -> Values:
        """Everything is known."""
        return row

    def hold(self, rows: Rows) -> bool:
        """What the operation has promised."""
        return self.holds(rows)


class Made(str):
    """A value that the database has made up: any 32 digits."""

    def is_like(self, found: object) -> bool:
        """Whether it may be this one."""
        return re.fullmatch("[0-9a-f]{32}", str(found)) is not None


@dataclass(frozen=True)
class KeyRules:
    """Each row has a key, which is made up where none was given, and then stays."""

    column: str

    def inserted(self, given: Values) -> Values:
        """With a key."""
        return self._with_key({"parent_id": None, "note": None, self.column: None, **given})

    def updated(self, before: Values, after: Values) -> Values:
        """Still with one."""
        return self._with_key(after)

    def _with_key(self, row: Values) -> Values:
        return row if row[self.column] is not None else {**row, self.column: Made()}

    def told(self, row: Values, found: Values) -> Values:
        """The key that was made up; from now on it is known."""
        key = row[self.column]
        if isinstance(key, Made) and key.is_like(found[self.column]):
            return {**row, self.column: found[self.column]}
        return row

    def hold(self, rows: Rows) -> bool:
        """No two have the same."""
        return len({row[self.column] for row in rows.values()}) == len(rows)


def alike(rows: Rows, columns: Sequence[str]) -> bool:
    """Whether two rows have the same values there, without a NULL among them."""
    found: list[Any] = [tuple(row[name] for name in columns) for row in rows.values()]
    complete = [values for values in found if None not in values]
    return len(complete) != len(set(complete))
