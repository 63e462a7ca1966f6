"""Connections to an SQLite file that are kept for the next transaction.

oslo.db opens and closes one for every transaction: with the settings that it makes on each, that costs more
than most of Keystone's statements. A kept connection is given up when the file has been replaced (a backup
that was put back) or when the process has forked (oslo.db's own guard).
"""

from __future__ import annotations

import os
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

KEPT = 8
"""So many are kept between transactions; there may be any number of them at once."""

_FILE = "viaduct_file"


def keep_connections(engine: sa.engine.Engine) -> None:
    """Give an engine of oslo.db for an SQLite file a pool; others are left alone.

    The pool takes the place of the one that oslo.db has chosen, with all that listens to it: oslo.db has no
    setting for it.
    """
    path, old = engine.url.database, engine.pool
    if not path or path == ":memory:" or path.startswith("file:") or not isinstance(old, sa.pool.NullPool):
        return
    engine.pool = sa.pool.QueuePool(
        old._creator,
        pool_size=KEPT,
        max_overflow=-1,
        use_lifo=True,
        reset_on_return=old._reset_on_return,
        dialect=old._dialect,
        _dispatch=old.dispatch,
    )

    @event.listens_for(engine, "connect")
    def _connect(_dbapi_connection: Any, record: Any) -> None:
        record.info[_FILE] = _identity(path)

    @event.listens_for(engine, "checkout")
    def _checkout(_dbapi_connection: Any, record: Any, _proxy: Any) -> None:
        if record.info.get(_FILE) != _identity(path):
            raise sa.exc.DisconnectionError(f"{path} was replaced")


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
