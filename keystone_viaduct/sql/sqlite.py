"""SQLite: references are kept; several workers and threads on one file, without ``database is locked``.

SQLite lets one transaction write at a time. A transaction that begins deferred (oslo.db's ``BEGIN``) and
writes later cannot wait for the other writer when its snapshot is outdated: it fails at once, whatever the
time-out (https://www.sqlite.org/lang_transaction.html, "BUSY_SNAPSHOT"). So a writer scope says at its
beginning that it will write and waits its turn there; everything else stays deferred, and with the
write-ahead log never waits for anyone. Outside of any scope too: Keystone 27 hands out a query whose scope
has ended (``get_enabled_service_providers``), and its session stays open until it is collected.

SQLite checks foreign keys, and deletes by them, only on a connection that asks for it. Keystone asks in its
tests alone; here each connection asks, but for those that migrate: Alembic drops a table and makes it anew to
change it, which would take along all that refers to it.
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import threading
from typing import Any

import sqlalchemy as sa
from oslo_db import exception as db_exception
from oslo_db.sqlalchemy import exc_filters
from sqlalchemy import event

from keystone_viaduct.config import SqlSettings
from keystone_viaduct.drivers import scope
from keystone_viaduct.drivers.faults import Fault
from keystone_viaduct.sql.sqlite_pool import keep_connections

LOG = logging.getLogger(__name__)

Identity = tuple[int, int, int]
"""Process, device and inode: whose keeper it is, and of which file."""

_LOCKED = re.compile(r"database (table |schema )?is locked")


def attach(engine: sa.engine.Engine, settings: SqlSettings) -> None:
    """Install the hooks on one engine of this dialect."""
    journal = Journal(engine.url.database) if settings.sqlite_wal else None
    keep_connections(engine)

    @event.listens_for(engine, "do_connect")
    def _do_connect(_dialect: Any, _record: Any, _arguments: Any, options: dict[str, Any]) -> None:
        options["timeout"] = settings.sqlite_busy_timeout
        # A session that was left open is closed by the thread that collects it, as with SQLAlchemy 2.
        options["check_same_thread"] = False

    @event.listens_for(engine, "connect")
    def _connect(dbapi_connection: Any, _record: Any) -> None:
        if settings.sqlite_foreign_keys:
            dbapi_connection.execute("PRAGMA foreign_keys = ON")
        if journal is not None:
            journal.ensure(dbapi_connection)

    event.listen(engine, "before_cursor_execute", begin, retval=True)


class Journal:
    """Keeps a database file in write-ahead mode, and its log in use.

    The last connection that closes folds the log into the database and deletes it, which makes the next
    transaction dearer than without a log; so one idle connection per process is kept. ``path``: the file, or
    None or ``:memory:`` where there is none.
    """

    def __init__(self, path: str | None) -> None:
        self._path = path if path and path != ":memory:" and not path.startswith("file:") else None
        self._keeper: tuple[Identity, sqlite3.Connection] | None = None
        self._inherited: list[sqlite3.Connection] = []
        self._lock = threading.Lock()

    def ensure(self, dbapi_connection: Any) -> None:
        """See to it that the file of a new connection is in write-ahead mode and has its keeper."""
        if self._path is None:
            return
        stat = os.stat(self._path)
        identity = (os.getpid(), stat.st_dev, stat.st_ino)
        if self._keeper is not None and self._keeper[0] == identity:
            return
        with self._lock:
            if _switch_to_wal(dbapi_connection):
                self._keep(identity, self._path)

    def _keep(self, identity: Identity, path: str) -> None:
        if self._keeper is not None:
            # of the parent process or of a replaced file: not ours to close
            self._inherited.append(self._keeper[1])
        keeper = sqlite3.connect(path, check_same_thread=False)
        keeper.execute("SELECT 1 FROM sqlite_master").fetchone()
        self._keeper = (identity, keeper)


def _switch_to_wal(dbapi_connection: Any) -> bool:
    """Change the journal unless somebody else is using the file right now; then the next connection tries
    again.
    """
    try:
        mode = dbapi_connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        LOG.debug("the journal of the SQLite file stays as it is for now: %s", error)
        return False
    return bool(mode == "wal")


def begin(
    _connection: sa.engine.Connection,
    _cursor: Any,
    statement: str,
    parameters: Any,
    _context: Any,
    _many: bool,
) -> tuple[str, Any]:
    """Turn oslo.db's ``BEGIN`` into one that says that it will write, in a writer scope.

    Listener of ``before_cursor_execute``: oslo.db begins by an ordinary statement, and of the ``begin`` event
    its own listener is always the first.
    """
    if statement == "BEGIN" and scope.current() is scope.Scope.WRITER:
        return "BEGIN IMMEDIATE", parameters
    return statement, parameters


def classify(error: BaseException) -> Fault | None:
    """What a DBAPI error of sqlite3 means."""
    if isinstance(error, sqlite3.OperationalError) and _LOCKED.search(str(error)):
        return Fault.CONFLICT
    return None


def register_filters() -> None:
    """Tell oslo.db that a locked database is a matter of trying again."""

    exc_filters.filters("sqlite", sa.exc.OperationalError, r".*database (table |schema )?is locked.*")(
        _locked
    )


def _locked(error: Any, _match: Any, _engine_name: str, _is_disconnect: bool) -> None:
    raise db_exception.DBDeadlock(error)
