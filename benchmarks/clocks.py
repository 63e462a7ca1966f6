"""The time of a piece of work by two clocks, a server's processor's and the wall's; for ``bridges.py``."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

_THREADS = {
    "postgresql": "SELECT pid FROM pg_stat_activity WHERE datname = current_database()",
    "mariadb": "SELECT tid FROM information_schema.processlist WHERE db = DATABASE()",
    "mysql": "SELECT thread_os_id FROM performance_schema.threads WHERE processlist_db = DATABASE()",
}


@dataclass(frozen=True)
class Took:
    """Seconds of the server's processors, and on the wall."""

    cpu: float
    wall: float


class Clock:
    """Of one database: the processor time of all its connections in the server (SQLite: of this thread)."""

    def __init__(self, connections: sa.engine.Engine, engine: str) -> None:
        self._engine = connections
        self._query = _THREADS.get(engine, "")
        self._places: dict[int, Path | None] = {}

    @property
    def is_of_this_process(self) -> bool:
        """Whether there is no server."""
        return not self._query

    def timed(self, work: Callable[[], object]) -> Took:
        """What a piece of work takes."""
        cpu, wall = self.cpu(), time.perf_counter()
        work()
        wall = time.perf_counter() - wall
        return Took(self.cpu() - cpu, wall)

    def cpu(self) -> float:
        """Seconds so far."""
        if not self._query:
            return time.thread_time()
        with self._engine.connect() as connection:
            threads = connection.exec_driver_sql(self._query).scalars().all()
        return sum(map(self._used, threads)) / 1e9

    def _used(self, thread: int) -> int:
        """A connection that has ended meanwhile counts for nothing; each of ours lives on in the pool."""
        if thread not in self._places:
            self._places[thread] = next(Path("/proc").glob(f"[0-9]*/task/{thread}/schedstat"), None)
        place = self._places[thread]
        try:
            return int(place.read_text().split()[0]) if place is not None else 0
        except FileNotFoundError:
            return 0


def factor(one: Sequence[Took], other: Sequence[Took], kind: str) -> float:
    """How many times the other's time one takes: the median of the turns'."""
    turns = zip(one, other, strict=True)
    return float(statistics.median(getattr(a, kind) / getattr(b, kind) for a, b in turns))
