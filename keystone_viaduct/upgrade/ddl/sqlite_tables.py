"""SQLite: indexes, constraints, keys, and tables as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch

from keystone_viaduct.errors import UpgradeError
from keystone_viaduct.upgrade import changes as c
from keystone_viaduct.upgrade.steps import Edit, Lock, Observation, Refusal, Seen, Server, Statement
from keystone_viaduct.upgrade.types import Integer, Text

from .common import listed, references
from .condition import condition_text
from .text import Words, double_quoted, type_name

WORDS = Words(long_text="TEXT", seconds="DATETIME", microseconds="DATETIME", enum="text")
#: What SQLite makes by itself for a UNIQUE in a table's definition.
_BY_DEFINITION = "sqlite_autoindex_"


@singledispatch
def further(change: c.Change, server: Server) -> Sequence[Statement] | Refusal:
    """The statements of a change that the dialect itself does not know."""
    raise UpgradeError(f"{type(change).__name__} is unknown to SQLite")


def _edited(change: c.Change, edit: Edit, said: str, done: Observation) -> Sequence[Statement]:
    sql = f"-- the stored definition of {change.table.name}: {said}"
    return (Statement(sql, change.table.name, Lock.BRIEF, done, edit=edit),)


@further.register
def _(change: c.Widen, server: Server) -> Sequence[Statement] | Refusal:
    """Lengths and widths are words there: what is stored stays as it is."""
    name, to = change.column.name, change.to
    if not isinstance(to, (Text, Integer)) or type(to) is not type(change.column.type):
        reason = f"{change.table.name}.{name} would keep its values as they are stored now"
        return Refusal(server.engine, reason, "give the column a new name: ReplaceColumns")
    type_ = type_name(to, WORDS)
    done = Observation(Seen.COLUMN_TYPE, change.table.name, name, type_.lower())
    return _edited(change, Edit(name, type=type_), f"{name} {type_}", done)


@further.register
def _(change: c.AddIndex, server: Server) -> Sequence[Statement] | Refusal:
    """SQLite has one writer, so it waits for as long as the index is built."""
    index, kind = change.index, "UNIQUE INDEX" if change.index.unique else "INDEX"
    on = f"{double_quoted(change.table.name)} ({listed(index.columns, double_quoted)})"
    done = Observation(Seen.INDEX, change.table.name, index.name)
    sql = f"CREATE {kind} {double_quoted(index.name)} ON {on}"
    return (Statement(sql, change.table.name, Lock.BRIEF, done),)


@further.register
def _(change: c.DropIndex, server: Server) -> Sequence[Statement] | Refusal:
    name, table = change.index.name, change.table.name
    if name.startswith(_BY_DEFINITION):
        return Refusal(
            server.engine,
            f"{table} has UNIQUE ({', '.join(change.index.columns)}) in its definition, and keeps it",
            "make the table anew without it while nothing runs (Alembic's batch mode), with an index instead",
        )
    done = Observation(Seen.INDEX, table, name, there=False)
    return (Statement(f"DROP INDEX IF EXISTS {double_quoted(name)}", table, Lock.BRIEF, done),)


@further.register
def _(change: c.AddForeignKey, server: Server) -> Sequence[Statement] | Refusal:
    said = f"CONSTRAINT {double_quoted(change.key.name)} {references(change.key, double_quoted)}"
    done = Observation(Seen.CONSTRAINT, change.table.name, change.key.name)
    return _edited(change, Edit(constraint=said), f"gets {said}", done)


@further.register
def _(change: c.DropForeignKey, server: Server) -> Sequence[Statement] | Refusal:
    columns = change.key.columns
    done = Observation(Seen.FOREIGN_KEY, change.table.name, ",".join(columns), there=False)
    return _edited(change, Edit(loose=columns), f"loses FOREIGN KEY ({', '.join(columns)})", done)


@further.register
def _(change: c.AddCheck, server: Server) -> Sequence[Statement] | Refusal:
    text = condition_text(change.holds, change.columns, server.engine)
    said = f"CONSTRAINT {double_quoted(change.name)} CHECK ({text})"
    done = Observation(Seen.CONSTRAINT, change.table.name, change.name)
    return _edited(change, Edit(constraint=said), f"gets {said}", done)


@further.register
def _(change: c.ReplaceKey, server: Server) -> Sequence[Statement] | Refusal:
    return Refusal(
        server.engine,
        f"the primary key of {change.table.name} is how its rows are stored",
        "make the table anew with the other key while nothing runs (Alembic's batch mode)",
    )


@further.register(c.ShowAs)
@further.register(c.DropView)
@further.register(c.TakeName)
def _(change: c.Change, server: Server) -> Sequence[Statement] | Refusal:
    return Refusal(
        server.engine,
        "a view takes no writes; with INSTEAD OF triggers an UPDATE would say that it was about no row",
        "rename the table while nothing runs",
    )


@further.register
def _(change: c.DropTable, server: Server) -> Sequence[Statement] | Refusal:
    done = Observation(Seen.TABLE, change.table.name, there=False)
    sql = f"DROP TABLE IF EXISTS {double_quoted(change.table.name)}"
    return (Statement(sql, change.table.name, Lock.BRIEF, done),)
