"""A connection that is lost at COMMIT: was the transaction done, or not?

The first statement of a transaction inserts a token, the same in each attempt. An attempt that finds it there
knows that the one before was committed, whose result then counts; where the server is still at it, the
insertion waits for what becomes of it. So no change is made twice, and none that was made is called refused.
"""

from __future__ import annotations

import secrets
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from keystone_viaduct.sync.store import queries as q

T = TypeVar("T")

#: Microseconds for which a token is kept: far longer than an attempt may be repeated.
KEPT = 10 * 60 * 1_000_000
#: Old tokens are dropped with each so many-th transaction of a process, at most so many.
EVERY, MOST = 100, 1000


class Done(Exception):
    """The attempt before was committed; its answer was lost."""


class Once(Generic[T]):
    """The attempts at one transaction."""

    def __init__(self) -> None:
        self._token = secrets.token_hex(16)
        self._result: tuple[T, ...] = ()

    @property
    def is_unsure(self) -> bool:
        """Whether a COMMIT was begun of which it is not known what became of it."""
        return bool(self._result)

    @property
    def result(self) -> T:
        """What the attempt gives that was committed."""
        return self._result[0]

    def begin(self, connection: Any, now: int) -> None:
        """The transaction's first statement. Raises Done."""
        try:
            connection.execute(q.INSERT_COMMIT, {"token": self._token, "at": now})
        except sa.exc.IntegrityError:
            if self._result:
                raise Done from None
            raise
        self._result = ()

    def is_committing(self, result: T) -> None:
        """From now on it may have been done."""
        self._result = (result,)


class Tokens:
    """Drops old tokens now and then, by their keys: nobody waits for one that is being made."""

    def __init__(self) -> None:
        self._begun = 0

    def tidy(self, connection: Any, now: int) -> None:
        """In a transaction that has just begun."""
        self._begun += 1
        if self._begun % EVERY == 0:
            old = connection.execute(q.OLD_COMMITS, {"p_before": now - KEPT, "p_limit": MOST}).scalars().all()
            for part in q.chunks(old):
                connection.execute(q.DROP_COMMITS, {"p_tokens": part})
