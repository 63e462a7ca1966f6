"""One job for each of many sites, some side by side, such that a site that never ends its own holds up no
other: who is late goes on beside the next rounds, and does not begin again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

T = TypeVar("T")


class Rounds:
    """``at_once``: jobs of one round that run at the same time."""

    def __init__(self, name: str, at_once: int) -> None:
        self._name = name
        self._at_once = at_once
        self._under_way: dict[str, Future[Any]] = {}
        self._stopped = False
        self._lock = threading.Lock()

    @property
    def late(self) -> list[str]:
        """Whose job has not ended."""
        return sorted(name for name, job in list(self._under_way.items()) if not job.done())

    def play(self, jobs: Mapping[str, Callable[[], T]], patience: float | None = None) -> dict[str, T]:
        """What those jobs give that end within so many seconds (None: all are waited for). Where one of an
        earlier round has not ended, none is begun. Raises what a job raises.
        """
        with self._lock:
            late = {name: job for name, job in self._under_way.items() if not job.done()}
            wanted = {name: job for name, job in jobs.items() if name not in late}
            if self._stopped or not wanted:
                return {}
            pool = ThreadPoolExecutor(min(len(wanted), self._at_once), self._name)
            begun = {name: pool.submit(job) for name, job in wanted.items()}
            self._under_way = {**late, **begun}
        wait(begun.values(), patience)
        pool.shutdown(wait=False, cancel_futures=True)  # whose turn has not come has it next time
        return {name: job.result() for name, job in begun.items() if job.done() and not job.cancelled()}

    def stop(self, patience: float) -> bool:
        """Begin no more; whether all jobs ended within ``patience`` seconds."""
        with self._lock:
            self._stopped = True
        return not wait(self._under_way.values(), patience).not_done
