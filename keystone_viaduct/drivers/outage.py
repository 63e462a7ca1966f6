"""What is known of a database that serves nobody at the moment, and of requests that failed for it.

A Galera node outside of the majority answers every statement with an error, at once. The first requests that
meet it wait a little, for it may pass; once one has given up, the others do not wait, until a call succeeds.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass

_refusing = threading.Event()


@dataclass
class Noted:
    """Whether a driver call of the request was given up on because of the database."""

    given_up: bool = False


_noted: ContextVar[Noted | None] = ContextVar("viaduct_outage", default=None)


def refusing() -> bool:
    """Whether the database refused the last calls of this process for as long as they were repeated."""
    return _refusing.is_set()


def refused() -> None:
    """A call was given up on because the server serves nobody."""
    _refusing.set()


def served() -> None:
    """A call succeeded."""
    if _refusing.is_set():
        _refusing.clear()


def give_up() -> None:
    """Note that the request being served failed for the database's sake."""
    noted = _noted.get()
    if noted is not None:
        noted.given_up = True


@contextlib.contextmanager
def noting() -> Iterator[Noted]:
    """While a request is served: what it met."""
    noted = Noted()
    token = _noted.set(noted)
    try:
        yield noted
    finally:
        _noted.reset(token)
