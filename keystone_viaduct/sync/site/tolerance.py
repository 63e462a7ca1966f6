"""What a site does is done but for the records that make it fail in a way that nobody has foreseen: these are
found, put aside and named, and the rest goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TypeVar

from keystone_viaduct.clock import Clock
from keystone_viaduct.sync.model import Ref
from keystone_viaduct.sync.ports import Store, Transaction
from keystone_viaduct.sync.site.aside import put_aside
from keystone_viaduct.sync.site.isolating import NONE, Quarantine, culprits, failure, gentler, in_words
from keystone_viaduct.sync.site.release import adopt_release, to_be_adopted
from keystone_viaduct.sync.site.sequencer import MOST_MARKS, sequence_some

LOG = logging.getLogger(__name__)
T = TypeVar("T")
#: The records that something deals with; what it fails with when some of them are put aside.
LookedAt = Callable[[Transaction], list[Ref]]
Fails = Callable[[frozenset[Ref]], Exception | None]


class Tolerance:
    """Of one site: runs transactions, and again without what they fail for."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def applying(
        self,
        work: Callable[[Transaction, Mapping[Ref, Quarantine]], T],
        looked_at: LookedAt,
        run: Callable[[Callable[[Transaction], T]], T] | None = None,
    ) -> T:
        """Apply something; the records that make it fail in an unforeseen way are put aside first.

        Raises the error if it lies in none of those that are ``looked_at``.
        """
        run = run or self._store.run
        try:
            return run(lambda tx: work(tx, NONE))
        except Exception as error:
            if not self._store.may_be_a_record(error):
                raise
            self._number_apart()

            def fails(quarantine: Mapping[Ref, Quarantine]) -> Exception | None:
                return failure(self._store, lambda tx: work(tx, quarantine))

            refs = self._store.run(looked_at)
            found = culprits(refs, lambda aside: fails(dict.fromkeys(aside, Quarantine(""))))
            if found is None:
                raise
            quarantine = gentler(found, fails)
        for ref, put in quarantine.items():
            LOG.warning("%s is put aside: %s", ref, put.why)
        return run(lambda tx: work(tx, quarantine))

    def numbering(self, work: Callable[[Transaction], T]) -> T:
        """Run what numbers first; what can't be numbered is put aside."""
        return self.isolated(lambda: self._store.run(work), work, lambda tx: [])

    def _number_apart(self) -> bool:
        """Put aside what can't be numbered, or be adopted after an upgrade; whether there was anything."""
        adopted = self._adopt_apart()

        def fails(aside: frozenset[Ref]) -> Exception | None:
            def work(tx: Transaction) -> None:
                tx.drop_marks([mark.id for mark in tx.marks_of(sorted(aside))])
                sequence_some(tx, tx.state(), self._clock.now(), MOST_MARKS)

            return failure(self._store, work)

        def marked(tx: Transaction) -> list[Ref]:
            return [mark.ref for mark in tx.take_marks(MOST_MARKS)]

        return self._apart(marked, fails) or adopted

    def _adopt_apart(self) -> bool:
        """Put aside what can't be adopted after an upgrade; whether there was anything."""

        def fails(aside: frozenset[Ref]) -> Exception | None:
            def work(tx: Transaction) -> None:
                put_aside(tx, dict.fromkeys(aside, ""), self._clock.now())
                adopt_release(tx, tx.state(), self._clock.now())

            return failure(self._store, work)

        return self._apart(to_be_adopted, fails)

    def _apart(self, looked_at: LookedAt, fails: Fails) -> bool:
        """Put aside what it ``fails`` for, until it does for nothing more; whether there was anything."""
        anything = False
        while fails(frozenset()) is not None and self._culprits_put_aside(looked_at, fails):
            anything = True
        return anything

    def _culprits_put_aside(self, looked_at: LookedAt, fails: Fails) -> bool:
        """Whether it fails for some of those that are looked at; these are put aside."""
        found = culprits(self._store.run(looked_at), fails, some=True)
        if found:
            self.put_aside({ref: in_words(ref, error) for ref, error in found.items()})
        return bool(found)

    def isolated(
        self,
        run: Callable[[], T],
        work: Callable[[Transaction], T],
        shown: LookedAt,
    ) -> T:
        """Run; what can't be numbered, or be shown, is put aside first if it fails for that."""
        try:
            return run()
        except Exception as error:
            if not self._store.may_be_a_record(error):
                raise
            if self._number_apart() and failure(self._store, work) is None:
                return run()

        def fails(aside: frozenset[Ref]) -> Exception | None:
            def without(tx: Transaction) -> T:
                put_aside(tx, dict.fromkeys(aside, ""), self._clock.now())
                return work(tx)

            return failure(self._store, without)

        while self._culprits_put_aside(shown, fails):
            pass
        return run()

    def put_aside(self, found: Mapping[Ref, str]) -> None:
        """Leave records out of pages that can't be sent; named, until they change or another try is asked."""
        self._store.run(lambda tx: put_aside(tx, found, self._clock.now()))
        for ref, why in found.items():
            LOG.warning("%s is put aside and not sent: %s", ref, why)
