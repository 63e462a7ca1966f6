"""SQLite: DDL is short; what ALTER TABLE lacks is an edit of the stored definition."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatchmethod

from sqlalchemy.dialects.sqlite.base import SQLiteDialect as SQLAlchemySQLite

from keystone_viaduct.upgrade import changes as c
from keystone_viaduct.upgrade.arming import bridge_specs, compiled_bridge
from keystone_viaduct.upgrade.steps import Edit, Lock, Observation, Refusal, Seen, Server, Statement

from .common import drop_triggers
from .marking import marks_statements
from .sqlite_tables import WORDS, further
from .text import canonical, constant, double_quoted, type_name


class SQLiteDialect:
    """Renders changes; see :class:`keystone_viaduct.upgrade.ports.Dialect`."""

    def statements(self, change: c.Change, server: Server) -> Sequence[Statement] | Refusal:
        """The statements of a change, in their order."""
        return self._render(change, server)

    def _alter(self, change: c.Change, action: str, done: Observation) -> Statement:
        sql = f"ALTER TABLE {double_quoted(change.table.name)} {action}"
        return Statement(sql, change.table.name, Lock.BRIEF, done)

    def _edit(self, change: c.Change, edit: Edit, said: str, done: Observation) -> Statement:
        sql = f"-- the stored definition of {change.table.name}: {edit.column} {said}"
        return Statement(sql, change.table.name, Lock.BRIEF, done, edit=edit)

    @singledispatchmethod
    def _render(self, change: c.Change, server: Server) -> Sequence[Statement] | Refusal:
        return further(change, server)

    @_render.register
    def _(self, change: c.AddColumn, server: Server) -> Sequence[Statement] | Refusal:
        column = change.column
        name = type_name(column.type, WORDS)
        value = constant(column.default, number_booleans=True)
        default = "" if column.default is None else f" DEFAULT {value}"
        done = Observation(Seen.COLUMN, change.table.name, column.name)
        action = f"ADD COLUMN {double_quoted(column.name)} {name}{default}"
        return (self._alter(change, action, done),)

    @_render.register
    def _(self, change: c.DropColumn, server: Server) -> Sequence[Statement] | Refusal:
        done = Observation(Seen.COLUMN, change.table.name, change.column, there=False)
        return (self._alter(change, f"DROP COLUMN {double_quoted(change.column)}", done),)

    @_render.register
    def _(self, change: c.Relax, server: Server) -> Sequence[Statement] | Refusal:
        done = Observation(Seen.NULLABLE, change.table.name, change.column.name)
        return (self._edit(change, Edit(change.column.name, nullable=True), "takes NULL", done),)

    @_render.register
    def _(self, change: c.Require, server: Server) -> Sequence[Statement] | Refusal:
        done = Observation(Seen.NULLABLE, change.table.name, change.column.name, there=False)
        return (self._edit(change, Edit(change.column.name, nullable=False), "takes no NULL", done),)

    @_render.register
    def _(self, change: c.SetDefault, server: Server) -> Sequence[Statement] | Refusal:
        name, value = change.column.name, constant(change.default, number_booleans=True)
        done = Observation(Seen.DEFAULT, change.table.name, name, canonical(change.default))
        return (self._edit(change, Edit(name, default=value), f"has the default {value}", done),)

    @_render.register
    def _(self, change: c.Arm, server: Server) -> Sequence[Statement] | Refusal:
        found = []
        specs = bridge_specs(change.bridge)
        for spec, compiled in zip(specs, compiled_bridge(change.bridge, "sqlite"), strict=True):
            table = spec.table.name
            done = Observation(Seen.TRIGGER, table, compiled.name, compiled.fingerprint)
            found.append(Statement(compiled.create[0], table, Lock.BRIEF, done))
        return found

    @_render.register
    def _(self, change: c.Disarm, server: Server) -> Sequence[Statement] | Refusal:
        return drop_triggers(change, double_quoted)

    @_render.register
    def _(self, change: c.MakeMarks, server: Server) -> Sequence[Statement] | Refusal:
        return marks_statements(SQLAlchemySQLite(), None)
