"""What stands before the servers: clients get one that serves, and a server is emptied before it ends."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Endpoint:
    """A Keystone: ``url`` with ``/v3``; ``new``: it is of the new release."""

    name: str
    url: str
    new: bool


class Balancer:
    """Servers in turn. One that is taken out gets no more requests, and those under way are waited for."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._serving: list[Endpoint] = []
        self._busy: Counter[str] = Counter()
        self._turn = 0

    @property
    def serving(self) -> list[Endpoint]:
        """Those that get requests."""
        with self._changed:
            return list(self._serving)

    def add(self, endpoint: Endpoint) -> None:
        """It is ready."""
        with self._changed:
            self._serving.append(endpoint)
            self._changed.notify_all()

    def remove(self, endpoint: Endpoint) -> None:
        """Returns when its last request is answered."""
        with self._changed:
            self._serving.remove(endpoint)
            self._changed.wait_for(lambda: not self._busy[endpoint.name])

    @contextmanager
    def one(self) -> Iterator[Endpoint]:
        """The next in turn, kept from ending meanwhile; waits while there is none."""
        with self._changed:
            self._changed.wait_for(lambda: self._serving)
            self._turn += 1
            endpoint = self._serving[self._turn % len(self._serving)]
            self._busy[endpoint.name] += 1
        try:
            yield endpoint
        finally:
            with self._changed:
                self._busy[endpoint.name] -= 1
                self._changed.notify_all()
