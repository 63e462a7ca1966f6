"""Is there a pooler between this site and its PostgreSQL, and does each transaction get a session of its own?

What is set once for a session (``[viaduct] isolation_level``, ``lock_wait_timeout``) holds for whatever
transaction the pooler runs there next, and for none that it runs elsewhere. What Viaduct needs by itself is
said at the beginning of each transaction, and holds behind any pooler.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

#: Connections and rounds of the question: a pooler by transaction lets them share a session.
_CONNECTIONS, _ROUNDS = 3, 3


@dataclass(frozen=True)
class Pooling:
    """``present``: the server is not at the other end of our connection. ``shared``: two of our connections,
    both open, were served by one session.
    """

    present: bool
    shared: bool


def look(engine: sa.engine.Engine) -> Pooling:
    """Ask a few connections, transaction by transaction, which session serves them. PostgreSQL only."""
    with ExitStack() as stack:
        connections = [stack.enter_context(engine.connect()) for _ in range(_CONNECTIONS)]
        told = [_number(connection) for connection in connections]
        seen: list[set[int]] = [set() for _ in connections]
        for _ in range(_ROUNDS):
            for connection, found in zip(connections, seen, strict=True):
                with connection.begin():
                    session = connection.execute(sa.text("SELECT pg_backend_pid()"))
                    found.add(int(session.scalar_one()))
    alone = all(found == {number} for found, number in zip(seen, told, strict=True))
    shared = len(set().union(*seen)) < sum(map(len, seen))
    return Pooling(not alone, shared or any(len(found) > 1 for found in seen))


def _number(connection: Any) -> int:
    """What our end of the connection was told; psycopg2 and psycopg name it alike."""
    return int(connection.connection.dbapi_connection.info.backend_pid)
