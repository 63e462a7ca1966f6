"""A site over SQL for the concurrency suite: edits that never wait, and connections lost at COMMIT."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import event

from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.store import SqlStore, SqlTransaction, make_engine
from tests.support.lostanswers import lost_answer, lost_commit

#: What a connection says first, so that it waits for nobody's lock. (PostgreSQL takes 0 for: for ever.)
_NO_WAIT = {
    "sqlite": "PRAGMA busy_timeout = 0",
    "postgresql": "SET lock_timeout = '1ms'",
    "mysql": "SET SESSION innodb_lock_wait_timeout = 0",
    "mariadb": "SET SESSION innodb_lock_wait_timeout = 0",
}
_BUSY = ("is locked", "lock timeout", "Lock wait timeout")


class SqlBench:
    """``testing.conformance.concurrency.Bench`` over a store of ours."""

    def __init__(self, store: SqlStore, stride: int = 1) -> None:
        self.store = store
        self.stride = stride
        self._keystone = make_engine(store.engine.url.render_as_string(hide_password=False))
        event.listen(self._keystone, "connect", self._wait_for_nobody)

    def _wait_for_nobody(self, dbapi_connection: Any, _record: object) -> None:
        cursor = dbapi_connection.cursor()
        cursor.execute(_NO_WAIT[self._keystone.dialect.name])
        cursor.close()
        dbapi_connection.commit()

    def edit(self, work: Callable[[Transaction], None]) -> bool:
        """One of Keystone's own transactions; False where it would have to wait."""
        try:
            with self._keystone.begin() as connection:
                work(cast(Transaction, SqlTransaction(connection, self.store.ring, self.store.codecs)))
        except sa.exc.OperationalError as error:
            if any(text in str(error.orig) for text in _BUSY):
                return False
            raise
        return True

    @contextmanager
    def lost_answer(self) -> Iterator[None]:
        """The next COMMIT is done, and its answer lost."""
        with lost_answer(self.store.engine):
            yield

    @contextmanager
    def lost_commit(self) -> Iterator[None]:
        """The connection is lost before the next COMMIT."""
        with lost_commit(self.store.engine):
            yield

    def close(self) -> None:
        """Close Keystone's connections."""
        self._keystone.dispose()
