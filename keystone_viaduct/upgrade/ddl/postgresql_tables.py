"""PostgreSQL: indexes, constraints, keys, and tables as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import singledispatch

from keystone_viaduct.errors import UpgradeError
from keystone_viaduct.upgrade import changes as c
from keystone_viaduct.upgrade.steps import Lock, Observation, Refusal, Seen, Server, Statement
from keystone_viaduct.upgrade.types import Text

from .common import listed, references
from .condition import condition_text
from .text import double_quoted


@singledispatch
def further(change: c.Change, server: Server) -> Sequence[Statement] | Refusal:
    """The statements of a change that the dialect itself does not know."""
    raise UpgradeError(f"{type(change).__name__} is unknown to {server.engine}")


def _placed(name: str, server: Server) -> str:
    return (f"{double_quoted(server.schema)}." if server.schema else "") + double_quoted(name)


def _alter(
    change: c.Change, server: Server, action: str, done: Observation, lock: Lock = Lock.BRIEF
) -> Statement:
    sql = f"ALTER TABLE {_placed(change.table.name, server)} {action}"
    return Statement(sql, change.table.name, lock, done)


@further.register
def _(change: c.Widen, server: Server) -> Sequence[Statement] | Refusal:
    """A text grows by its definition alone; a number would be written anew in each row."""
    table, name, to = change.table.name, change.column.name, change.to
    if not isinstance(to, Text) or not isinstance(change.column.type, Text):
        return Refusal(
            server.engine,
            f"{table}.{name} can't become {to} without writing the whole table anew, while all wait",
            "give the wider column a new name: ReplaceColumns",
        )
    type_ = f"VARCHAR({to.length})" if to.length else "TEXT"
    seen = f"character varying({to.length})" if to.length else "text"
    done = Observation(Seen.COLUMN_TYPE, table, name, seen)
    return (_alter(change, server, f"ALTER COLUMN {double_quoted(name)} TYPE {type_}", done),)


@further.register
def _(change: c.AddIndex, server: Server) -> Sequence[Statement] | Refusal:
    """Built beside the traffic. What a try that was cut off has left is unusable, and goes first."""
    index, table = change.index, change.table.name
    name, kind = double_quoted(index.name), "UNIQUE INDEX" if index.unique else "INDEX"
    sql = (
        f"CREATE {kind} CONCURRENTLY {name} ON {_placed(table, server)}"
        f" ({listed(index.columns, double_quoted)})"
    )
    left = f"DROP INDEX CONCURRENTLY IF EXISTS {_placed(index.name, server)}"
    built = Statement(
        sql, table, Lock.ONLINE, Observation(Seen.INDEX, table, index.name), around=(left, ""), patient=True
    )
    if not index.constraint:
        return (built,)
    done = Observation(Seen.CONSTRAINT, table, index.name)
    return (built, _alter(change, server, f"ADD CONSTRAINT {name} UNIQUE USING INDEX {name}", done))


@further.register
def _(change: c.DropIndex, server: Server) -> Sequence[Statement] | Refusal:
    index, table = change.index, change.table.name
    done = Observation(Seen.INDEX, table, index.name, there=False)
    if index.constraint:
        return (_alter(change, server, f"DROP CONSTRAINT IF EXISTS {double_quoted(index.name)}", done),)
    sql = f"DROP INDEX CONCURRENTLY IF EXISTS {_placed(index.name, server)}"
    return (Statement(sql, table, Lock.ONLINE, done, patient=True),)


def _validated(change: c.Change, server: Server, name: str, definition: str) -> Sequence[Statement]:
    """First for new rows, in a moment; then for those that are there, while all go on."""
    table, quoted = change.table.name, double_quoted(name)
    there = Observation(Seen.CONSTRAINT, table, name)
    valid = replace(there, detail="valid")
    return (
        _alter(change, server, f"ADD CONSTRAINT {quoted} {definition} NOT VALID", there),
        _alter(change, server, f"VALIDATE CONSTRAINT {quoted}", valid, Lock.ONLINE),
    )


@further.register
def _(change: c.AddForeignKey, server: Server) -> Sequence[Statement] | Refusal:
    return _validated(change, server, change.key.name, references(change.key, double_quoted))


@further.register
def _(change: c.DropForeignKey, server: Server) -> Sequence[Statement] | Refusal:
    done = Observation(Seen.CONSTRAINT, change.table.name, change.key.name, there=False)
    action = f"DROP CONSTRAINT IF EXISTS {double_quoted(change.key.name)}"
    return (_alter(change, server, action, done),)


@further.register
def _(change: c.AddCheck, server: Server) -> Sequence[Statement] | Refusal:
    text = condition_text(change.holds, change.columns, server.engine)
    return _validated(change, server, change.name, f"CHECK ({text})")


@further.register
def _(change: c.ReplaceKey, server: Server) -> Sequence[Statement] | Refusal:
    """The unique index that is there becomes the key's: nothing is built, and there is always a key."""
    table, name = change.table.name, double_quoted(change.index.name)
    before = next((key for place, key in server.primary if place == table), f"{table}_pkey")
    action = f"DROP CONSTRAINT {double_quoted(before)}, ADD CONSTRAINT {name} PRIMARY KEY USING INDEX {name}"
    return (_alter(change, server, action, Observation(Seen.KEY, table, ",".join(change.index.columns))),)


@further.register
def _(change: c.ShowAs, server: Server) -> Sequence[Statement] | Refusal:
    columns = listed(change.columns, double_quoted) or "*"
    table = _placed(change.table.name, server)
    sql = f"CREATE VIEW {_placed(change.name, server)} AS SELECT {columns} FROM {table}"
    return (Statement(sql, change.table.name, Lock.BRIEF, Observation(Seen.VIEW, change.name)),)


@further.register
def _(change: c.DropView, server: Server) -> Sequence[Statement] | Refusal:
    sql = f"DROP VIEW IF EXISTS {_placed(change.name, server)}"
    return (Statement(sql, change.name, Lock.BRIEF, Observation(Seen.VIEW, change.name, there=False)),)


@further.register
def _(change: c.TakeName, server: Server) -> Sequence[Statement] | Refusal:
    """Both in one transaction, as the driver sends them at once: nobody finds neither."""
    table = change.table.name
    rename = f"ALTER TABLE {_placed(table, server)} RENAME TO {double_quoted(change.name)}"
    sql = f"DROP VIEW IF EXISTS {_placed(change.name, server)}; {rename}"
    return (Statement(sql, table, Lock.BRIEF, Observation(Seen.TABLE, change.name)),)


@further.register
def _(change: c.DropTable, server: Server) -> Sequence[Statement] | Refusal:
    done = Observation(Seen.TABLE, change.table.name, there=False)
    sql = f"DROP TABLE IF EXISTS {_placed(change.table.name, server)}"
    return (Statement(sql, change.table.name, Lock.BRIEF, done),)
