"""What a table holds after each statement, in Python, without a database."""

from __future__ import annotations

from collections.abc import Mapping

from tests.bridges.rules import Rules
from tests.bridges.statements import Copy, Delete, DeleteParent, Insert, Statement, Update, Values


class Model:
    """The rows by key. ``settles_first``: on conflict a row is compared as its INSERT trigger has left it.

    ``parents``: the columns by which a row belongs to another one and goes with it.
    """

    def __init__(self, rules: Rules, parents: tuple[str, ...], *, settles_first: bool) -> None:
        self.rules = rules
        self.parents = parents
        self.settles_first = settles_first
        self.rows: dict[str, Values] = {}

    def play(self, statement: Statement) -> int:
        """A statement that the database has taken; the number of rows that it was about."""
        if isinstance(statement, Insert):
            for row in statement.rows:
                self._insert(row, statement)
            return len(statement.rows)
        if isinstance(statement, DeleteParent):
            gone = [key for key, row in self.rows.items() if self._belongs(row, statement.parent)]
            self._delete(set(gone))
            return 1
        chosen = {key for key, row in self.rows.items() if statement.where.takes(row)}
        if isinstance(statement, Delete):
            self._delete(chosen)
        for key in chosen & self.rows.keys():
            self._change(key, statement)
        return len(chosen)

    def hear(self, found: Mapping[str, Values]) -> None:
        """What the database holds: some of it nobody else can know."""
        for key in self.rows.keys() & found.keys():
            self.rows[key] = self.rules.told(self.rows[key], found[key])

    def _belongs(self, row: Values, parent: str) -> bool:
        return any(row[name] == parent for name in self.parents)

    def _delete(self, keys: set[str]) -> None:
        self.rows = {key: row for key, row in self.rows.items() if key not in keys}

    def _change(self, key: str, statement: Update | Copy | Delete) -> None:
        row = self.rows[key]
        if isinstance(statement, Update):
            self.rows[key] = self.rules.updated(row, {**row, **statement.values})
        elif isinstance(statement, Copy):
            self.rows[key] = self.rules.updated(row, {**row, statement.target: row[statement.source]})

    def _insert(self, given: Values, statement: Insert) -> None:
        key = str(given["id"])
        if key not in self.rows or statement.mode == "replace":
            self.rows[key] = self.rules.inserted(given)
        elif statement.mode == "update":
            offered = self.rules.inserted(given) if self.settles_first else given
            taken = {name: offered[name] for name in statement.taken}
            self.rows[key] = self.rules.updated(self.rows[key], {**self.rows[key], **taken})
