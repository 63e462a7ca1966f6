"""What drivers reach their records through: this process's session, checked once, made at the first use."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from keystone_viaduct.cassandra.records import Records
from keystone_viaduct.cassandra.records.cql import CqlTables
from keystone_viaduct.cassandra.schema.ladder import Ladder
from keystone_viaduct.cassandra.session import Session
from keystone_viaduct.cassandra.settings import Settings
from keystone_viaduct.drivers.backoff import Backoff


class Connection:
    """The records of one keyspace, for whatever process asks.

    A child never uses what its parent has made: it makes its own, and leaves the parent's alone, whose
    threads it has not got.
    """

    def __init__(self, settings: Callable[[], Settings], prefix: str = "") -> None:
        self._settings = settings
        self._prefix = prefix
        self._lock = threading.Lock()
        self._pid = 0
        self._records: Records | None = None

    def records(self) -> Records:
        """Those of this process; raises what is wrong with settings, cluster, keyspace or schema."""
        records = self._records
        if records is None or self._pid != os.getpid():
            records = self._open()
        return records

    def _open(self) -> Records:
        if self._pid != os.getpid():
            self._lock = threading.Lock()  # the parent's may have been held when this process was made
        with self._lock:
            if self._records is None or self._pid != os.getpid():
                self._records = self._connect()
                self._pid = os.getpid()
            return self._records

    def _connect(self) -> Records:
        settings = self._settings()
        session = Session(settings)
        try:
            Ladder(session).check()
        except Exception:
            session.close()
            raise
        backoff = Backoff(longest=0.5, deadline=settings.contention_deadline)
        return Records(CqlTables(session, self._prefix), backoff=backoff)
