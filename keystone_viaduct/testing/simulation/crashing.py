"""A store whose process dies: in the middle of a transaction, or after its commit and before the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from keystone_viaduct.errors import NotYet
from keystone_viaduct.sync.model import Document, Ref
from keystone_viaduct.sync.ports import Store, Write
from keystone_viaduct.testing.memory import Violation

T = TypeVar("T")


class Crashed(Exception):
    """The process is gone; whoever called it hears nothing."""


class Unforeseen(Exception):
    """Something about one record that nobody has thought of."""


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

    ``blocked``: rows were taken away by hand, and nobody has found that yet. To write any of the records that
    are ``failing`` raises Unforeseen, and so does to read one that is ``unreadable``, or to delete the row of
    one that is ``kept``.

    ``busy_every``: of so many transactions that would not wait one finds another at work (0: none does).
    """

    def __init__(self, inner: Store) -> None:
        self.inner = inner
        self._blow: Blow | None = None
        self.blocked = False
        self.failing: set[Ref] = set()
        self.unreadable: set[Ref] = set()
        self.kept: set[Ref] = set()
        self.busy_every = 0
        self._tries = 0

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

    def run_at_once(self, work: Callable[[Any], T]) -> T | None:
        """As :meth:`run`; None where another is taken to be at work."""
        self._tries += 1
        if self.busy_every and self._tries % self.busy_every == 0:
            return None
        return self.run(work)

    def look(self, work: Callable[[Any], T]) -> T:
        """As the inner store does; to die here leaves nothing that could be told from not having looked."""
        return self.inner.look(self._troubled(work))

    def may_be_a_record(self, error: Exception) -> bool:
        """Only what is made to fail: anything else that is unforeseen is a fault that a run has to show."""
        return isinstance(error, Unforeseen)

    def _troubled(self, work: Callable[[Any], T]) -> Callable[[Any], T]:
        failing, unreadable, kept = frozenset(self.failing), frozenset(self.unreadable), frozenset(self.kept)
        if not (failing or unreadable or kept):
            return work
        return lambda tx: work(_Failing(tx, failing, unreadable, kept))

    def _run(self, work: Callable[[Any], T]) -> T:
        work = self._troubled(work)
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


class _Failing:
    """A transaction in which some records can't be written, read or deleted; nobody knows why."""

    def __init__(
        self, tx: Any, refs: frozenset[Ref], unreadable: frozenset[Ref], kept: frozenset[Ref]
    ) -> None:
        self._tx = tx
        self._refs = refs
        self._unreadable = unreadable
        self._kept = kept

    def documents(self, refs: Sequence[Ref]) -> dict[Ref, Document]:
        """Fail at any of them."""
        for ref in refs:
            if ref in self._unreadable:
                raise Unforeseen(f"nobody knows why {ref} can't be read")
        found: dict[Ref, Document] = self._tx.documents(refs)
        return found

    def write_documents(self, writes: Sequence[Write]) -> None:
        """Fail at the first of them."""
        for write in writes:
            if write.ref in (self._kept if write.new is None else self._refs):
                raise Unforeseen(f"nobody knows why {write.ref} can't be written")
        self._tx.write_documents(writes)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)


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
