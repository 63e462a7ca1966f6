"""Which tables MySQL locks together with one: those that foreign keys and triggers lead to.

``LOCK TABLES`` takes a table in one step, where ``ALTER TABLE`` and ``DROP TRIGGER`` first let readers in and
then wait for them: a transaction that reads in between, and then writes, would be the victim. But it takes
the other tables too, so nobody may hold one of these either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.upgrade.constraints import ForeignKey
from keystone_viaduct.upgrade.steps import Lock, Seen, Statement

from .text import backticked

_TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
_BODIES = """
SELECT event_object_table, action_statement FROM information_schema.triggers WHERE trigger_schema = DATABASE()
"""
_WORD = re.compile(r"\w+")
#: The clause of a trigger that is to run before another one.
PRECEDES = "FOR EACH ROW PRECEDES "
#: What a session that has locked a table can do to it.
_WITHIN = {Seen.COLUMN, Seen.NULLABLE, Seen.DEFAULT, Seen.COLUMN_TYPE, Seen.TRIGGER}


def fits(statement: Statement) -> bool:
    """Whether it is done in no time, and to a table: what takes long must let all go on.

    Not a trigger that is to run before another one. MySQL (9.7) looks for that in the first of the session's
    open tables of this name; where some trigger reads the table, as capture's do, that one has no triggers:
    error 3011.
    """
    brief = statement.lock is Lock.BRIEF and statement.done.seen in _WITHIN
    return brief and PRECEDES not in statement.sql


def within_lock(statement: Statement) -> str:
    """The statement between its locks, in one packet."""
    return f"LOCK TABLES {backticked(statement.table)} WRITE;\n{statement.sql};\n{UNLOCK}"


UNLOCK = "UNLOCK TABLES"


def together(connection: Any, table: str, keys: Iterable[tuple[str, ForeignKey]]) -> list[str]:
    """The table and those that are locked with it; rather one too many."""
    known = {str(name) for (name,) in connection.execute(sa.text(_TABLES))}
    mentioned: dict[str, set[str]] = {}
    for place, body in connection.execute(sa.text(_BODIES)):
        mentioned.setdefault(str(place), set()).update(known & set(_WORD.findall(str(body))))
    below: dict[str, set[str]] = {}
    above: dict[str, set[str]] = {}
    for place, key in keys:
        below.setdefault(key.refers, set()).add(place)
        above.setdefault(place, set()).add(key.refers)
    written, todo = {table}, [table]
    while todo:
        place = todo.pop()
        further = (below.get(place, set()) | mentioned.get(place, set())) - written
        written |= further
        todo += sorted(further)
    return sorted(written.union(*(above.get(place, set()) for place in written)))
