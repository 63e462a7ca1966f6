"""What the drivers answered within one request.

Keystone asks the same things again and again while it serves one request: the token model alone computes its
roles four times. A :class:`Memo` lives from the beginning of a request to its end, is seen by the thread that
serves it and by no other, and forgets what a write of the same request could have changed. Answers are kept
pickled (in memory, never read from elsewhere): each caller gets objects of its own, and their size is known.
"""

from __future__ import annotations

import contextlib
import io
import pickle
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import date, datetime, timedelta
from typing import Any

from keystone_viaduct.drivers import arguments

MISSING: Any = object()
"""The memo has no answer."""

Key = tuple[Any, ...]

_current: ContextVar[Memo | None] = ContextVar("viaduct_memo", default=None)

_PLAIN_TYPES = frozenset({str, int, bool, float, bytes, type(None)})
_VALUE_TYPES = frozenset({datetime, date, timedelta})


class Unkeepable(Exception):
    """An answer or argument holds objects that cannot be copied safely (of the ORM, for example)."""


class Memo:
    """The answers of one request; ``entries`` and ``size`` (bytes) bound it, the oldest go first."""

    def __init__(self, entries: int = 4096, size: int = 4 << 20) -> None:
        self._thread = threading.get_ident()
        self._entries = entries
        self._size = size
        self._answers: OrderedDict[Key, tuple[bytes, bytes | None]] = OrderedDict()
        self._kept = 0
        self._writes = 0
        self.hits = 0
        self.misses = 0

    def usable(self) -> bool:
        """Whether this thread may ask: another one that inherited the context has no part in the request."""
        return self._writes == 0 and threading.get_ident() == self._thread

    def recall(self, key: Key, mutable: list[Any]) -> Any:
        """The answer kept under ``key``, or ``MISSING``; mutable arguments become what the driver made of
        them.
        """
        kept = self._answers.get(key)
        if kept is None:
            self.misses += 1
            return MISSING
        self.hits += 1
        answer, after = kept
        if after is not None:
            for value, contents in zip(mutable, pickle.loads(after), strict=True):
                arguments.put(value, contents)
        return pickle.loads(answer)

    def knows(self, key: Key) -> bool:
        """Whether an answer is kept under ``key``."""
        return key in self._answers

    def keep(self, key: Key, answer: Any, mutable: list[Any]) -> None:
        """Keep a copy of ``answer``; what cannot be copied safely is not kept."""
        try:
            kept = _dump(answer)
            after = _dump([arguments.state(value) for value in mutable]) if mutable else None
        except Unkeepable:
            return
        self._drop(key)
        self._answers[key] = (kept, after)
        self._kept += _size(kept, after)
        while self._kept > self._size or len(self._answers) > self._entries:
            self._drop(next(iter(self._answers)))

    @contextlib.contextmanager
    def writing(self, group: str) -> Iterator[None]:
        """While a write method of ``group`` runs nothing is answered from here, and then its group is
        forgotten.
        """
        self._writes += 1
        try:
            yield
        finally:
            self._writes -= 1
            self.forget(group)

    def forget(self, group: str | None = None) -> None:
        """Forget all answers of ``group`` (the first part of their keys), or all."""
        for key in [key for key in self._answers if group is None or key[0] == group]:
            self._drop(key)

    def _drop(self, key: Key) -> None:
        kept = self._answers.pop(key, None)
        if kept is not None:
            self._kept -= _size(*kept)


@contextlib.contextmanager
def request(entries: int = 4096, size: int = 4 << 20) -> Iterator[Memo]:
    """Give the block a memo of its own (a request inside of a request has its own too)."""
    memo = Memo(entries, size)
    token = _current.set(memo)
    try:
        yield memo
    finally:
        _current.reset(token)


def current() -> Memo | None:
    """The memo of the request that this thread serves, when one may be used now."""
    memo = _current.get()
    return memo if memo is not None and memo.usable() else None


def forget(group: str | None = None) -> None:
    """Forget what the drivers answered in this request: for code that writes to the database without the
    drivers.
    """
    memo = _current.get()
    if memo is not None:
        memo.forget(group)


def freeze(value: Any) -> Any:
    """A hashable form of an argument that is equal only for equal arguments; raises :class:`Unkeepable`."""
    kind = type(value)
    if kind in (str, type(None)):
        return value
    if kind in _PLAIN_TYPES or kind in _VALUE_TYPES:
        return kind, value
    if isinstance(value, dict):
        return dict, frozenset((key, freeze(part)) for key, part in value.items())
    if isinstance(value, (list, tuple)):
        return kind, tuple(freeze(part) for part in value)
    if isinstance(value, (set, frozenset)):
        return set, frozenset(freeze(part) for part in value)
    if arguments.is_mutable(value):
        return kind, freeze(arguments.state(value))
    raise Unkeepable


class _Pickler(pickle.Pickler):
    """Takes plain data only: built-in containers and values, dates and times."""

    def reducer_override(self, value: Any) -> Any:
        """Called for whatever is not of a built-in type."""
        if type(value) in _VALUE_TYPES or (isinstance(value, type) and value in _VALUE_TYPES):
            return NotImplemented
        raise Unkeepable


def _dump(value: Any) -> bytes:
    buffer = io.BytesIO()
    _Pickler(buffer, pickle.HIGHEST_PROTOCOL).dump(value)
    return buffer.getvalue()


def _size(answer: bytes, after: bytes | None) -> int:
    return len(answer) + len(after or b"")
