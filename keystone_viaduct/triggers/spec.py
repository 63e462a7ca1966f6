"""What a trigger is to do, independent of any database: :class:`TriggerSpec`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy.sql.dml import Delete, Insert, Update
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.selectable import TableClause

from keystone_viaduct.errors import TriggerError

from .taking import STEPS, Attempt, Fill, PutOff, Take

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


class Event(StrEnum):
    """What happens to the row."""

    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"

    @property
    def rows(self) -> frozenset[str]:
        """The rows that exist: ``old``, ``new`` or both."""
        return {
            Event.INSERT: frozenset({"new"}),
            Event.UPDATE: frozenset({"old", "new"}),
            Event.DELETE: frozenset({"old"}),
        }[self]


class Timing(StrEnum):
    """When the body runs, seen from the row's change."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True)
class Assignment:
    """Give a column of the new row another value. Made by :func:`assign`."""

    column: Any
    expression: Any


def assign(column: Any, expression: ClauseElement) -> Assignment:
    """Set ``column`` of the row that is being written to ``expression``.

    All assignments of one trigger read the row as it was before any of them. To keep two columns equal both
    ways, let one trigger assign both, each by a CASE over :func:`has_changed`. On SQLite the assignment is an
    UPDATE, which fires other UPDATE triggers of the table (not itself, unless ``recursive_triggers`` is on).
    """
    return Assignment(column, expression)


@dataclass(frozen=True)
class Branch:
    """Assignments that are made under a condition. Made by :func:`branch`."""

    when: Any
    assignments: tuple[Assignment, ...]
    unless: Any = None


def branch(when: Any, *assignments: Assignment, unless: Any = None) -> Branch:
    """Make these assignments if ``when`` holds and no branch before this one was taken; None: always.

    ``unless`` says of the rows of this branch where they need not be made; see ``complete`` of the spec. The
    branches of a trigger stand last in its body, and instead of assignments. The assignments of one branch
    must not read a column that the same branch assigns: they are made one after the other.
    """
    return Branch(when, assignments, unless)


@dataclass(frozen=True, eq=False)
class TriggerSpec:
    """A row trigger. (Equal to itself alone: two expressions of SQLAlchemy can't be compared.)

    ``name``      lower case, digits and underscores; unique in the database schema.
    ``table``     a ``Table``, or ``sqlalchemy.table(name, column(name, type), ...)``; the types matter for
                  ``key_text`` and comparisons.
    ``event``     one of insert, update, delete.
    ``timing``    before or after. With assignments it must be before; SQLite can't assign to a row that is
                  being written, so there such a trigger runs after it, and updates the row.
    ``changed``   columns or their names (UPDATE only): fires only if one of them really changed, NULL being
                  equal to NULL.
    ``when``      a further condition, over ``old()`` and ``new()``.
    ``body``      Core ``insert``/``update``/``delete`` statements and steps of ``taking``, then
                  :func:`assign` items or :func:`branch` items. All of them read the row as it came to the
                  trigger, before any of these assignments.
    ``complete``  the branches, each with its ``unless``, come to the same without ``changed`` and ``when``.
                  MariaDB and MySQL prepare a condition anew for each row, so there many short ones of which
                  few are met cost less than a long one: they get the branches alone.
    ``invoker``   on PostgreSQL: run with the writer's rights and search path. Cheaper; for bodies without
                  statements.

    Raises :class:`TriggerError` for a combination that no database could run.
    """

    name: str
    table: TableClause
    event: Event
    timing: Timing
    body: tuple[Any, ...]
    changed: tuple[Any, ...] = ()
    when: Any = field(default=None)
    complete: bool = False
    invoker: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "event", Event(self.event))
        object.__setattr__(self, "timing", Timing(self.timing))
        object.__setattr__(self, "body", tuple(self.body))
        object.__setattr__(self, "changed", tuple(self._column(item) for item in self.changed))
        self._check()

    @property
    def statements(self) -> tuple[Any, ...]:
        """The body's statements, without the assignments."""
        return tuple(item for item in self.body if not isinstance(item, (Assignment, Branch)))

    @property
    def assignments(self) -> tuple[Assignment, ...]:
        """The body's assignments."""
        return tuple(item for item in self.body if isinstance(item, Assignment))

    @property
    def branches(self) -> tuple[Branch, ...]:
        """The body's branches."""
        return tuple(item for item in self.body if isinstance(item, Branch))

    @property
    def assigns(self) -> bool:
        """Whether it gives a column another value."""
        return bool(self.assignments or self.branches or self.fills)

    @property
    def fills(self) -> tuple[Fill, ...]:
        """The body's fills: values from a row of another table."""
        return tuple(item for item in self.body if isinstance(item, Fill))

    @property
    def reaches(self) -> bool:
        """Whether a step of the body locks rows of another table."""
        return any(isinstance(item, STEPS) for item in self.body)

    @property
    def writes(self) -> set[tuple[str, str]]:
        """(``insert``, ``update`` or ``delete``, table) of each statement of the body."""
        found = {("update", item.table.name) for item in self.statements if isinstance(item, Take)}
        for item in self.statements:
            if isinstance(item, (Take, Attempt)):
                found.add(("insert", item.otherwise.table.name))
            if isinstance(item, PutOff):
                found.add(("insert", item.into.name))
            plain = item.statement if isinstance(item, Attempt) else item
            if not isinstance(plain, STEPS):
                found.add((type(plain).__name__.lower(), plain.table.name))
        return found

    def _column(self, item: Any) -> Any:
        name = item if isinstance(item, str) else item.name
        if name not in self.table.c:
            raise self._error(f"table {self.table.name} has no column {name}")
        return self.table.c[name]

    def _error(self, problem: str) -> TriggerError:
        return TriggerError(f"trigger {self.name}: {problem}", trigger=self.name)

    def _check(self) -> None:
        if not _NAME.match(self.name):
            raise self._error("a name is made of lower case letters, digits and underscores")
        if not self.body:
            raise self._error("the body is empty")
        if self.changed and self.event is not Event.UPDATE:
            raise self._error("only an UPDATE can change a column")
        if self.body != self.statements + (self.assignments or self.branches):
            raise self._error("statements come before assignments, and these are all in branches or none is")
        if self.complete and not self.branches:
            raise self._error("only branches can be complete")
        if self.fills and self.fills != self.body:
            raise self._error("fills stand alone")
        if self.invoker and self.statements:
            raise self._error("a statement must run with the rights of the trigger's owner")
        for statement in self.statements:
            if not isinstance(statement, (Insert, Update, Delete, *STEPS)):
                raise self._error(f"{type(statement).__name__} is no insert, update, delete or assignment")
        if self.assigns and (self.timing is not Timing.BEFORE or self.event is Event.DELETE):
            raise self._error("a column can be assigned before an INSERT or UPDATE only")
        for group in (self.assignments, *(item.assignments for item in self.branches)):
            names = [self._column(item.column).name for item in group]
            if len(names) != len(set(names)):
                raise self._error("a column is assigned twice")
