"""What a bridged table holds after each statement: the rules, in Python, without a database."""

from __future__ import annotations

from keystone_viaduct.upgrade.expression import same
from keystone_viaduct.upgrade.shape import Bridge
from tests.bridges.statements import Copy, Delete, DeleteParent, Insert, Statement, Update, Values


class Model:
    """The rows by key. ``settles_first``: on conflict a row is compared as its INSERT trigger has left it."""

    def __init__(self, bridge: Bridge, *, settles_first: bool) -> None:
        self.bridge = bridge
        self.settles_first = settles_first
        self.rows: dict[str, Values] = {}
        self.old = [column.name for column in bridge.old]
        self.new = [column.name for column in bridge.new]

    def play(self, statement: Statement) -> int:
        """A statement that the database has taken; the number of rows that it was about."""
        if isinstance(statement, Insert):
            for row in statement.rows:
                self._insert(row, statement)
            return len(statement.rows)
        if isinstance(statement, DeleteParent):
            self._delete({key for key, row in self.rows.items() if row["parent_id"] == statement.parent})
            return 1
        chosen = {key for key, row in self.rows.items() if statement.where.takes(row)}
        if isinstance(statement, Delete):
            self._delete(chosen)
        for key in chosen & self.rows.keys():
            self._change(key, statement)
        return len(chosen)

    def _delete(self, keys: set[str]) -> None:
        self.rows = {key: row for key, row in self.rows.items() if key not in keys}

    def _change(self, key: str, statement: Update | Copy | Delete) -> None:
        row = self.rows[key]
        if isinstance(statement, Update):
            self.rows[key] = self.updated(row, {**row, **statement.values})
        elif isinstance(statement, Copy):
            self.rows[key] = self.updated(row, {**row, statement.target: row[statement.source]})

    def inserted(self, given: Values) -> Values:
        """A new row: the new side counts if one of its columns has a value."""
        row = {"parent_id": None, "note": None, **dict.fromkeys(self.new)}
        row |= {column.name: column.default for column in self.bridge.old} | given
        return self.bridge.settle(row, new_side=self.bridge.given().holds(row), inserted=True)

    def updated(self, before: Values, after: Values) -> Values:
        """A changed row: the side that was changed counts, the new one if both were."""
        if all(same(before[name], after[name]) for name in (*self.old, *self.new)):
            return after
        new_side = any(not same(before[name], after[name]) for name in self.new)
        return self.bridge.settle(after, new_side=new_side or self.bridge.missing().holds(after))

    def _insert(self, given: Values, statement: Insert) -> None:
        key = str(given["id"])
        if key not in self.rows or statement.mode == "replace":
            self.rows[key] = self.inserted(given)
        elif statement.mode == "update":
            offered = self.inserted(given) if self.settles_first else given
            taken = {name: offered[name] for name in statement.taken}
            self.rows[key] = self.updated(self.rows[key], {**self.rows[key], **taken})
