"""MariaDB and MySQL: DDL says in the statement how quick it has to be, so that it never becomes a copy."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatchmethod

from sqlalchemy.dialects.mysql.base import MySQLDialect as SQLAlchemyMySQL

from keystone_viaduct.triggers import Timing, TriggerSpec
from keystone_viaduct.upgrade import changes as c
from keystone_viaduct.upgrade.arming import bridge_specs, compiled_bridge
from keystone_viaduct.upgrade.expression import Scalar
from keystone_viaduct.upgrade.move import Move
from keystone_viaduct.upgrade.shape import Column
from keystone_viaduct.upgrade.steps import Lock, Observation, Refusal, Seen, Server, Statement
from keystone_viaduct.upgrade.types import Text

from .common import drop_triggers
from .marking import marks_statements
from .mysql_tables import further
from .mysql_together import PRECEDES
from .text import Words, backticked, canonical, constant, type_name

_WORDS = Words(long_text="LONGTEXT", seconds="DATETIME", microseconds="DATETIME(6)", enum="listed")
_INSTANT = "ALGORITHM=INSTANT"
_ONLINE = "ALGORITHM=INPLACE, LOCK=NONE"


class MySQLDialect:
    """Renders changes for both; see :class:`keystone_viaduct.upgrade.ports.Dialect`."""

    def statements(self, change: c.Change, server: Server) -> Sequence[Statement] | Refusal:
        """The statements of a change, in their order."""
        return self._render(change, server)

    def _alter(self, change: c.Change, action: str, done: Observation, *, online: bool = False) -> Statement:
        """Instant; with ``online`` that may also be a rebuild of the table that lets all go on."""
        table = f"ALTER TABLE {backticked(change.table.name)} {action}"
        slower = Statement(f"{table}, {_ONLINE}", change.table.name, Lock.ONLINE, done)
        instead = slower if online else None
        return Statement(f"{table}, {_INSTANT}", change.table.name, Lock.BRIEF, done, instead)

    def _definition(self, table: str, column: Column, server: Server, like: str = "") -> str:
        """Type, NULL and default; a text gets the collation of the column that it is compared with."""
        collation = server.collation(table, like or column.name) if isinstance(column.type, Text) else ""
        charset = f" CHARACTER SET {collation.partition('_')[0]} COLLATE {collation}" if collation else ""
        default = "" if column.default is None else f" DEFAULT {self._default(column, column.default)}"
        null = "NULL" if column.nullable else "NOT NULL"
        name = type_name(column.type.on(server.engine), _WORDS)
        return f"{backticked(column.name)} {name}{charset} {null}{default}"

    def _default(self, column: Column, value: Scalar) -> str:
        """A long text can have an expression for a default only."""
        text = constant(value, backslashes=True)
        long = isinstance(column.type, Text) and column.type.length is None and value is not None
        return f"({text})" if long else text

    @singledispatchmethod
    def _render(self, change: c.Change, server: Server) -> Sequence[Statement] | Refusal:
        return further(change, server)

    @_render.register
    def _(self, change: c.AddColumn, server: Server) -> Sequence[Statement] | Refusal:
        definition = self._definition(change.table.name, change.column, server, change.like)
        done = Observation(Seen.COLUMN, change.table.name, change.column.name)
        return (self._alter(change, f"ADD COLUMN {definition}", done),)

    @_render.register
    def _(self, change: c.DropColumn, server: Server) -> Sequence[Statement] | Refusal:
        done = Observation(Seen.COLUMN, change.table.name, change.column, there=False)
        return (self._alter(change, f"DROP COLUMN {backticked(change.column)}", done, online=True),)

    @_render.register
    def _(self, change: c.Relax, server: Server) -> Sequence[Statement] | Refusal:
        return self._modify(change, change.column, server, nullable=True)

    @_render.register
    def _(self, change: c.Require, server: Server) -> Sequence[Statement] | Refusal:
        return self._modify(change, change.column, server, nullable=False)

    def _modify(
        self, change: c.Change, column: Column, server: Server, *, nullable: bool
    ) -> Sequence[Statement] | Refusal:
        wanted = Column(column.name, column.type, nullable, column.default)
        done = Observation(Seen.NULLABLE, change.table.name, column.name, there=nullable)
        action = f"MODIFY COLUMN {self._definition(change.table.name, wanted, server)}"
        return (self._alter(change, action, done, online=True),)

    @_render.register
    def _(self, change: c.SetDefault, server: Server) -> Sequence[Statement] | Refusal:
        name = change.column.name
        done = Observation(Seen.DEFAULT, change.table.name, name, canonical(change.default))
        action = f"SET DEFAULT {self._default(change.column, change.default)}"
        if change.default is None and not change.column.nullable:
            action = "DROP DEFAULT"
        return (self._alter(change, f"ALTER COLUMN {backticked(name)} {action}", done),)

    @_render.register
    def _(self, change: c.Arm, server: Server) -> Sequence[Statement] | Refusal:
        found = []
        collations = _collations(change.bridge, server)
        made = compiled_bridge(change.bridge, server.engine, None, collations)
        for spec, compiled in zip(bridge_specs(change.bridge, collations), made, strict=True):
            table = spec.table.name
            done = Observation(Seen.TRIGGER, table, compiled.name, compiled.fingerprint)
            sql = _before_others(compiled.create[0], spec, server)
            found.append(Statement(sql, table, Lock.BRIEF, done))
        return found

    @_render.register
    def _(self, change: c.Disarm, server: Server) -> Sequence[Statement] | Refusal:
        return drop_triggers(change, backticked)

    @_render.register
    def _(self, change: c.MakeMarks, server: Server) -> Sequence[Statement] | Refusal:
        return marks_statements(SQLAlchemyMySQL(), None)


def _collations(bridge: c.AnyBridge, server: Server) -> tuple[tuple[str, str], ...]:
    """Those of the child's key: a trigger's variables have to be compared with it by its index."""
    if not isinstance(bridge, Move):
        return ()
    named = ((key.name, server.collation(bridge.child.name, key.name)) for key in bridge.child.key)
    return tuple((name, collation) for name, collation in named if collation)


def _before_others(sql: str, spec: TriggerSpec, server: Server) -> str:
    """Triggers run in the order of their making unless one says otherwise; capture's must see our work."""
    known = server.triggers if spec.timing is Timing.BEFORE else server.later_triggers
    for place, what, name in known:
        if (place, what) == (spec.table.name, spec.event.value):
            return sql.replace("FOR EACH ROW\n", f"{PRECEDES}{backticked(name)}\n", 1)
    return sql
