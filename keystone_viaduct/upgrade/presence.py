"""Each worker of our WSGI entry tells the database its release and the columns that its models have.

A row per process in ``viaduct_releases``, renewed by a thread, ended with the process. The table comes with
the first upgrade; before that nothing is written. Contract reads the rows (``releases.py``). Runs inside
Keystone, so under SQLAlchemy 1.4 too.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from keystone_viaduct.clock import Clock, SystemClock

from . import holder
from .tables import RELEASES

LOG = logging.getLogger(__name__)
#: A worker tells that it is there so often.
BEAT_SECONDS = 20.0
#: One that was not heard of for so long, and did not say that it ends, is gone.
LAPSE_MICROSECONDS = 90_000_000
_KEPT_MICROSECONDS = 30 * 86_400 * 1_000_000


class Presence:
    """The row of one worker."""

    def __init__(
        self,
        engine: sa.engine.Engine,
        release: str,
        columns: Mapping[str, Iterable[str]],
        clock: Clock,
        worker: str = "",
    ) -> None:
        self._engine = engine
        self._release = release
        self._columns = json.dumps({table: sorted(names) for table, names in sorted(columns.items())})
        self._clock = clock
        self._worker = worker or holder.myself()

    def beat(self) -> bool:
        """Write or renew the row; whether there is a table for it. Raises SQLAlchemyError."""
        if not sa.inspect(self._engine).has_table(RELEASES.name):
            return False
        now = self._clock.now()
        row = {"release": self._release, "columns": self._columns, "seen_at": now, "ended_at": 0}
        mine = RELEASES.c.worker == self._worker
        with self._engine.begin() as connection:
            if connection.execute(sa.select(RELEASES.c.worker).where(mine)).first() is None:
                old = RELEASES.c.seen_at < now - _KEPT_MICROSECONDS
                connection.execute(sa.delete(RELEASES).where(old))
                connection.execute(sa.insert(RELEASES).values(worker=self._worker, **row))
            else:
                connection.execute(sa.update(RELEASES).where(mine).values(**row))
        return True

    def end(self) -> None:
        """The process ends in order. Raises SQLAlchemyError."""
        if sa.inspect(self._engine).has_table(RELEASES.name):
            with self._engine.begin() as connection:
                statement = sa.update(RELEASES).where(RELEASES.c.worker == self._worker)
                connection.execute(statement.values(ended_at=self._clock.now()))


class Keeper:
    """Beats in every process that serves: one that was forked off has no thread of its parent's."""

    def __init__(self, make: Callable[[], Presence], seconds: float = BEAT_SECONDS) -> None:
        self._make = make
        self._seconds = seconds
        self._process = 0
        self._begun = threading.Lock()
        self._end: Callable[[], None] = lambda: None

    def watch(self) -> None:
        """Called at the beginning and by each request: cheap, unless this process is new."""
        if self._process == os.getpid():
            return
        with self._begun:
            if self._process != os.getpid():
                self._process = os.getpid()
                self._begin(self._make())
                atexit.register(self.end)

    def _begin(self, presence: Presence) -> None:
        ending, process = threading.Event(), os.getpid()

        def beat() -> None:
            _quietly(presence.beat)
            while not ending.wait(self._seconds):
                _quietly(presence.beat)

        beating = threading.Thread(target=beat, daemon=True)

        def end() -> None:
            if process == os.getpid():  # (a child has inherited what its parent registered)
                ending.set()
                beating.join()
                _quietly(presence.end)

        self._end = end
        beating.start()

    def end(self) -> None:
        """The process ends in order. Repeatable."""
        end, self._end = self._end, lambda: None
        end()
        atexit.unregister(self.end)


def _quietly(act: Callable[[], object]) -> None:
    """Keystone serves on, whatever becomes of its row: contract is refused without one."""
    try:
        act()
    except SQLAlchemyError as error:
        LOG.warning("viaduct_releases was not written: %s", error)


def around(application: Any, connection: str | None) -> Any:
    """Keystone's application, whose processes tell what they run. ``connection``: the SQL database's URL."""
    if not connection:
        return application

    def make() -> Presence:
        from importlib.metadata import version

        from keystone.common.sql import core

        engine = sa.create_engine(connection, poolclass=sa.pool.NullPool)
        tables = core.ModelBase.metadata.tables.values()
        columns = {table.name: [column.name for column in table.columns] for table in tables}
        return Presence(engine, f"keystone-{version('keystone')}", columns, SystemClock())

    keeper = Keeper(make)
    keeper.watch()

    def served(environ: Any, start_response: Any) -> Any:
        keeper.watch()
        return application(environ, start_response)

    return served
