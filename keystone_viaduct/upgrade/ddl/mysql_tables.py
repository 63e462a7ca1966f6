"""MariaDB and MySQL: indexes, constraints, keys, and tables as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import singledispatch

from keystone_viaduct.errors import UpgradeError
from keystone_viaduct.upgrade import changes as c
from keystone_viaduct.upgrade.shape import PREFIX
from keystone_viaduct.upgrade.steps import Lock, Observation, Refusal, Seen, Server, Statement
from keystone_viaduct.upgrade.types import Text

from .common import listed, references
from .condition import condition_text
from .text import backticked

_ONLINE = "ALGORITHM=INPLACE, LOCK=NONE"
_UNCHECKED = ("SET SESSION foreign_key_checks = 0", "SET SESSION foreign_key_checks = 1")
#: From here on a copy of the table lets all go on (read, not tried).
_ONLINE_COPY = (11, 2)
#: A VARCHAR whose bytes are counted by one byte can't become one that needs two without a copy.
_ONE_BYTE = 255
_WIDTHS = {"utf8mb4": 4, "utf8mb3": 3, "utf8": 3, "latin1": 1, "ascii": 1}


@singledispatch
def further(change: c.Change, server: Server) -> Sequence[Statement] | Refusal:
    """The statements of a change that the dialect itself does not know."""
    raise UpgradeError(f"{type(change).__name__} is unknown to {server.engine}")


def _alter(change: c.Change, action: str, done: Observation, lock: Lock = Lock.BRIEF) -> Statement:
    sql = f"ALTER TABLE {backticked(change.table.name)} {action}"
    return Statement(sql, change.table.name, lock, done)


@further.register
def _(change: c.Widen, server: Server) -> Sequence[Statement] | Refusal:
    """A VARCHAR grows by its definition alone as long as its length is counted by as many bytes."""
    old, to, table, name = change.column.type, change.to, change.table.name, change.column.name
    collation = server.collation(table, name)
    charset = collation.partition("_")[0] or "utf8mb4"
    width = _WIDTHS.get(charset, 4)
    lengths = [item.length for item in (old, to) if isinstance(item, Text) and item.length]
    if len(lengths) < 2 or (lengths[0] * width <= _ONE_BYTE) is not (lengths[1] * width <= _ONE_BYTE):
        return Refusal(
            server.engine,
            f"{table}.{name} can't become {to} without a copy of the table, which stops writers",
            "give the wider column a new name: ReplaceColumns",
        )
    null = "NULL" if change.column.nullable else "NOT NULL"
    said = f" CHARACTER SET {charset} COLLATE {collation}" if collation else ""
    algorithm = "ALGORITHM=INSTANT" if server.engine == "mariadb" else _ONLINE
    done = Observation(Seen.COLUMN_TYPE, table, name, f"varchar({lengths[1]})")
    action = f"MODIFY COLUMN {backticked(name)} VARCHAR({lengths[1]}){said} {null}, {algorithm}"
    return (_alter(change, action, done),)


@further.register
def _(change: c.AddIndex, server: Server) -> Sequence[Statement] | Refusal:
    index = change.index
    kind = "UNIQUE INDEX" if index.unique else "INDEX"
    action = f"ADD {kind} {backticked(index.name)} ({listed(index.columns, backticked)}), {_ONLINE}"
    return (_alter(change, action, Observation(Seen.INDEX, change.table.name, index.name), Lock.ONLINE),)


@further.register
def _(change: c.DropIndex, server: Server) -> Sequence[Statement] | Refusal:
    done = Observation(Seen.INDEX, change.table.name, change.index.name, there=False)
    return (_alter(change, f"DROP INDEX {backticked(change.index.name)}, {_ONLINE}", done),)


@further.register
def _(change: c.AddForeignKey, server: Server) -> Sequence[Statement] | Refusal:
    """Without looking at the rows that are there: looking would be a copy. They are looked at by a query."""
    done = Observation(Seen.CONSTRAINT, change.table.name, change.key.name)
    said = f"ADD CONSTRAINT {backticked(change.key.name)} {references(change.key, backticked)}, {_ONLINE}"
    return (replace(_alter(change, said, done, Lock.ONLINE), around=_UNCHECKED),)


@further.register
def _(change: c.DropForeignKey, server: Server) -> Sequence[Statement] | Refusal:
    done = Observation(Seen.CONSTRAINT, change.table.name, change.key.name, there=False)
    return (_alter(change, f"DROP FOREIGN KEY {backticked(change.key.name)}", done),)


@further.register
def _(change: c.AddCheck, server: Server) -> Sequence[Statement] | Refusal:
    """A copy of the table: refused unless writers may stand still."""
    text = condition_text(change.holds, change.columns, server.engine)
    said = f"ADD CONSTRAINT {backticked(change.name)} CHECK ({text}), ALGORITHM=COPY"
    done = Observation(Seen.CONSTRAINT, change.table.name, change.name)
    if server.engine == "mariadb" and server.version >= _ONLINE_COPY:
        return (_alter(change, f"{said}, LOCK=NONE", done, Lock.ONLINE),)
    return (_alter(change, f"{said}, LOCK=SHARED", done, Lock.WRITES_WAIT),)


@further.register
def _(change: c.ReplaceKey, server: Server) -> Sequence[Statement] | Refusal:
    """One rebuild; the unique index is the key's twin, and goes."""
    columns, twin = change.index.columns, backticked(change.index.name)
    swap = f"DROP PRIMARY KEY, ADD PRIMARY KEY ({listed(columns, backticked)}), DROP INDEX {twin}"
    action = f"{swap}, {_ONLINE}"
    done = Observation(Seen.KEY, change.table.name, ",".join(columns))
    return (_alter(change, action, done, Lock.ONLINE),)


@further.register
def _(change: c.ShowAs, server: Server) -> Sequence[Statement] | Refusal:
    """INVOKER: whoever uses the view needs his own rights, and no account of ours has to stay."""
    columns = listed(change.columns, backticked) or "*"
    table = backticked(change.table.name)
    sql = f"CREATE SQL SECURITY INVOKER VIEW {backticked(change.name)} AS SELECT {columns} FROM {table}"
    return (Statement(sql, change.table.name, Lock.BRIEF, Observation(Seen.VIEW, change.name)),)


@further.register
def _(change: c.DropView, server: Server) -> Sequence[Statement] | Refusal:
    sql = f"DROP VIEW IF EXISTS {backticked(change.name)}"
    done = Observation(Seen.VIEW, change.name, there=False)
    return (Statement(sql, change.name, Lock.BRIEF, done),)


@further.register
def _(change: c.TakeName, server: Server) -> Sequence[Statement] | Refusal:
    """RENAME TABLE is one moment for both names; the view goes afterwards, under a third."""
    table, gone = change.table.name, f"{PREFIX}{change.name}"[:64]
    names = (
        f"{backticked(change.name)} TO {backticked(gone)}, {backticked(table)} TO {backticked(change.name)}"
    )
    drop = f"DROP VIEW IF EXISTS {backticked(gone)}"
    return (
        Statement(f"RENAME TABLE {names}", table, Lock.BRIEF, Observation(Seen.TABLE, change.name)),
        Statement(drop, gone, Lock.BRIEF, Observation(Seen.VIEW, gone, there=False)),
    )


@further.register
def _(change: c.DropTable, server: Server) -> Sequence[Statement] | Refusal:
    done = Observation(Seen.TABLE, change.table.name, there=False)
    sql = f"DROP TABLE IF EXISTS {backticked(change.table.name)}"
    return (Statement(sql, change.table.name, Lock.BRIEF, done),)
