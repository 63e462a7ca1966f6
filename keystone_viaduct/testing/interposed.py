"""A store that says, before each call of a transaction, which one it is: for what happens in between."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from keystone_viaduct.sync.ports import Store, Transaction

T = TypeVar("T")
Hook = Callable[[int, str], None]

#: What is answered without a look at the database: nothing can come between.
PURE = frozenset({"known_fields", "release", "defaults", "external_drivers", "hashing", "enforced", "stamp"})


class Interposed:
    """``ports.Store`` over another one. ``hook(number, name)`` is called before each call of a transaction;
    numbers begin at 1 with each attempt. What it raises comes out of the transaction.
    """

    def __init__(self, store: Store, hook: Hook) -> None:
        self._store = store
        self._hook = hook

    def run(self, work: Callable[[Transaction], T]) -> T:
        """As the store does."""
        return self._store.run(lambda tx: work(cast(Transaction, _Interposed(tx, self._hook))))

    def run_at_once(self, work: Callable[[Transaction], T]) -> T | None:
        """As the store does."""
        return self._store.run_at_once(lambda tx: work(cast(Transaction, _Interposed(tx, self._hook))))

    def look(self, work: Callable[[Transaction], T]) -> T:
        """As the store does."""
        return self._store.look(lambda tx: work(cast(Transaction, _Interposed(tx, self._hook))))

    def may_be_a_record(self, error: Exception) -> bool:
        """As the store has it."""
        return self._store.may_be_a_record(error)


class _Interposed:
    """A transaction of which each call is announced."""

    def __init__(self, tx: Transaction, hook: Hook) -> None:
        self._tx = tx
        self._hook = hook
        self._number = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._tx, name)
        if name in PURE or not callable(found):
            return found

        @functools.wraps(found)
        def call(*arguments: Any, **named: Any) -> Any:
            self._number += 1
            self._hook(self._number, name)
            return found(*arguments, **named)

        return call
