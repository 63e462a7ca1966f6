"""Reading ahead, for the links that fill a new site: each holds one page more, so only some of them do."""

from __future__ import annotations

import threading
from concurrent.futures import Executor, ThreadPoolExecutor

#: Links that read ahead at the same time. A page has at most 16 MiB as it is transferred.
AT_ONCE = 8


class Ahead:
    """Lends the threads in which pages are read ahead."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._lent = 0
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    def lend(self) -> Executor | None:
        """None while others have all of them: then a page is read when it is needed."""
        with self._lock:
            if self._lent >= self._at_once:
                return None
            self._lent += 1
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._at_once, "ahead")
            return self._pool

    def give_back(self) -> None:
        """One who was lent them needs them no more; with the last one the threads end."""
        with self._lock:
            self._lent -= 1
            if not self._lent and self._pool is not None:
                self._pool.shutdown(wait=False, cancel_futures=True)
                self._pool = None
