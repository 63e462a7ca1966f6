"""A store whose process dies: in the middle of a transaction, or after its commit and before the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from keystone_viaduct.errors import NotYet
from keystone_viaduct.sync.ports import Store
from keystone_viaduct.testing.memory import Violation

T = TypeVar("T")


class Crashed(Exception):
    """The process is gone; whoever called it hears nothing."""


class Blow(NamedTuple):
    """When to die: in the transaction after ``transactions`` others, before its port call number ``call``.

    ``call`` None: after the commit.
    """

    transactions: int
    call: int | None

    def __str__(self) -> str:
        where = "after the commit" if self.call is None else f"before port call {self.call}"
        return f"{where} of transaction {self.transactions + 1}"


class CrashingStore:
    """``ports.Store`` around another; dies once it is armed.

    ``blocked``: rows were taken away by hand, and nobody has found that yet.
    """

    def __init__(self, inner: Store) -> None:
        self.inner = inner
        self._blow: Blow | None = None
        self.blocked = False

    def arm(self, blow: Blow | None) -> None:
        """Die as told, or (None) no more."""
        self._blow = blow

    def run(self, work: Callable[[Any], T]) -> T:
        """As the inner store does; raises Crashed when the time has come.

        A database that refuses to refer to a row which somebody has taken away by hand says NotYet here: the
        agent tries again, after a sweep.
        """
        try:
            return self._run(work)
        except Violation:
            if not self.blocked:
                raise
            raise NotYet("a row that is referred to was taken away by hand") from None

    def _run(self, work: Callable[[Any], T]) -> T:
        blow = self._blow
        if blow is None:
            return self.inner.run(work)
        if blow.transactions:
            self._blow = blow._replace(transactions=blow.transactions - 1)
            return self.inner.run(work)
        self._blow = None
        if blow.call is None:
            self.inner.run(work)
            raise Crashed("after the commit")
        call = blow.call
        self.inner.run(lambda tx: _die_within(work, tx, call))
        raise AssertionError("a transaction that died was committed")


def _die_within(work: Callable[[Any], object], tx: Any, call: int) -> None:
    work(_Mortal(tx, call))
    raise Crashed("before the commit")


class _Mortal:
    """A transaction that dies before one of its calls."""

    def __init__(self, tx: Any, left: int) -> None:
        self._tx = tx
        self._left = left

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._tx, name)
        if not callable(found):
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            if self._left == 0:
                raise Crashed(f"before {name}")
            self._left -= 1
            return found(*arguments, **named)

        return call
