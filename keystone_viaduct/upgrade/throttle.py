"""How large a batch is and how long the pause after it: so that others hardly notice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

_REPLAY_LAG = """
SELECT coalesce(extract(epoch FROM max(coalesce(replay_lag, '0'))), 0) FROM pg_stat_replication
"""


@dataclass(frozen=True)
class Pace:
    """What a backfill may ask of the database.

    ``batch``: rows at the beginning; it grows and shrinks so that one takes about ``seconds``. ``share``: the
    part of the time in which it works. ``lag``: seconds that a replica may be behind.
    """

    batch: int = 500
    largest: int = 5000
    seconds: float = 0.1
    share: float = 0.8
    lag: float = 5.0


class Throttle:
    """Watches how long batches take, and whether replicas or the cluster fall behind."""

    def __init__(self, pace: Pace, pause: Callable[[float], None]) -> None:
        self.pace = pace
        self.batch = pace.batch
        self._pause = pause
        self._flow_control: float | None = None

    def took(self, seconds: float, rows: int) -> None:
        """A batch is done: choose the size of the next, and pause."""
        if seconds > 2 * self.pace.seconds:
            self.batch = max(20, self.batch // 2)
        elif seconds < self.pace.seconds and rows >= self.batch:
            self.batch = min(self.pace.largest, self.batch * 3 // 2)
        self._pause(seconds * (1 - self.pace.share) / self.pace.share)

    def wait_for_others(self, connection: sa.engine.Connection) -> None:
        """Pause for as long as replicas (PostgreSQL) or other nodes (Galera) are behind."""
        for _ in range(600):
            if not self._are_behind(connection):
                return
            self._pause(0.5)

    def _are_behind(self, connection: sa.engine.Connection) -> bool:
        if connection.dialect.name == "postgresql":
            lag = connection.execute(sa.text(_REPLAY_LAG)).scalar()
            return float(lag or 0) > self.pace.lag
        if connection.dialect.name != "mysql":
            return False
        found = connection.execute(sa.text("SHOW GLOBAL STATUS LIKE 'wsrep_flow_control_paused_ns'")).first()
        before, self._flow_control = self._flow_control, float(found[1]) if found else None
        return before is not None and self._flow_control is not None and self._flow_control > before
