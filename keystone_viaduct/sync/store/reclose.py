"""Closes again, with the present storage key, what our tables keep closed with an older one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import sqlalchemy as sa

from keystone_viaduct.sync.store import tables as t
from keystone_viaduct.sync.store.transaction import SqlTransaction

BATCH = 500


class Closed(NamedTuple):
    """A column of closed values, and the context that each is bound to."""

    table: Any
    column: str
    context: Callable[[Any], str]


CLOSED = (
    Closed(t.record, "unknown", lambda row: f"{row.kind}/{row.key}"),
    Closed(t.record, "carried", lambda row: f"carried:{row.kind}/{row.key}"),
    Closed(t.pending, "change", lambda row: f"{row.source}:{row.kind}/{row.key}"),
    Closed(t.conflict, "lost", lambda row: f"conflict:{row.id}"),
    Closed(t.keyset, "keys", lambda row: f"keyset/{row.repository}"),
)


def reclose(tx: SqlTransaction, limit: int = BATCH) -> int:
    """At most ``limit`` values, in this transaction; how many there were. 0: everything is done.

    Raises SealingError for a value whose key is gone.
    """
    tx.reseal()
    done = 0
    for closed in CLOSED:
        if done < limit:
            done += _some(tx, closed, limit - done)
    return done


def _some(tx: SqlTransaction, closed: Closed, limit: int) -> int:
    column = closed.table.c[closed.column]
    keys = list(closed.table.primary_key.columns)
    prefix = tx.ring.storage_number.to_bytes(4, "big")
    old = sa.and_(column.is_not(None), sa.func.substr(column, 1, 4) != prefix, sa.func.length(column) > 0)
    rows = tx.connection.execute(sa.select(*keys, column.label("closed")).where(old).limit(limit)).all()
    for row in rows:
        context = closed.context(row)
        again = tx.ring.encrypt(tx.ring.decrypt(bytes(row.closed), context), context)
        where = [key == getattr(row, key.name) for key in keys]
        tx.connection.execute(closed.table.update().where(*where).values({closed.column: again}))
    return len(rows)
