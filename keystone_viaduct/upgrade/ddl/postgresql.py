"""PostgreSQL: DDL that needs a table for a moment only, and validates what is there while all go on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatchmethod
from typing import Any

from sqlalchemy.dialects.postgresql.base import PGDialect

from keystone_viaduct.upgrade import changes as c
from keystone_viaduct.upgrade.arming import bridge_specs, compiled_bridge
from keystone_viaduct.upgrade.expression import Scalar
from keystone_viaduct.upgrade.shape import Column
from keystone_viaduct.upgrade.steps import Lock, Observation, Refusal, Seen, Server, Statement
from keystone_viaduct.upgrade.types import Enum, Type

from .marking import marks_statements
from .postgresql_tables import further
from .text import Words, canonical, constant, double_quoted, listed_values, type_name

_WORDS = Words(long_text="TEXT", seconds="TIMESTAMP(0)", microseconds="TIMESTAMP", enum="named")

#: The check that lets SET NOT NULL do without a scan of the table.
_PRESENT = "viaduct_b_present_{}"


class PostgreSQLDialect:
    """Renders changes; see :class:`keystone_viaduct.upgrade.ports.Dialect`."""

    engine = "postgresql"
    name_limit = 63

    def statements(self, change: c.Change, server: Server) -> Sequence[Statement] | Refusal:
        """The statements of a change, in their order."""
        return self._render(change, server)

    def _table(self, change: c.Change, server: Server) -> str:
        place = f"{double_quoted(server.schema)}." if server.schema else ""
        return place + double_quoted(change.table.name)

    def _alter(
        self, change: c.Change, server: Server, action: str, done: Observation, lock: Lock = Lock.BRIEF
    ) -> Statement:
        sql = f"ALTER TABLE {self._table(change, server)} {action}"
        return Statement(sql, change.table.name, lock, done)

    def _type(self, column: Column) -> str:
        return type_name(column.type, _WORDS)

    def _constant(self, value: Scalar) -> str:
        text = constant(value)
        return "E" + text.replace("\\", "\\\\") if "\\" in text else text

    @singledispatchmethod
    def _render(self, change: c.Change, server: Server) -> Sequence[Statement] | Refusal:
        return further(change, server)

    @_render.register
    def _(self, change: c.AddColumn, server: Server) -> Sequence[Statement] | Refusal:
        column = change.column
        default = "" if column.default is None else f" DEFAULT {self._constant(column.default)}"
        action = f"ADD COLUMN {double_quoted(column.name)} {self._type(column)}{default}"
        done = Observation(Seen.COLUMN, change.table.name, column.name)
        return (*self._type_of(change, column.type, server), self._alter(change, server, action, done))

    def _type_of(
        self, change: c.Change, type_: Type | None, server: Server, *, there: bool = True
    ) -> Sequence[Statement]:
        """An enumeration is a type of its own, made before its column and dropped after it."""
        if not isinstance(type_, Enum):
            return ()
        place = f"{double_quoted(server.schema)}." if server.schema else ""
        name = place + double_quoted(type_.name)
        sql = f"CREATE TYPE {name} AS {listed_values(type_, backslashes=False)}"
        sql = sql if there else f"DROP TYPE IF EXISTS {name}"
        done = Observation(Seen.TYPE, change.table.name, type_.name, there=there)
        return (Statement(sql, change.table.name, Lock.NONE, done),)

    @_render.register
    def _(self, change: c.DropColumn, server: Server) -> Sequence[Statement] | Refusal:
        done = Observation(Seen.COLUMN, change.table.name, change.column, there=False)
        dropped = self._alter(change, server, f"DROP COLUMN {double_quoted(change.column)}", done)
        return (dropped, *self._type_of(change, change.type, server, there=False))

    @_render.register
    def _(self, change: c.Relax, server: Server) -> Sequence[Statement] | Refusal:
        done = Observation(Seen.NULLABLE, change.table.name, change.column.name)
        action = f"ALTER COLUMN {double_quoted(change.column.name)} DROP NOT NULL"
        return (self._alter(change, server, action, done),)

    @_render.register
    def _(self, change: c.Require, server: Server) -> Sequence[Statement] | Refusal:
        table, name = change.table.name, change.column.name
        column = double_quoted(name)
        check = _PRESENT.format(name)[: self.name_limit]
        quoted = double_quoted(check)
        present = Observation(Seen.CONSTRAINT, table, check)
        valid = Observation(Seen.CONSTRAINT, table, check, "valid")
        required = Observation(Seen.NULLABLE, table, name, there=False)
        gone = Observation(Seen.CONSTRAINT, table, check, there=False)
        added = f"ADD CONSTRAINT {quoted} CHECK ({column} IS NOT NULL) NOT VALID"
        return (
            self._alter(change, server, added, present),
            self._alter(change, server, f"VALIDATE CONSTRAINT {quoted}", valid, Lock.ONLINE),
            self._alter(change, server, f"ALTER COLUMN {column} SET NOT NULL", required),
            self._alter(change, server, f"DROP CONSTRAINT IF EXISTS {quoted}", gone),
        )

    @_render.register
    def _(self, change: c.SetDefault, server: Server) -> Sequence[Statement] | Refusal:
        name = change.column.name
        done = Observation(Seen.DEFAULT, change.table.name, name, canonical(change.default))
        action = f"ALTER COLUMN {double_quoted(name)} SET DEFAULT {self._constant(change.default)}"
        return (self._alter(change, server, action, done),)

    @_render.register
    def _(self, change: c.Arm, server: Server) -> Sequence[Statement] | Refusal:
        found = []
        specs = bridge_specs(change.bridge)
        made = compiled_bridge(change.bridge, self.engine, server.schema or None)
        for spec, compiled in zip(specs, made, strict=True):
            table = spec.table.name
            function, trigger = compiled.create
            mark = compiled.fingerprint
            there = Observation(Seen.FUNCTION, table, compiled.name, mark)
            found.append(Statement(function, table, Lock.NONE, there))
            armed = Observation(Seen.TRIGGER, table, compiled.name, mark)
            found.append(Statement(trigger, table, Lock.BRIEF, armed))
        return found

    @_render.register
    def _(self, change: c.Disarm, server: Server) -> Sequence[Statement] | Refusal:
        """DROP TRIGGER waits for readers; until it gets its turn the functions do nothing any more."""
        place = f"{double_quoted(server.schema)}." if server.schema else ""
        idle, dropped = [], []
        for spec in bridge_specs(change.bridge):
            table = spec.table.name
            function = f"{place}{double_quoted(spec.name)}()"
            done = Observation(Seen.FUNCTION, table, spec.name, "idle")
            idle.append(Statement(_idle(function), table, Lock.NONE, done))
            drop = f"DROP TRIGGER IF EXISTS {double_quoted(spec.name)} ON {place}{double_quoted(table)}"
            gone = Observation(Seen.TRIGGER, table, spec.name, there=False)
            dropped.append(Statement(drop, table, Lock.BRIEF, gone))
            gone = Observation(Seen.FUNCTION, table, spec.name, there=False)
            dropped.append(Statement(f"DROP FUNCTION IF EXISTS {function}", table, Lock.NONE, gone))
        return (*idle, *dropped)

    @_render.register
    def _(self, change: c.MakeMarks, server: Server) -> Sequence[Statement] | Refusal:
        dialect: Any = PGDialect
        return marks_statements(dialect(), server.schema or None)


def _idle(function: str) -> str:
    """The function without a body. The fingerprint says what it is."""
    return (
        f"CREATE OR REPLACE FUNCTION {function} RETURNS trigger LANGUAGE plpgsql\n"
        "AS $viaduct$\nBEGIN\n  /* viaduct:idle */\n  RETURN NEW;\nEND;\n$viaduct$"
    )
